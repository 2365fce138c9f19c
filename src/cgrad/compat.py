"""Running programs that import torch: `torch` and its submodules become names of cgrad's.

In a program, before anything imports torch::

    import cgrad.compat
    cgrad.compat.install_as_torch()
    import torch.nn as nn               # this is cgrad.nn

or for a whole program, unchanged, from the command line::

    python -m cgrad.compat train.py --its-own arguments
    python -m cgrad.compat -m package.module
"""
from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import cgrad
from cgrad.version import Version

__all__ = ["install_as_torch", "uninstall"]

#: The version of PyTorch whose interface cgrad has; `torch.__version__` while it is installed.
INTERFACE = "2.13.0"


class _Torch(ModuleType):
    """cgrad under the name of torch: the same names, and the version of the interface."""

    def __init__(self) -> None:
        super().__init__("torch", cgrad.__doc__)
        self.__dict__["__version__"] = Version(f"{INTERFACE}+cgrad{cgrad.__version__}")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in ("__all__", "__dir__"):
            raise AttributeError(name)
        return getattr(cgrad, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name.startswith("__") or _is_submodule(value)):
            setattr(cgrad, name, value)
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return dir(cgrad)


def _is_submodule(value: Any) -> bool:
    return isinstance(value, ModuleType) and value.__name__.startswith("cgrad.")


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers `import torch…` with the modules of cgrad."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        top, _, rest = fullname.partition(".")
        if top != "torch":
            return None
        if rest and not _exists(f"cgrad.{rest}"):
            raise ModuleNotFoundError(
                f"No module named {fullname!r}: torch is cgrad here, which has no cgrad.{rest}",
                name=fullname)
        # Everything may have submodules, as far as the import system is concerned.
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return _Torch() if spec.name == "torch" else None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        if name != "torch":
            # The module itself, not a copy; the import system looks here again afterwards.
            sys.modules[name] = importlib.import_module("cgrad" + name.removeprefix("torch"))


def _exists(name: str) -> bool:
    try:
        return name in sys.modules or importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


_finder = _Finder()


def install_as_torch() -> None:
    """From now on, `import torch` and `import torch.…` give cgrad and its submodules.

    An installed PyTorch is hidden until :func:`uninstall`. The modules are cgrad's own, so
    ``torch.nn.Linear is cgrad.nn.Linear``; ``torch.__version__`` is that of the interface,
    "2.13.0+cgrad…". What cgrad does not have is a ModuleNotFoundError or AttributeError.

    Raises:
        RuntimeError: PyTorch has been imported already: its tensors could not be told apart.

    Example::

        >>> cgrad.compat.install_as_torch()
        >>> import torch.nn.functional as F
        >>> F is cgrad.nn.functional
        True
        >>> cgrad.compat.uninstall()
    """
    if _finder in sys.meta_path:
        return
    loaded = sys.modules.get("torch")
    if loaded is not None and loaded is not cgrad:
        raise RuntimeError("install_as_torch(): PyTorch has been imported already; call this "
                           "before the first `import torch`")
    sys.modules.pop("torch", None)
    sys.meta_path.insert(0, _finder)


def uninstall() -> None:
    """Undo :func:`install_as_torch`: the next `import torch` gives PyTorch, where it is there.

    Example::

        >>> cgrad.compat.install_as_torch()
        >>> cgrad.compat.uninstall()
    """
    if _finder not in sys.meta_path:
        return
    sys.meta_path.remove(_finder)
    for name in [name for name in sys.modules if name.partition(".")[0] == "torch"]:
        del sys.modules[name]


def _main(arguments: list[str]) -> None:
    import os
    import runpy

    usage = "usage: python -m cgrad.compat (program.py | -m module) [argument …]"
    if not arguments:
        raise SystemExit(usage)
    if arguments[0] in ("-h", "--help"):
        print(usage)
        return
    if arguments[0] != "-m" and not os.path.exists(arguments[0]):
        raise SystemExit(f"python -m cgrad.compat: there is no file {arguments[0]!r}")
    install = importlib.import_module("cgrad.compat").install_as_torch   # not of __main__
    install()
    if arguments[0] == "-m":
        if len(arguments) < 2:
            raise SystemExit("python -m cgrad.compat -m: the name of a module is missing")
        sys.argv = arguments[1:]
        sys.path.insert(0, "")
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        return
    sys.argv = arguments
    sys.path.insert(0, os.path.dirname(os.path.abspath(arguments[0])))
    runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    _main(sys.argv[1:])
