"""Channels and pixels rearranged, and the poolings that PyTorch has outside nn.functional too."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cgrad._composite.register import check_tensor, public
from cgrad._tensor.tensor import Tensor

Sizes = int | Sequence[int]


@public(method=False)
def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """pixel_shuffle(input, upscale_factor) -> Tensor

    Channels become pixels: [*, c r r, h, w] with r = `upscale_factor` becomes [*, c, h r, w r].

    Example::

        >>> cgrad.pixel_shuffle(cgrad.arange(4.0).view(4, 1, 1), 2)
        tensor([[[0., 1.],
                 [2., 3.]]])
    """
    check_tensor("pixel_shuffle", input)
    r = int(upscale_factor)
    if input.ndim < 3:
        raise RuntimeError("pixel_shuffle expects input to have at least 3 dimensions, but got "
                           f"input with {input.ndim} dimension(s)")
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *lead, c, h, w = input.shape
    if c % (r * r):
        raise RuntimeError("pixel_shuffle expects its input's 'channel' dimension to be divisible "
                           f"by the square of upscale_factor, but input.size(-3)={c} is not "
                           f"divisible by {r * r}")
    n = len(lead)
    x = input.reshape(*lead, c // (r * r), r, r, h, w)
    order = (*range(n), n, n + 3, n + 1, n + 4, n + 2)
    y = x.permute(order).reshape(*lead, c // (r * r), h * r, w * r)
    return y.clone() if r == 1 else y             # never a view


@public(method=False)
def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """pixel_unshuffle(input, downscale_factor) -> Tensor

    Undoes :func:`pixel_shuffle`: [*, c, h r, w r] becomes [*, c r r, h, w].

    Example::

        >>> cgrad.pixel_unshuffle(cgrad.arange(4.0).view(1, 2, 2), 2).flatten()
        tensor([0., 1., 2., 3.])
    """
    check_tensor("pixel_unshuffle", input)
    r = int(downscale_factor)
    if input.ndim < 3:
        raise RuntimeError("pixel_unshuffle expects input to have at least 3 dimensions, but got "
                           f"input with {input.ndim} dimension(s)")
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *lead, c, h, w = input.shape
    if h % r or w % r:
        raise RuntimeError("pixel_unshuffle expects height and width to be divisible by "
                           f"downscale_factor, but input of size {list(input.shape)} is not "
                           f"divisible by {r}")
    n = len(lead)
    x = input.reshape(*lead, c, h // r, r, w // r, r)
    order = (*range(n), n, n + 2, n + 4, n + 1, n + 3)
    y = x.permute(order).reshape(*lead, c * r * r, h // r, w // r)
    return y.clone() if r == 1 else y             # never a view


@public(method=False)
def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """channel_shuffle(input, groups) -> Tensor

    The channels, dimension 1, taken in turn from each of `groups` equal groups.

    Example::

        >>> cgrad.channel_shuffle(cgrad.arange(4.0).view(1, 4, 1, 1), 2).flatten()
        tensor([0., 2., 1., 3.])
    """
    check_tensor("channel_shuffle", input)
    g = int(groups)
    if input.ndim < 3:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes "
                           f"{list(input.shape)}")
    if g <= 0:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of "
                           f"groups:{g}")
    n, c, *rest = input.shape
    if c % g:
        raise RuntimeError(f"Number of channels must be divisible by groups. Got {c} channels and "
                           f"{g} groups.")
    return input.reshape(n, g, c // g, *rest).transpose(1, 2).reshape(input.shape)


@public(method=False)
def max_pool1d(
    input: Tensor, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0,
    dilation: Sizes = 1, ceil_mode: bool = False,
) -> Tensor:
    """max_pool1d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False) -> Tensor

    The greatest element of each window: :func:`cgrad.nn.functional.max_pool1d`.

    Example::

        >>> cgrad.max_pool1d(cgrad.tensor([[1.0, 3.0, 5.0, 7.0]]), 2)
        tensor([[3., 7.]])
    """
    return _functional("max_pool1d", input, kernel_size, stride, padding, dilation, ceil_mode)


@public(method=False)
def max_pool2d(
    input: Tensor, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0,
    dilation: Sizes = 1, ceil_mode: bool = False,
) -> Tensor:
    """max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False) -> Tensor

    The greatest element of each window: :func:`cgrad.nn.functional.max_pool2d`.

    Example::

        >>> cgrad.max_pool2d(cgrad.tensor([[[1.0, 2.0], [3.0, 4.0]]]), 2)
        tensor([[[4.]]])
    """
    return _functional("max_pool2d", input, kernel_size, stride, padding, dilation, ceil_mode)


@public(method=False)
def max_pool3d(
    input: Tensor, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0,
    dilation: Sizes = 1, ceil_mode: bool = False,
) -> Tensor:
    """max_pool3d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False) -> Tensor

    The greatest element of each window: :func:`cgrad.nn.functional.max_pool3d`.

    Example::

        >>> cgrad.max_pool3d(cgrad.arange(8.0).view(1, 2, 2, 2), 2)
        tensor([[[[7.]]]])
    """
    return _functional("max_pool3d", input, kernel_size, stride, padding, dilation, ceil_mode)


@public(method=False)
def avg_pool1d(
    input: Tensor, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0,
    ceil_mode: bool = False, count_include_pad: bool = True,
) -> Tensor:
    """avg_pool1d(input, kernel_size, stride=None, padding=0, ceil_mode=False, \
count_include_pad=True) -> Tensor

    The mean of each window: :func:`cgrad.nn.functional.avg_pool1d`.

    Example::

        >>> cgrad.avg_pool1d(cgrad.tensor([[1.0, 3.0, 5.0, 7.0]]), 2)
        tensor([[2., 6.]])
    """
    return _functional("avg_pool1d", input, kernel_size, stride, padding, ceil_mode,
                       count_include_pad)


@public(method=False)
def adaptive_avg_pool1d(input: Tensor, output_size: Any) -> Tensor:
    """adaptive_avg_pool1d(input, output_size) -> Tensor

    Means of windows that cover the last dimension evenly:
    :func:`cgrad.nn.functional.adaptive_avg_pool1d`.

    Example::

        >>> cgrad.adaptive_avg_pool1d(cgrad.tensor([[1.0, 3.0, 5.0, 7.0]]), 2)
        tensor([[2., 6.]])
    """
    return _functional("adaptive_avg_pool1d", input, output_size)


@public(method=False)
def adaptive_max_pool1d(input: Tensor, output_size: Any) -> tuple[Tensor, Tensor]:
    """adaptive_max_pool1d(input, output_size) -> (values, indices)

    The greatest elements of windows that cover the last dimension evenly, and their places.

    Example::

        >>> cgrad.adaptive_max_pool1d(cgrad.tensor([[1.0, 3.0, 5.0, 7.0]]), 2)
        (tensor([[3., 7.]]), tensor([[1, 3]]))
    """
    return _functional("adaptive_max_pool1d_with_indices", input, output_size)


def _functional(name: str, *args: Any) -> Any:
    from cgrad.nn.functional import pooling
    return getattr(pooling, name)(*args)
