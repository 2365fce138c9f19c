"""Ways to fill a tensor with initial values, in place and without recording gradients."""
from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import cgrad
from cgrad import Tensor

__all__ = [
    "calculate_gain", "constant", "constant_", "dirac", "dirac_", "eye", "eye_", "kaiming_normal",
    "kaiming_normal_", "kaiming_uniform", "kaiming_uniform_", "normal", "normal_", "ones_",
    "orthogonal", "orthogonal_", "sparse", "sparse_", "trunc_normal_", "uniform", "uniform_",
    "xavier_normal", "xavier_normal_", "xavier_uniform", "xavier_uniform_", "zeros_",
]  # fmt: skip

_LINEAR = ("linear", *(f"conv{t}{d}d" for t in ("", "_transpose") for d in (1, 2, 3)))


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the factor that keeps the variance of activations through a nonlinearity.

    It is 1 for linear layers and sigmoid, 5/3 for tanh, √2 for relu, √(2 / (1 + param²)) for
    leaky_relu (slope 0.01 unless ``param`` says otherwise) and 3/4 for selu.

    Raises:
        ValueError: the name or the slope is not known.

    Example::

        >>> cgrad.nn.init.calculate_gain("tanh")
        1.6666666666666667
    """
    if nonlinearity in _LINEAR or nonlinearity == "sigmoid":
        return 1
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"negative_slope {slope} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity == "selu":
        return 3.0 / 4
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with samples from U(a, b).

    Example::

        >>> w = cgrad.nn.init.uniform_(cgrad.empty(1000), -0.1, 0.1)
        >>> w.abs().max().item() <= 0.1
        True
    """
    with cgrad.no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None
) -> Tensor:
    """Fill with samples from N(mean, std²).

    Example::

        >>> cgrad.nn.init.normal_(cgrad.empty(2), mean=3.0, std=0.0)
        tensor([3., 3.])
    """
    with cgrad.no_grad():
        return tensor.normal_(mean, std, generator=generator)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Any = None,
) -> Tensor:
    """Fill with samples from N(mean, std²), drawn anew while they lie outside [a, b].

    Far in a tail, where few normal samples would fall between the bounds, candidates are drawn
    from U(a, b) and accepted with a probability in proportion to the density.

    Example::

        >>> w = cgrad.nn.init.trunc_normal_(cgrad.empty(1000), a=-1.0, b=1.0)
        >>> w.abs().max().item() <= 1
        True
    """
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
            stacklevel=2,
        )
    # From the nearer tail: differences of erf would cancel there.
    low, high = (a - mean) / std, (b - mean) / std
    low, high = (-high, -low) if low > 0 else (low, high)
    mass = (math.erfc(-high / math.sqrt(2)) - math.erfc(-low / math.sqrt(2))) / 2
    peak = min(max(a, mean), b)

    def normal(candidates: Tensor) -> Tensor:
        candidates.normal_(mean, std, generator=generator)
        return (candidates < a).logical_or(candidates > b)

    def weighted(candidates: Tensor) -> Tensor:
        candidates.uniform_(a, b, generator=generator)
        density = ((peak - mean) ** 2 - (candidates - mean) ** 2) / (2 * std**2)
        draws = cgrad.empty_like(candidates).uniform_(generator=generator)
        return draws > density.exp()

    draw: Callable[[Tensor], Tensor] = normal if mass > 0.3 else weighted
    with cgrad.no_grad():
        rejected = draw(tensor)
        while rejected.any():
            # As many candidates as places left, so that the last few cost little.
            fresh = cgrad.empty(int(rejected.sum()), dtype=tensor.dtype)
            again = draw(fresh)
            tensor[rejected] = fresh
            rejected[rejected.clone()] = again
    return tensor


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one value.

    Example::

        >>> cgrad.nn.init.constant_(cgrad.empty(2), 0.5)
        tensor([0.5000, 0.5000])
    """
    with cgrad.no_grad():
        return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones.

    Example::

        >>> cgrad.nn.init.ones_(cgrad.empty(2))
        tensor([1., 1.])
    """
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros.

    Example::

        >>> cgrad.nn.init.zeros_(cgrad.empty(2))
        tensor([0., 0.])
    """
    return constant_(tensor, 0.0)


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity, or as much of it as fits.

    Raises:
        ValueError: ``tensor`` is not 2-dimensional.

    Example::

        >>> cgrad.nn.init.eye_(cgrad.empty(2, 2))
        tensor([[1., 0.],
                [0., 1.]])
    """
    if tensor.dim() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    with cgrad.no_grad():
        return tensor.copy_(cgrad.eye(*tensor.shape, dtype=tensor.dtype))


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    if tensor.dim() < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"
        )
    receptive_field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * receptive_field, tensor.shape[0] * receptive_field


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with U(-a, a), a = gain · √(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010).

    Example::

        >>> weight = cgrad.nn.init.xavier_uniform_(cgrad.empty(3, 5))
        >>> bool((weight.abs() <= (6 / 8) ** 0.5).all())
        True
    """
    bound = gain * math.sqrt(6.0 / sum(_calculate_fan_in_and_fan_out(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """Fill with N(0, std²), std = gain · √(2 / (fan_in + fan_out)) (Glorot and Bengio, 2010).

    Example::

        >>> w = cgrad.nn.init.xavier_normal_(cgrad.empty(300, 200))
        >>> abs(w.var().item() - 2 / 500) < 0.001
        True
    """
    std = gain * math.sqrt(2.0 / sum(_calculate_fan_in_and_fan_out(tensor)))
    return normal_(tensor, 0.0, std, generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    mode = mode.lower()
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    fan = _calculate_fan_in_and_fan_out(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def _has_no_elements(tensor: Tensor) -> bool:
    if 0 not in tensor.shape:
        return False
    warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
    return True


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Fill with U(-bound, bound), bound = gain · √(3 / fan) (He et al., 2015).

    Args:
        tensor: to fill; its first two dimensions are outputs and inputs.
        a: slope of the leaky_relu that follows. Default: 0
        mode: ``"fan_in"`` keeps the variance of activations, ``"fan_out"`` that of gradients.
        nonlinearity: what follows, for :func:`calculate_gain`.
        generator: where the numbers come from. Default: the global one

    Example::

        >>> w = cgrad.nn.init.kaiming_uniform_(cgrad.empty(300, 200), nonlinearity="relu")
        >>> w.abs().max().item() <= (6 / 200) ** 0.5
        True
    """
    if _has_no_elements(tensor):
        return tensor
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """Fill with N(0, std²), std = gain / √fan (He et al., 2015); see :func:`kaiming_uniform_`.

    Example::

        >>> w = cgrad.nn.init.kaiming_normal_(cgrad.empty(300, 200), nonlinearity="relu")
        >>> abs(w.var().item() - 2 / 200) < 0.001
        True
    """
    if _has_no_elements(tensor):
        return tensor
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """Fill with a (semi-)orthogonal matrix, dimensions after the first flattened together.

    Rows, or columns if there are fewer, are orthonormal up to ``gain`` (Saxe et al., 2013).

    Raises:
        ValueError: ``tensor`` has fewer than 2 dimensions.

    Example::

        >>> w = cgrad.nn.init.orthogonal_(cgrad.empty(3, 3))
        >>> cgrad.allclose(w @ w.T, cgrad.eye(3), atol=1e-5)
        True
    """
    if tensor.dim() < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if 0 in tensor.shape:
        return tensor
    rows = tensor.shape[0]
    columns = math.prod(tensor.shape[1:])
    sample = cgrad.empty(max(rows, columns), min(rows, columns), dtype=tensor.dtype)
    # NumPy's QR: nothing here is to be differentiated.
    q, r = np.linalg.qr(normal_(sample, 0.0, 1.0, generator).numpy())
    q *= np.sign(np.diag(r))  # makes the distribution uniform
    q = np.ascontiguousarray(q.T if rows < columns else q).reshape(tuple(tensor.shape))
    with cgrad.no_grad():
        return tensor.copy_(cgrad.from_numpy(q)).mul_(gain)


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill the weight of a convolution so that it hands on as many channels as it can.

    Args:
        tensor: weight of 3, 4 or 5 dimensions, (out, in, ...).
        groups: each of so many parts of the output channels does the same. Default: 1

    Raises:
        ValueError: other dimensions, or the output channels are not divisible by ``groups``.

    Example::

        >>> cgrad.nn.init.dirac_(cgrad.empty(2, 2, 1)).squeeze(2)
        tensor([[1., 0.],
                [0., 1.]])
    """
    if tensor.dim() not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    if tensor.shape[0] % groups:
        raise ValueError("dim 0 must be divisible by groups")
    each = tensor.shape[0] // groups
    middle = tuple(n // 2 for n in tensor.shape[2:])
    with cgrad.no_grad():
        tensor.zero_()
        for group in range(groups):
            for i in range(min(each, tensor.shape[1])):
                tensor[(group * each + i, i, *middle)] = 1
    return tensor


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """Fill a matrix with N(0, std²) and set a part of each column to zero (Martens, 2010).

    Args:
        tensor: a matrix.
        sparsity: the part of each column that is zero, rounded up.
        std: Default: 0.01
        generator: where the numbers come from. Default: the global generator

    Raises:
        ValueError: it is not a matrix.

    Example::

        >>> w = cgrad.nn.init.sparse_(cgrad.empty(4, 2), sparsity=0.5)
        >>> (w == 0).sum(dim=0)
        tensor([2, 2])
    """
    if tensor.dim() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    with cgrad.no_grad():
        tensor.normal_(0, std, generator=generator)
        for column in range(columns):
            tensor[cgrad.randperm(rows, generator=generator)[:zeros], column] = 0
    return tensor


def _old_name(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    new = function.__name__

    def old(*args: Any, **kwargs: Any) -> Tensor:
        warnings.warn(f"`nn.init.{new[:-1]}` is now deprecated in favor of `nn.init.{new}`.",
                      FutureWarning, stacklevel=2)  # fmt: skip
        return function(*args, **kwargs)

    old.__name__ = old.__qualname__ = new[:-1]
    old.__doc__ = f"Deprecated name of :func:`{new}`."
    return old


uniform = _old_name(uniform_)
normal = _old_name(normal_)
constant = _old_name(constant_)
eye = _old_name(eye_)
dirac = _old_name(dirac_)
sparse = _old_name(sparse_)
orthogonal = _old_name(orthogonal_)
xavier_uniform = _old_name(xavier_uniform_)
xavier_normal = _old_name(xavier_normal_)
kaiming_uniform = _old_name(kaiming_uniform_)
kaiming_normal = _old_name(kaiming_normal_)
