"""Pooling: greatest element, mean or p-norm of windows, regular or adaptive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad._composite.register import stored
from cgrad._engine.window import max_windows
from cgrad.nn.functional import _windows
from cgrad.nn.functional._windows import apply, check_input, numbers, window_sizes

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices", "adaptive_max_pool2d", "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d", "adaptive_max_pool3d_with_indices", "avg_pool1d", "avg_pool2d",
    "avg_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d", "max_pool1d", "max_pool1d_with_indices",
    "max_pool2d", "max_pool2d_with_indices", "max_pool3d", "max_pool3d_with_indices",
    "max_unpool1d", "max_unpool2d", "max_unpool3d",
]  # fmt: skip

Sizes = int | Sequence[int]
Pair = tuple[Tensor, Tensor]


# -- greatest element -----------------------------------------------------------------------------


def _max_pool(
    nd: int,
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    dilation: Sizes,
    ceil_mode: bool,
) -> Pair:
    name = f"max_pool{nd}d"
    kernel = numbers(kernel_size, nd, name, "kernel_size")
    steps = kernel if _missing(stride) else numbers(stride, nd, name, "stride")
    pads = numbers(padding, nd, name, "padding")
    dilations = numbers(dilation, nd, name, "dilation")
    check_input(input, nd, name)
    out = window_sizes(input, kernel, steps, pads, dilations, ceil_mode, name)
    specs = [list(spec) for spec in zip(out, kernel, steps, pads, dilations)]
    return max_windows(input, specs, name)


def _missing(stride: Any) -> bool:
    return stride is None or (isinstance(stride, (tuple, list)) and not stride)


def max_pool1d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | Pair:
    """Return the greatest element of each window; the first of equals, NaN if there is one.

    Args:
        input: shape (N, C, L) or (C, L); `max_pool2d`, `max_pool3d`: one and two more.
        kernel_size: size of the windows.
        stride: step from window to window. Default: ``kernel_size``
        padding: places on both sides that no window takes an element from.
        dilation: step between the elements of a window.
        ceil_mode: a last window may reach over the end. Default: ``False``
        return_indices: also return the places of the elements in their plane.

    Raises:
        RuntimeError: the sizes do not fit, or padding is more than half of the window.

    Example::

        >>> cgrad.nn.functional.max_pool1d(cgrad.arange(6.0).view(1, 6), 2)
        tensor([[1., 3., 5.]])
    """
    pair = _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode)
    return pair if return_indices else pair[0]


def max_pool2d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | Pair:
    """Return the greatest element of each window of (N, C, H, W); see :func:`max_pool1d`.

    Example::

        >>> cgrad.nn.functional.max_pool2d(cgrad.arange(4.0).view(1, 2, 2), 2)
        tensor([[[3.]]])
    """
    pair = _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode)
    return pair if return_indices else pair[0]


def max_pool3d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | Pair:
    """Return the greatest element of each window of (N, C, D, H, W); see :func:`max_pool1d`.

    Example::

        >>> cgrad.nn.functional.max_pool3d(cgrad.arange(8.0).view(1, 2, 2, 2), 2)
        tensor([[[[7.]]]])
    """
    pair = _max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode)
    return pair if return_indices else pair[0]


def _pair_form(nd: int) -> Callable[..., Pair]:
    def pool(
        input: Tensor,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Pair:
        return _max_pool(nd, input, kernel_size, stride, padding, dilation, ceil_mode)

    pool.__name__ = pool.__qualname__ = f"max_pool{nd}d_with_indices"
    pool.__doc__ = f""":func:`max_pool{nd}d` with ``return_indices=True``.

    Example::

        >>> x = cgrad.zeros(1, 4{", 4" * (nd - 1)})
        >>> cgrad.nn.functional.max_pool{nd}d_with_indices(x, 2)[1].shape
        cgrad.Size([1, 2{", 2" * (nd - 1)}])
    """
    return pool


max_pool1d_with_indices = _pair_form(1)
max_pool2d_with_indices = _pair_form(2)
max_pool3d_with_indices = _pair_form(3)


def _adaptive_sizes(input: Tensor, output_size: Any, nd: int, name: str) -> list[int]:
    wanted = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * nd
    if len(wanted) != nd:
        raise RuntimeError(f"{name}: output_size must be {nd}, but got {tuple(wanted)}")
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}(): argument 'input' must be Tensor, not {type(input).__name__}")
    if input.ndim not in (nd + 1, nd + 2):
        # PyTorch's class, which depends on the number of dimensions
        error = ValueError if nd > 1 and input.ndim <= nd else RuntimeError
        raise error(
            f"{name}: Expected {nd + 1}D or {nd + 2}D tensor, but got {list(input.shape)}"
        )
    wanted = [n if w is None else w for n, w in zip(input.shape[-nd:], wanted)]
    sizes = numbers(wanted, nd, name, "output_size")
    if min(sizes) < 0:
        raise RuntimeError(
            f"{name}: elements of output_size must be greater than or equal to 0, but got {sizes}"
        )
    if 0 in input.shape[-nd:] or (input.ndim > nd + 1 and 0 in input.shape[1:]):
        raise RuntimeError(
            f"{name}(): Expected input to have non-zero size for non-batch dimensions, but input "
            f"has sizes {list(input.shape)}"
        )
    return sizes


def _adaptive_max(nd: int, input: Tensor, output_size: Any) -> Pair:
    name = f"adaptive_max_pool{nd}d"
    sizes = _adaptive_sizes(input, output_size, nd, name)
    if 0 in sizes:
        shape = (*input.shape[:-nd], *sizes)
        places = cgrad.zeros(shape, dtype=cgrad.int64)
        return input.new_zeros(shape) + input.sum() * 0, places
    return max_windows(input, [[n] for n in sizes], name)


def adaptive_max_pool1d(
    input: Tensor, output_size: Any, return_indices: bool = False
) -> Tensor | Pair:
    """Return the greatest elements of `output_size` windows that cover (N, C, L) evenly.

    Window o of a dimension of n reaches from floor(o n / out) to ceil((o + 1) n / out). A size
    of None is that of the input.

    Example::

        >>> cgrad.nn.functional.adaptive_max_pool1d(cgrad.arange(6.0).view(1, 6), 3)
        tensor([[1., 3., 5.]])
    """
    pair = _adaptive_max(1, input, output_size)
    return pair if return_indices else pair[0]


def adaptive_max_pool2d(
    input: Tensor, output_size: Any, return_indices: bool = False
) -> Tensor | Pair:
    """Return the greatest elements of windows that cover (N, C, H, W) evenly.

    Example::

        >>> cgrad.nn.functional.adaptive_max_pool2d(cgrad.arange(4.0).view(1, 2, 2), 1)
        tensor([[[3.]]])
    """
    pair = _adaptive_max(2, input, output_size)
    return pair if return_indices else pair[0]


def adaptive_max_pool3d(
    input: Tensor, output_size: Any, return_indices: bool = False
) -> Tensor | Pair:
    """Return the greatest elements of windows that cover (N, C, D, H, W) evenly.

    Example::

        >>> cgrad.nn.functional.adaptive_max_pool3d(cgrad.ones(1, 2, 2, 2), 1)
        tensor([[[[1.]]]])
    """
    pair = _adaptive_max(3, input, output_size)
    return pair if return_indices else pair[0]


def _adaptive_pair_form(nd: int) -> Callable[..., Pair]:
    def pool(input: Tensor, output_size: Any, return_indices: bool = False) -> Pair:
        return _adaptive_max(nd, input, output_size)

    pool.__name__ = pool.__qualname__ = f"adaptive_max_pool{nd}d_with_indices"
    pool.__doc__ = f""":func:`adaptive_max_pool{nd}d` with ``return_indices=True``.

    Example::

        >>> x = cgrad.zeros(1, 4{", 4" * (nd - 1)})
        >>> cgrad.nn.functional.adaptive_max_pool{nd}d_with_indices(x, 2)[1].shape
        cgrad.Size([1, 2{", 2" * (nd - 1)}])
    """
    return pool


adaptive_max_pool1d_with_indices = _adaptive_pair_form(1)
adaptive_max_pool2d_with_indices = _adaptive_pair_form(2)
adaptive_max_pool3d_with_indices = _adaptive_pair_form(3)


def _unpool(
    nd: int,
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    output_size: Sequence[int] | None,
) -> Tensor:
    name = f"max_unpool{nd}d"
    kernel = numbers(kernel_size, nd, name, "kernel_size")
    steps = kernel if _missing(stride) else numbers(stride, nd, name, "stride")
    pads = numbers(padding, nd, name, "padding")
    check_input(input, nd, name)
    if not isinstance(indices, Tensor) or indices.dtype != cgrad.int64:
        raise RuntimeError(f"{name}: elements in indices should be of type int64")
    if indices.shape != input.shape:
        raise RuntimeError(
            f"{name}: Expected shape of indices to be the same as that of the input tensor "
            f"({list(input.shape)}), but got indices tensor with shape: {list(indices.shape)}"
        )
    if min(steps) <= 0:
        raise RuntimeError(f"{name}: strides should be greater than zero, but got {steps}")
    default = [
        (n - 1) * s + k - 2 * p for n, s, k, p in zip(input.shape[-nd:], steps, kernel, pads)
    ]
    sizes = default
    if output_size is not None:
        sizes = list(output_size)
        if len(sizes) == nd + 2:
            sizes = sizes[2:]
        if len(sizes) != nd:
            raise ValueError(
                f"{name}: output_size should be a sequence containing {nd} or {nd + 2} elements, "
                f"but it has a length of {len(sizes)}"
            )
        sizes = numbers(sizes, nd, name, "output_size")
        for size, usual, step in zip(sizes, default, steps):
            if not usual - step < size < usual + step:
                raise ValueError(
                    f"{name}: invalid output_size {sizes}: each must lie within a stride of "
                    f"{default}"
                )
    if min(sizes) <= 0:
        raise RuntimeError(f"{name}: the output size {sizes} is not positive")
    plane = prod(sizes)
    if indices.numel() and not 0 <= int(indices.min()) <= int(indices.max()) < plane:
        wrong = int(indices.min()) if int(indices.min()) < 0 else int(indices.max())
        raise RuntimeError(f"{name}: Found an invalid max index: {wrong} (output size {sizes})")
    lead = input.shape[:-nd]
    flat, places = input.reshape(*lead, -1), indices.reshape(*lead, -1)
    empty = cgrad.zeros((*lead, plane), dtype=input.dtype)
    return empty.scatter(-1, places, flat).reshape(*lead, *sizes)


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Put the elements that :func:`max_pool1d` found back to their places, zeros elsewhere.

    Args:
        input: the elements, shape (N, C, L) or (C, L).
        indices: their places, as ``return_indices=True`` gives them.
        kernel_size, stride, padding: those of the pooling.
        output_size: its input's size, where that is not clear from these. Default: the smallest

    Raises:
        RuntimeError: an index lies outside the output.
        ValueError: ``output_size`` does not belong to such a pooling.

    Example::

        >>> x = cgrad.arange(4.0).view(1, 4)
        >>> y, indices = cgrad.nn.functional.max_pool1d_with_indices(x, 2)
        >>> cgrad.nn.functional.max_unpool1d(y, indices, 2)
        tensor([[0., 1., 0., 3.]])
    """
    return _unpool(1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Put the elements that :func:`max_pool2d` found back to their places, zeros elsewhere.

    Example::

        >>> x = cgrad.arange(4.0).view(1, 1, 2, 2)
        >>> y, indices = cgrad.nn.functional.max_pool2d_with_indices(x, 2)
        >>> cgrad.nn.functional.max_unpool2d(y, indices, 2)
        tensor([[[[0., 0.],
                  [0., 3.]]]])
    """
    return _unpool(2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Put the elements that :func:`max_pool3d` found back to their places, zeros elsewhere.

    Example::

        >>> x = cgrad.arange(8.0).view(1, 1, 2, 2, 2)
        >>> y, indices = cgrad.nn.functional.max_pool3d_with_indices(x, 2)
        >>> cgrad.nn.functional.max_unpool3d(y, indices, 2).sum()
        tensor(7.)
    """
    return _unpool(3, input, indices, kernel_size, stride, padding, output_size)


# -- mean -----------------------------------------------------------------------------------------


def _avg_pool(
    nd: int,
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: int | None,
) -> Tensor:
    name = f"avg_pool{nd}d"
    kernel = numbers(kernel_size, nd, name, "kernel_size")
    steps = kernel if _missing(stride) else numbers(stride, nd, name, "stride")
    pads = numbers(padding, nd, name, "padding")
    check_input(input, nd, name)
    if divisor == 0:
        raise RuntimeError(f"{name}: divisor must be not zero")
    out = window_sizes(input, kernel, steps, pads, [1] * nd, ceil_mode, name)
    if input.dtype == cgrad.bool:
        raise NotImplementedError(f"{name}: not implemented for dtype cgrad.bool")
    whole = not input.dtype.is_floating_point
    x = input.to(cgrad.float64) if whole else input
    for i in range(nd):
        matrix = _windows.mean_matrix(
            input.shape[i - nd], out[i], kernel[i], steps[i], pads[i], count_include_pad,
            divisor is not None,
        )  # fmt: skip
        x = apply(x, i - nd, matrix, out[i])
    if divisor is not None:
        x = x / divisor
    if whole:  # quotients of whole numbers, computed to the last bit but one
        x = (x + x.sign() * 1e-9).trunc().to(input.dtype)
    return x


def avg_pool1d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Return the mean of each window.

    Args:
        input: shape (N, C, L) or (C, L); `avg_pool2d`, `avg_pool3d`: one and two more.
        kernel_size: size of the windows.
        stride: step from window to window. Default: ``kernel_size``
        padding: zeros on both sides.
        ceil_mode: a last window may reach over the end. Default: ``False``
        count_include_pad: padding counts in the number that is divided by. Default: ``True``

    `avg_pool2d` and `avg_pool3d` also take ``divisor_override``, a number to divide by instead.

    Example::

        >>> cgrad.nn.functional.avg_pool1d(cgrad.arange(6.0).view(1, 6), 2)
        tensor([[0.5000, 2.5000, 4.5000]])
    """
    return _avg_pool(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """Return the mean of each window of (N, C, H, W); see :func:`avg_pool1d`.

    Example::

        >>> cgrad.nn.functional.avg_pool2d(cgrad.arange(4.0).view(1, 2, 2), 2)
        tensor([[[1.5000]]])
    """
    result = _avg_pool(
        2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )
    return stored(result, out, "avg_pool2d")


def avg_pool3d(
    input: Tensor,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """Return the mean of each window of (N, C, D, H, W); see :func:`avg_pool1d`.

    Example::

        >>> cgrad.nn.functional.avg_pool3d(cgrad.ones(1, 2, 2, 2), 2)
        tensor([[[[1.]]]])
    """
    result = _avg_pool(
        3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )
    return stored(result, out, "avg_pool3d")


def _adaptive_avg(nd: int, input: Tensor, output_size: Any) -> Tensor:
    sizes = _adaptive_sizes(input, output_size, nd, f"adaptive_avg_pool{nd}d")
    for i, out in enumerate(sizes):
        input = apply(input, i - nd, _windows.adaptive_matrix(input.shape[i - nd], out), out)
    return input


def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """Return the means of `output_size` windows that cover (N, C, L) evenly.

    The windows are those of :func:`adaptive_max_pool1d`.

    Example::

        >>> cgrad.nn.functional.adaptive_avg_pool1d(cgrad.arange(6.0).view(1, 6), 3)
        tensor([[0.5000, 2.5000, 4.5000]])
    """
    return _adaptive_avg(1, input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Return the means of windows that cover (N, C, H, W) evenly.

    Example::

        >>> cgrad.nn.functional.adaptive_avg_pool2d(cgrad.arange(4.0).view(1, 2, 2), 1)
        tensor([[[1.5000]]])
    """
    return _adaptive_avg(2, input, output_size)


def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """Return the means of windows that cover (N, C, D, H, W) evenly.

    Example::

        >>> cgrad.nn.functional.adaptive_avg_pool3d(cgrad.ones(1, 2, 2, 2), 1)
        tensor([[[[1.]]]])
    """
    return _adaptive_avg(3, input, output_size)


# -- p-norm ---------------------------------------------------------------------------------------


def _lp_pool(
    nd: int, input: Tensor, p: float, kernel_size: Sizes, stride: Sizes | None, ceil_mode: bool
) -> Tensor:
    count = prod(numbers(kernel_size, nd, f"lp_pool{nd}d", "kernel_size"))
    mean = _avg_pool(nd, input.pow(p), kernel_size, stride, 0, ceil_mode, True, None)
    return (cgrad.sign(mean) * cgrad.relu(cgrad.abs(mean)) * count).pow(1.0 / p)


def lp_pool1d(
    input: Tensor,
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """Return (Σ x^p)^(1/p) over each window of (N, C, L), p = `norm_type`.

    Example::

        >>> cgrad.nn.functional.lp_pool1d(cgrad.tensor([[3.0, 4.0]]), 2, 2)
        tensor([[5.]])
    """
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: Tensor,
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """Return (Σ x^p)^(1/p) over each window of (N, C, H, W), p = `norm_type`.

    Example::

        >>> cgrad.nn.functional.lp_pool2d(cgrad.ones(1, 2, 2), 2, 2)
        tensor([[[2.]]])
    """
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: Tensor,
    norm_type: float,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """Return (Σ x^p)^(1/p) over each window of (N, C, D, H, W), p = `norm_type`.

    Example::

        >>> cgrad.nn.functional.lp_pool3d(cgrad.ones(1, 1, 2, 2, 2), 2, 2).shape
        cgrad.Size([1, 1, 1, 1, 1])
    """
    return _lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)
