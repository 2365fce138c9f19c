"""Layers that surround their input; the formulas are in :func:`cgrad.nn.functional.pad`."""
from __future__ import annotations

from cgrad import Tensor
from cgrad.nn import functional as F
from cgrad.nn.modules.module import Module
from cgrad.nn.modules.utils import _ntuple, documented

__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d",
    "ConstantPad3d", "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d",
    "ReplicationPad1d", "ReplicationPad2d", "ReplicationPad3d", "ZeroPad1d", "ZeroPad2d",
    "ZeroPad3d",
]  # fmt: skip

Sizes = int | tuple[int, ...]


class _Pad(Module):
    """Holds how far a layer goes beyond its input."""

    _n = 1

    def __init__(self, padding: Sizes) -> None:
        super().__init__()
        self.padding: tuple[int, ...] = _ntuple(2 * self._n)(padding)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ReflectionPad(_Pad):
    """The input mirrored at its edges, without repeating the outermost entries.

    Args:
        padding: a number for all sides, or two for each dimension, the last dimension first.
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "reflect")


class ReflectionPad1d(_ReflectionPad):
    __doc__ = documented(_ReflectionPad, 1, "ReflectionPad{n}d(1)", size=6)
    _n = 1


class ReflectionPad2d(_ReflectionPad):
    __doc__ = documented(_ReflectionPad, 2, "ReflectionPad{n}d(1)", size=6)
    _n = 2


class ReflectionPad3d(_ReflectionPad):
    __doc__ = documented(_ReflectionPad, 3, "ReflectionPad{n}d(1)", size=6)
    _n = 3


class _ReplicationPad(_Pad):
    """The input with its outermost entries repeated.

    Args:
        padding: a number for all sides, or two for each dimension, the last dimension first.
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "replicate")


class ReplicationPad1d(_ReplicationPad):
    __doc__ = documented(_ReplicationPad, 1, "ReplicationPad{n}d(1)", size=6)
    _n = 1


class ReplicationPad2d(_ReplicationPad):
    __doc__ = documented(_ReplicationPad, 2, "ReplicationPad{n}d(1)", size=6)
    _n = 2


class ReplicationPad3d(_ReplicationPad):
    __doc__ = documented(_ReplicationPad, 3, "ReplicationPad{n}d(1)", size=6)
    _n = 3


class _CircularPad(_Pad):
    """The input continued periodically: one side goes on with the other.

    Args:
        padding: a number for all sides, or two for each dimension, the last dimension first.
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "circular")


class CircularPad1d(_CircularPad):
    __doc__ = documented(_CircularPad, 1, "CircularPad{n}d(1)", size=6)
    _n = 1


class CircularPad2d(_CircularPad):
    __doc__ = documented(_CircularPad, 2, "CircularPad{n}d(1)", size=6)
    _n = 2


class CircularPad3d(_CircularPad):
    __doc__ = documented(_CircularPad, 3, "CircularPad{n}d(1)", size=6)
    _n = 3


class _ConstantPad(_Pad):
    """The input surrounded by a number.

    Args:
        padding: a number for all sides, or two for each dimension, the last dimension first;
            negative ones cut.
        value: what stands around.
    """

    def __init__(self, padding: Sizes, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    __doc__ = documented(_ConstantPad, 1, "ConstantPad{n}d(1, 0.5)", size=6)
    _n = 1


class ConstantPad2d(_ConstantPad):
    __doc__ = documented(_ConstantPad, 2, "ConstantPad{n}d(1, 0.5)", size=6)
    _n = 2


class ConstantPad3d(_ConstantPad):
    __doc__ = documented(_ConstantPad, 3, "ConstantPad{n}d(1, 0.5)", size=6)
    _n = 3


class ZeroPad1d(ConstantPad1d):
    """The input surrounded by zeros; otherwise as :class:`ConstantPad1d`.

    Example::

        >>> cgrad.nn.ZeroPad1d(1)(cgrad.ones(1, 1)).shape
        cgrad.Size([1, 3])
    """

    def __init__(self, padding: Sizes) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad2d(ConstantPad2d):
    """The input surrounded by zeros; otherwise as :class:`ConstantPad2d`.

    Example::

        >>> cgrad.nn.ZeroPad2d(1)(cgrad.ones(1, 1, 1)).shape
        cgrad.Size([1, 3, 3])
    """

    def __init__(self, padding: Sizes) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad3d(ConstantPad3d):
    """The input surrounded by zeros; otherwise as :class:`ConstantPad3d`.

    Example::

        >>> cgrad.nn.ZeroPad3d(1)(cgrad.ones(1, 1, 1, 1)).shape
        cgrad.Size([1, 3, 3, 3])
    """

    def __init__(self, padding: Sizes) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"
