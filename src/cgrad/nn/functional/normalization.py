"""Normalisation: over features, groups, instances, batches, and neighbouring channels."""

from __future__ import annotations

from collections.abc import Sequence

import cgrad
from cgrad import Tensor, _functions
from cgrad._composite.register import check_tensor
from cgrad.nn.functional.padding import pad

__all__ = [
    "batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "rms_norm",
]  # fmt: skip


def _feature_shape(name: str, input: Tensor, normalized_shape: int | Sequence[int],
                   **scales: Tensor | None) -> list[int]:
    shape = [normalized_shape] if isinstance(normalized_shape, int) else list(normalized_shape)
    if not shape:
        raise RuntimeError(f"{name}: Expected normalized_shape to be at least 1-dimensional, i.e., "
                           "containing at least one element, but got normalized_shape = []")
    for what, t in scales.items():
        if t is not None and list(t.shape) != shape:
            raise RuntimeError(f"{name}: Expected {what} to be of same shape as normalized_shape, "
                               f"but got {what} of shape {list(t.shape)} and normalized_shape = "
                               f"{shape}")
    if list(input.shape[-len(shape):]) != shape or input.dim() < len(shape):
        raise RuntimeError(f"{name}: Given normalized_shape={shape}, expected input with shape "
                           f"[*, {', '.join(map(str, shape))}], but got input of size "
                           f"{list(input.shape)}")
    return shape


def _check_dtypes(name: str, input: Tensor, *others: Tensor | None) -> None:
    for t in others:
        if t is not None and t.dtype != input.dtype:
            raise RuntimeError(f"{name}: expected the scale and shift to have the input's dtype "
                               f"{input.dtype}, but got {t.dtype}")


def _numel(shape: Sequence[int]) -> int:
    n = 1
    for s in shape:
        n *= s
    return n


def _scaled(y: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    if weight is not None:
        y = y * weight
    return y if bias is None else y + bias


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) · weight + bias over the last dimensions (Ba et al., 2016).

    Args:
        input: shape (*, *normalized_shape).
        normalized_shape: sizes of the last dimensions, over which mean and (biased) variance are
            taken.
        weight, bias: factor and summand, of shape ``normalized_shape``. Default: none
        eps: added to the variance. Default: 1e-5

    Raises:
        RuntimeError: shapes do not fit, or the dtypes differ.

    Example::

        >>> cgrad.nn.functional.layer_norm(cgrad.tensor([[1.0, 3.0]]), [2], eps=0.0)
        tensor([[-1.,  1.]])
    """
    if not isinstance(input, Tensor):
        check_tensor("layer_norm", input)
    shape = _feature_shape("layer_norm", input, normalized_shape, weight=weight, bias=bias)
    _check_dtypes("layer_norm", input, weight, bias)
    if weight is None:
        return _scaled(_functions.row_norm(input, _numel(shape), eps), None, bias)
    return _functions.row_norm(input, _numel(shape), eps, False, weight, bias)


def rms_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """x / sqrt(mean(x²) + eps) · weight over the last dimensions (Zhang and Sennrich, 2019).

    Arguments as for :func:`layer_norm`; ``eps`` is by default the machine epsilon of the dtype.

    Example::

        >>> cgrad.nn.functional.rms_norm(cgrad.tensor([3.0, 4.0]), (2,))
        tensor([0.8485, 1.1314])
    """
    if not isinstance(input, Tensor):
        check_tensor("rms_norm", input)
    shape = _feature_shape("rms_norm", input, normalized_shape, weight=weight)
    _check_dtypes("rms_norm", input, weight)
    if eps is None:
        eps = cgrad.finfo(input.dtype).eps
    return _functions.row_norm(input, _numel(shape), eps, True, weight)


def _per_channel(t: Tensor, dims: int) -> Tensor:
    return t.reshape(1, -1, *(1,) * (dims - 2))


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
) -> Tensor:
    """Normalise each group of channels of each sample (Wu and He, 2018).

    Args:
        input: shape (N, C, *).
        num_groups: divides C.
        weight, bias: factor and summand of each channel, shape (C). Default: none
        eps: added to the variance. Default: 1e-5

    Raises:
        RuntimeError: the number of dimensions, of channels or of groups does not fit.

    Example::

        >>> cgrad.nn.functional.group_norm(cgrad.tensor([[1.0, 3.0, 10.0, 30.0]]), 2)
        tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """
    if input.dim() < 2:
        raise RuntimeError("group_norm: Expected at least 2 dimensions for input tensor but "
                           f"received {input.dim()}")
    n, channels = input.shape[:2]
    if num_groups <= 0:
        raise RuntimeError("group_norm: Expected num groups to be greater than 0, got "
                           f"{num_groups}")  # fmt: skip
    if channels % num_groups:
        raise RuntimeError("group_norm: Expected number of channels in input to be divisible by "
                           f"num_groups, but got input of shape {list(input.shape)} and "
                           f"num_groups={num_groups}")
    for what, t in (("weight", weight), ("bias", bias)):
        if t is not None and list(t.shape) != [channels]:
            raise RuntimeError(f"Expected {what} to be a vector of size equal to the number of "
                               f"channels in input, but got {what} of shape {list(t.shape)} and "
                               f"input of shape {list(input.shape)}")
    if n * (channels // num_groups) * _numel(input.shape[2:]) == 1:
        raise ValueError("Expected more than 1 value per channel when training, got input size "
                         f"{list(input.shape)}")
    _check_dtypes("group_norm", input, weight, bias)
    y = _functions.row_norm(input, channels // num_groups * _numel(input.shape[2:]), eps)
    return _scaled(y, None if weight is None else _per_channel(weight, input.dim()),
                   None if bias is None else _per_channel(bias, input.dim()))


def _update(running: Tensor | None, new: Tensor, momentum: float) -> None:
    if running is not None:
        running.copy_(running + momentum * (new.to(running.dtype) - running))


def _check_channels(name: str, channels: int, **tensors: Tensor | None) -> None:
    for what, t in tensors.items():
        if t is not None and list(t.shape) != [channels]:
            raise RuntimeError(f"{name}: {what} should contain {channels} elements not {t.numel()}"
                               f" (its shape is {list(t.shape)})")


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> Tensor:
    """Normalise each channel over the batch (Ioffe and Szegedy, 2015).

    Args:
        input: shape (N, C, *).
        running_mean, running_var: shape (C). With `training` they are moved towards the mean and
            the unbiased variance of the batch, in place; without it they are what is used.
        weight, bias: factor and summand of each channel, shape (C). Default: none
        training: use the batch's own mean and (biased) variance.
        momentum: how far the running values are moved. Default: 0.1
        eps: added to the variance. Default: 1e-5

    Raises:
        ValueError: one value a channel with `training`, or ``eps`` is out of range.
        RuntimeError: shapes do not fit, or running values are missing without `training`.

    Example::

        >>> x = cgrad.tensor([[1.0], [3.0]])
        >>> cgrad.nn.functional.batch_norm(x, None, None, training=True)
        tensor([[-1.0000],
                [ 1.0000]])
    """
    if not isinstance(input, Tensor):
        check_tensor("batch_norm", input)
    if training:
        _check_batch(input)
    if training and eps <= 0.0:
        raise ValueError(f"batch_norm eps must be positive during training, but got {eps}")
    if eps < 0.0:
        raise ValueError(f"batch_norm eps must be non-negative, but got {eps}")
    if input.dim() == 1 and input.numel() == 0:
        return input.clone()
    if input.dim() < 2:
        raise RuntimeError(f"batch_norm: expected at least 2 dimensions, got {input.dim()}")
    if not training and (running_mean is None or running_var is None):
        raise RuntimeError("batch_norm: expected running_mean and running_var to be defined when "
                           "training=False")
    channels = input.shape[1]
    _check_channels("batch_norm", channels, running_mean=running_mean, running_var=running_var,
                    weight=weight, bias=bias)
    dims = [d for d in range(input.dim()) if d != 1]
    scale = None if weight is None else _per_channel(weight, input.dim())
    shift = None if bias is None else _per_channel(bias, input.dim())
    if not training:
        assert running_mean is not None and running_var is not None
        factor = _per_channel((running_var + eps).rsqrt(), input.dim())
        y = (input - _per_channel(running_mean, input.dim())) * factor
        return _scaled(y, scale, shift)
    n = input.numel() // channels if channels else 0
    if running_mean is not None or running_var is not None:
        with cgrad.no_grad():
            x = input.detach()
            _update(running_mean, x.mean(dims), momentum)
            _update(running_var, x.var(dims, correction=1 if n > 1 else 0), momentum)
    across = input.transpose(0, 1)
    y = _functions.row_norm(across, n, eps).transpose(0, 1)
    return _scaled(y, scale, shift)


def _check_batch(input: Tensor) -> None:
    if input.dim() and input.shape[0] * _numel(input.shape[2:]) == 1:
        raise ValueError("Expected more than 1 value per channel when training, got input size "
                         f"{input.shape}")


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> Tensor:
    """Normalise each channel of each sample (Ulyanov et al., 2016).

    Args:
        input: shape (N, C, *) with at least one dimension after C.
        running_mean, running_var: shape (C); moved towards the batch's averages, or used in place
            of the input's own where ``use_input_stats`` is False.
        weight, bias, momentum, eps: as for :func:`batch_norm`.
        use_input_stats: use the input's own mean and variance. Default: ``True``

    Raises:
        ValueError: one value a channel.

    Example::

        >>> cgrad.nn.functional.instance_norm(cgrad.tensor([[[1.0, 3.0]]]))
        tensor([[[-1.0000,  1.0000]]])
    """
    if use_input_stats and input.dim() >= 2 and _numel(input.shape[2:]) == 1:
        raise ValueError("Expected more than 1 spatial element when training, got input size "
                         f"{input.shape}")
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise RuntimeError("Expected running_mean and running_var to be defined when "
                               "use_input_stats is false")
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    if input.dim() < 2:
        raise RuntimeError(f"instance_norm: expected at least 2 dimensions, got {input.dim()}")
    channels = input.shape[1]
    _check_channels("instance_norm", channels, running_mean=running_mean, running_var=running_var,
                    weight=weight, bias=bias)
    n = _numel(input.shape[2:])
    if running_mean is not None or running_var is not None:
        with cgrad.no_grad():
            x = input.detach().flatten(2)
            _update(running_mean, x.mean((0, 2)), momentum)
            _update(running_var, x.var(2, correction=1).mean(0), momentum)
    y = _functions.row_norm(input, n, eps)
    return _scaled(y, None if weight is None else _per_channel(weight, input.dim()),
                   None if bias is None else _per_channel(bias, input.dim()))


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """x / (k + alpha · mean of x² over neighbouring channels)^beta (Krizhevsky et al., 2012).

    Args:
        input: shape (N, C, *) with at least one dimension after C.
        size: how many neighbouring channels count; beyond the edges there are zeros.
        alpha, beta, k: see the formula.

    Raises:
        ValueError: fewer than 3 dimensions.

    Example::

        >>> cgrad.nn.functional.local_response_norm(cgrad.ones(1, 3, 2), 2).shape
        cgrad.Size([1, 3, 2])
    """
    if input.dim() < 3:
        raise ValueError("Expected 3D or higher dimensionality input (got "
                         f"{input.dim()} dimensions)")
    if input.numel() == 0:
        return input
    square = input * input
    edges = (0, 0) * (input.dim() - 2) + (size // 2, (size - 1) // 2)
    total = pad(square, edges).unfold(1, size, 1).sum(-1)
    around = total / size if total.dtype.is_floating_point else total // size
    return input / (around * alpha + k).pow(beta)
