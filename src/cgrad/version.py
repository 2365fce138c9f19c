"""The version of cgrad, as a string that compares like a version."""
from __future__ import annotations

import re
from typing import Any

__all__ = ["Version", "__version__", "cuda", "debug", "git_version", "hip"]

_STAGES = {"a": -3, "b": -2, "rc": -1, "dev": -4, "post": 1}


def _key(version: Any) -> tuple[tuple[int, ...], int, str]:
    """Release numbers without zeros at the end, stage (before or after the release), build."""
    if isinstance(version, tuple):
        version = ".".join(map(str, version))
    found = re.match(r"v?(\d+(?:\.\d+)*)[-_.]?(a|b|rc|dev|post)?", str(version))
    if found is None:
        raise ValueError(f"Invalid version: {version!r}")
    numbers = [int(number) for number in found[1].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers), _STAGES.get(found[2] or "", 0), str(version).partition("+")[2]


class Version(str):
    """A version: a string, which strings and tuples may be compared with as versions.

    What is no version is compared as a string.

    Example::

        >>> version = cgrad.version.Version("2.13.0+cpu")
        >>> version >= "2.4", version > (2, 13), version == "2.13.0+cpu", version < "10.0"
        (True, True, True, True)
    """

    __slots__ = ()

    def _compare(self, other: Any, method: str) -> Any:
        try:
            return getattr(_key(self), method)(_key(other))
        except ValueError:
            return getattr(str(self), method)(other)

    def __lt__(self, other: Any) -> bool:
        return self._compare(other, "__lt__")

    def __le__(self, other: Any) -> bool:
        return self._compare(other, "__le__")

    def __gt__(self, other: Any) -> bool:
        return self._compare(other, "__gt__")

    def __ge__(self, other: Any) -> bool:
        return self._compare(other, "__ge__")

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other) is True or self._compare(other, "__eq__") is True

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return str.__hash__(self)


__version__ = Version("0.1.0")
debug = False
cuda: str | None = None
hip: str | None = None
git_version: str | None = None
