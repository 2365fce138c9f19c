"""There is no hub: nothing is fetched from a network, and no fetched code is run."""
from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["download_url_to_file", "help", "list", "load", "load_state_dict_from_url"]


def _raise(name: str, instead: str) -> NoReturn:
    raise RuntimeError(f"cgrad.hub.{name}: cgrad fetches nothing from a network; {instead}")


def load(repo_or_dir: str, model: str, *args: Any, **kwargs: Any) -> NoReturn:
    """Raises RuntimeError: install the package of the model, or copy its code."""
    _raise("load", "install the package of the model, or copy its code")


def list(github: str, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: A001
    """Raises RuntimeError."""
    _raise("list", "look at the repository itself")


def help(github: str, model: str, *args: Any, **kwargs: Any) -> NoReturn:  # noqa: A001
    """Raises RuntimeError."""
    _raise("help", "look at the repository itself")


def load_state_dict_from_url(url: str, *args: Any, **kwargs: Any) -> NoReturn:
    """Raises RuntimeError: download the file and use ``cgrad.load``."""
    _raise("load_state_dict_from_url", f"download {url} by other means and read the file by "
           "cgrad.load")


def download_url_to_file(url: str, dst: str, *args: Any, **kwargs: Any) -> NoReturn:
    """Raises RuntimeError: download the file by other means."""
    _raise("download_url_to_file", f"download {url} by other means")
