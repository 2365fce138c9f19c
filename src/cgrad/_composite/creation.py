"""Tensors out of nothing and out of other objects: composed of those of the engine."""
from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from cgrad._composite.register import check_tensor, check_tensors, integers, public, stored
from cgrad._engine.annotations import Ints, Number
from cgrad._engine.face import public as _op
from cgrad._engine.handle import dtype as DType
from cgrad._engine.handle import get_default_dtype
from cgrad._tensor.tensor import Tensor


def _number(x: Number | Tensor) -> Number:
    return x.item() if isinstance(x, Tensor) else x


# -- from objects ----------------------------------------------------------------------------------


@public(method=False)
def asarray(
    obj: Any, *, dtype: DType | None = None, device: object = None, copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """asarray(obj, *, dtype=None, device=None, copy=None, requires_grad=False) -> Tensor

    A tensor of a tensor, an array, a buffer, a number or nested sequences: over the same memory
    where possible, unless `copy` is True; with ``copy=False`` only so.

    Example::

        >>> cgrad.asarray([1, 2])
        tensor([1, 2])
    """
    shares = isinstance(obj, (Tensor, np.ndarray)) or hasattr(obj, "__dlpack__")
    if hasattr(obj, "__dlpack__") and not isinstance(obj, (Tensor, np.ndarray)):
        obj = np.from_dlpack(obj)
    elif not shares and isinstance(obj, (bytearray, memoryview)):
        obj, shares = _op["from_numpy"](np.frombuffer(obj, np.uint8)), True
    result = _op["as_tensor"](obj, dtype, device)
    same = shares and (dtype is None or str(dtype).rpartition(".")[2] == str(obj.dtype).rpartition(
        ".")[2])
    if copy is False and not same:
        raise ValueError("asarray: can't alias the object: a copy is needed for its type or dtype")
    if copy and same:
        result = result.detach().clone() if isinstance(obj, np.ndarray) else result.clone()
    if requires_grad and not result.requires_grad:
        result = result.detach().requires_grad_()
    elif not requires_grad and result.requires_grad and isinstance(obj, Tensor):
        result = result.detach() if copy else result
    return result


@public(method=False)
def frombuffer(
    buffer: Any, *, dtype: DType, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """frombuffer(buffer, *, dtype, count=-1, offset=0, requires_grad=False) -> Tensor

    A vector over the memory of an object with Python's buffer protocol: `count` numbers (-1: all)
    from byte `offset` on.

    Example::

        >>> cgrad.frombuffer(bytearray([1, 2]), dtype=cgrad.uint8)
        tensor([1, 2], dtype=cgrad.uint8)
    """
    data = memoryview(buffer).cast("B")
    size = dtype.itemsize
    if not len(data) or not count:
        raise ValueError(f"frombuffer: both buffer length ({len(data)}) and count ({count}) must "
                         "not be 0")
    if not 0 <= offset < len(data):
        raise ValueError(f"frombuffer: offset ({offset} bytes) must be non-negative and no greater "
                         f"than buffer length ({len(data)} bytes) minus 1")
    if count < 0:
        if (len(data) - offset) % size:
            raise ValueError(f"frombuffer: buffer length ({len(data) - offset} bytes) after offset "
                             f"({offset} bytes) must be a multiple of element size ({size})")
    elif offset + count * size > len(data):
        raise ValueError(f"frombuffer: requested buffer length ({count} * {size} bytes) after "
                         f"offset ({offset} bytes) must not be greater than actual buffer length "
                         f"({len(data)} bytes)")
    name = "bool" if dtype.name == "bool" else dtype.name
    result = _op["from_numpy"](np.frombuffer(buffer, name, count, offset))
    return result.requires_grad_() if requires_grad else result


# -- memory without content ------------------------------------------------------------------------


@public(method=False)
def empty_strided(
    size: Ints, stride: Ints, *, dtype: DType | None = None, device: object = None,
    requires_grad: bool = False, layout: object = None, pin_memory: bool = False,
) -> Tensor:
    """empty_strided(size, stride, *, dtype=None) -> Tensor

    An uninitialised tensor of the given sizes and strides.

    Example::

        >>> cgrad.empty_strided((2, 3), (1, 2)).stride()
        (1, 2)
    """
    shape = integers(size, "empty_strided", "size")
    steps = integers(stride, "empty_strided", "stride")
    if len(shape) != len(steps):
        raise RuntimeError(f"empty_strided: dimensionality of sizes ({len(shape)}) must match "
                           f"dimensionality of strides ({len(steps)})")
    if any(s < 0 for s in steps):
        raise RuntimeError(f"empty_strided: strides must not be negative, got {list(steps)}")
    room = 0 if 0 in shape else 1 + sum((n - 1) * s for n, s in zip(shape, steps))
    memory = _op["empty"](room, dtype=dtype, device=device)
    result = memory.as_strided(shape, steps).detach()
    return result.requires_grad_() if requires_grad else result


@public(method=False)
def empty_permuted(
    size: Ints, physical_layout: Ints, *, dtype: DType | None = None, device: object = None,
    requires_grad: bool = False, layout: object = None, pin_memory: bool = False,
) -> Tensor:
    """empty_permuted(size, physical_layout, *, dtype=None) -> Tensor

    An uninitialised tensor whose dimensions lie in memory in the order `physical_layout`, from the
    largest stride to the smallest.

    Example::

        >>> cgrad.empty_permuted((2, 3), (1, 0)).shape
        cgrad.Size([2, 3])
    """
    shape = integers(size, "empty_permuted", "size")
    order = integers(physical_layout, "empty_permuted", "physical_layout")
    if sorted(order) != list(builtins.range(len(shape))):
        raise RuntimeError(f"empty_permuted: physical_layout {list(order)} is no order of "
                           f"{len(shape)} dimensions")
    steps, step = [1] * len(shape), 1
    for d in reversed(order):
        steps[d] = step
        step *= shape[d] or 1
    return empty_strided(shape, steps, dtype=dtype, device=device, requires_grad=requires_grad)


# -- ranges ----------------------------------------------------------------------------------------


@public(method=False)
def logspace(
    start: Number | Tensor, end: Number | Tensor, steps: int, base: float = 10.0, *,
    dtype: DType | None = None, device: object = None, requires_grad: bool = False,
    layout: object = None, pin_memory: bool = False, out: Tensor | None = None,
) -> Tensor:
    """logspace(start, end, steps, base=10.0, *, dtype=None) -> Tensor

    base to the power of `steps` evenly spaced numbers from `start` to `end`, both included.

    Example::

        >>> cgrad.logspace(0, 2, steps=3)
        tensor([  1.,  10., 100.])
    """
    if isinstance(steps, float):
        raise TypeError("logspace(): argument 'steps' must be int, not float")
    if steps < 0:
        raise RuntimeError(f"logspace: number of steps must be non-negative, got {steps}")
    for x in (start, end):
        if isinstance(x, Tensor) and x.ndim:
            raise RuntimeError("logspace only supports 0-dimensional start and end tensors, but "
                               f"got one of shape {list(x.shape)}")
    first, last = _number(start), _number(end)
    kind = out.dtype if out is not None else get_default_dtype() if dtype is None else dtype
    if dtype is not None and dtype != kind:
        raise RuntimeError(f"logspace: dtype {dtype} does not match dtype of out parameter "
                           f"({kind})")
    if not kind.is_floating_point:
        first, last = int(first), int(last)
    with np.errstate(all="ignore"):
        values = np.power(float(base), np.linspace(first, last, steps, dtype=np.float64))
    result = _op["from_numpy"](np.asarray(values)).to(kind)
    if requires_grad:
        result = result.requires_grad_()
    return stored(result, out, "logspace")


@public(method=False)
def range(
    start: Number = 0, end: Number | None = None, step: Number = 1, *, dtype: DType | None = None,
    device: object = None, requires_grad: bool = False, layout: object = None,
    pin_memory: bool = False, out: Tensor | None = None,
) -> Tensor:
    """range(start=0, end, step=1, *, dtype=None) -> Tensor

    start, start + step, ... up to and including `end`; :func:`arange` is the usual way.

    Example::

        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     x = cgrad.range(0, 2)
        >>> x
        tensor([0., 1., 2.])
    """
    if end is None:
        start, end = 0, start
    if not step:
        raise RuntimeError("range: step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("range: upper bound and lower bound inconsistent with step sign")
    count = math.floor((end - start) / step) + 1
    kind = get_default_dtype() if dtype is None else dtype
    result = _op["from_numpy"](start + step * np.arange(count, dtype=np.float64)).to(kind)
    return stored(result.requires_grad_() if requires_grad else result, out, "range")


# -- windows ---------------------------------------------------------------------------------------


def _window(name: str, length: int, periodic: bool, dtype: DType | None, requires_grad: bool,
            formula: Any) -> Tensor:
    # `formula` maps the position 0 ... 1 in the window to its value.
    if length < 0:
        raise RuntimeError(f"{name} requires non-negative window_length, got "
                           f"window_length={length}")
    kind = get_default_dtype() if dtype is None else dtype
    if not kind.is_floating_point:
        raise RuntimeError(f"{name} expects floating point dtypes, got: {kind}")
    ends = length if periodic else length - 1
    position = np.arange(length) / ends if length > 1 else np.zeros(0)
    values = formula(position) if length > 1 else np.ones(length)
    result = _op["from_numpy"](values).to(kind)
    return result.requires_grad_() if requires_grad else result


@public(method=False)
def hann_window(
    window_length: int, periodic: bool = True, *, dtype: DType | None = None,
    device: object = None, requires_grad: bool = False, layout: object = None,
    pin_memory: bool = False,
) -> Tensor:
    """hann_window(window_length, periodic=True, *, dtype=None) -> Tensor

    sin(pi n / N)^2 with N = window_length, or window_length - 1 if not `periodic`.

    Example::

        >>> cgrad.hann_window(5, periodic=False)
        tensor([0.0000e+00, 5.0000e-01, 1.0000e+00, 5.0000e-01, 1.4998e-32])
    """
    return _window("hann_window", window_length, periodic, dtype, requires_grad,
                   lambda p: np.sin(np.pi * p) ** 2)


@public(method=False)
def hamming_window(
    window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, *,
    dtype: DType | None = None, device: object = None, requires_grad: bool = False,
    layout: object = None, pin_memory: bool = False,
) -> Tensor:
    """hamming_window(window_length, periodic=True, alpha=0.54, beta=0.46, *, dtype=None) -> Tensor

    alpha - beta cos(2 pi n / N), N as for :func:`hann_window`.

    Example::

        >>> cgrad.hamming_window(5, periodic=False)
        tensor([0.0800, 0.5400, 1.0000, 0.5400, 0.0800])
    """
    return _window("hamming_window", window_length, periodic, dtype, requires_grad,
                   lambda p: alpha - beta * np.cos(2 * np.pi * p))


@public(method=False)
def blackman_window(
    window_length: int, periodic: bool = True, *, dtype: DType | None = None,
    device: object = None, requires_grad: bool = False, layout: object = None,
    pin_memory: bool = False,
) -> Tensor:
    """blackman_window(window_length, periodic=True, *, dtype=None) -> Tensor

    0.42 - 0.5 cos(2 pi n / N) + 0.08 cos(4 pi n / N), N as for :func:`hann_window`.

    Example::

        >>> cgrad.blackman_window(5, periodic=False).sum()
        tensor(1.6800)
    """
    return _window("blackman_window", window_length, periodic, dtype, requires_grad,
                   lambda p: 0.42 - 0.5 * np.cos(2 * np.pi * p) + 0.08 * np.cos(4 * np.pi * p))


@public(method=False)
def bartlett_window(
    window_length: int, periodic: bool = True, *, dtype: DType | None = None,
    device: object = None, requires_grad: bool = False, layout: object = None,
    pin_memory: bool = False,
) -> Tensor:
    """bartlett_window(window_length, periodic=True, *, dtype=None) -> Tensor

    The triangle 1 - |2 n / N - 1|, N as for :func:`hann_window`.

    Example::

        >>> cgrad.bartlett_window(5, periodic=False)
        tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    return _window("bartlett_window", window_length, periodic, dtype, requires_grad,
                   lambda p: 1 - np.abs(2 * p - 1))


@public(method=False)
def kaiser_window(
    window_length: int, periodic: bool = True, beta: float = 12.0, *, dtype: DType | None = None,
    device: object = None, requires_grad: bool = False, layout: object = None,
    pin_memory: bool = False,
) -> Tensor:
    """kaiser_window(window_length, periodic=True, beta=12.0, *, dtype=None) -> Tensor

    i0(beta sqrt(1 - (2 n / N - 1)^2)) / i0(beta), N as for :func:`hann_window`.

    Example::

        >>> cgrad.kaiser_window(5, periodic=False)
        tensor([5.2773e-05, 2.1567e-01, 1.0000e+00, 2.1567e-01, 5.2773e-05])
    """
    return _window("kaiser_window", window_length, periodic, dtype, requires_grad,
                   lambda p: np.i0(beta * np.sqrt(np.maximum(1 - (2 * p - 1) ** 2, 0)))
                   / np.i0(beta))


@public(method=False)
def fill(input: Tensor, value: Number | Tensor) -> Tensor:
    """fill(input, value) -> Tensor

    A tensor of the shape and dtype of `input` with one value everywhere.
    """
    check_tensor("fill", input)
    return input.clone().fill_(value)


@public(method=False)
def resize_as_(input: Tensor, the_template: Tensor) -> Tensor:
    """resize_as_(input, the_template) -> Tensor: :meth:`Tensor.resize_as_` as a function.

    Example::

        >>> cgrad.resize_as_(cgrad.zeros(4), cgrad.ones(2, 2))
        tensor([[0., 0.],
                [0., 0.]])
    """
    check_tensors("resize_as_", input=input, the_template=the_template)
    return input.resize_(the_template.shape)

