"""Differences, integrals, quantiles, covariances."""
from __future__ import annotations

from collections.abc import Sequence

import cgrad
from cgrad._composite.register import check_tensor, dimension, public
from cgrad._engine.annotations import Number
from cgrad._engine.sort import positions, store
from cgrad._tensor.tensor import Tensor

# ---- Differences and integrals ------------------------------------------------------------------

@public()
def diff(
    input: Tensor,
    n: int = 1,
    dim: int = -1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """diff(input, n=1, dim=-1, prepend=None, append=None) -> Tensor

    Differences of neighbours along `dim`, `n` times; `prepend` and `append` are put in front and
    behind first.  For bool: whether neighbours differ.

    Example::

        >>> cgrad.diff(cgrad.tensor([1, 4, 9]))
        tensor([3, 5])
    """
    check_tensor("diff", input)
    if input.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"diff: order must be non-negative but got {n}")
    dim = dimension(dim, input.ndim, "diff")
    parts = [x for x in (prepend, input, append) if x is not None]
    for x in parts:
        if x.ndim != input.ndim:
            raise RuntimeError("diff expects prepend or append to be the same dimension as input, "
                               f"but got {x.ndim} and {input.ndim} dimensions")
    result = cgrad.cat(parts, dim) if len(parts) > 1 and n else input
    if n == 0:
        result = input.clone()
    for _ in range(min(n, result.shape[dim])):
        count = max(result.shape[dim] - 1, 0)
        low, high = result.narrow(dim, 0, count), result.narrow(dim, min(1, count), count)
        result = high != low if result.dtype == cgrad.bool else high - low
    return result if out is None else store(result, out, "diff")


def _strips(y: Tensor, x: Tensor | None, dx: Number | None, dim: int, name: str) -> Tensor:
    # Twice the areas of the trapezoids between neighbours.
    check_tensor(name, y)
    if y.dtype == cgrad.bool or (x is not None and x.dtype == cgrad.bool):
        raise RuntimeError(f"{name}: received a bool input for `x` or `y`, but bool is not "
                           "supported")
    if x is not None and dx is not None:
        raise TypeError(f"{name}() takes `x` or `dx`, not both")
    dim = dimension(dim, y.ndim, name)
    if y.ndim == 0 or y.shape[dim] == 0:
        return y.sum() * cgrad.zeros(0) if y.ndim == 0 else y
    count = y.shape[dim] - 1
    sides = y.narrow(dim, 0, count) + y.narrow(dim, 1, count)
    if x is None:
        return sides if dx is None else sides * dx
    if x.ndim == 1:
        if x.shape[0] != y.shape[dim]:
            raise RuntimeError(f"{name}: There must be one `x` value for each sample point")
        x = x.reshape([-1] + [1] * (y.ndim - 1 - dim))
    elif x.ndim < y.ndim:
        x = x.reshape([1] * (y.ndim - x.ndim) + list(x.shape))
    return diff(x, dim=dim - y.ndim) * sides


@public("trapz", method=False)
def trapezoid(
    y: Tensor, x: Tensor | None = None, *, dx: Number | None = None, dim: int = -1
) -> Tensor:
    """trapezoid(y, x=None, *, dx=None, dim=-1) -> Tensor

    The integral along `dim` by the trapezoidal rule: of values `y` at the points `x`, or at points
    `dx` (1) apart.

    Example::

        >>> cgrad.trapezoid(cgrad.tensor([1.0, 5.0, 10.0]))
        tensor(10.5000)
    """
    return _strips(y, x, dx, dim, "trapezoid").sum(dim) / 2


@public(method=False)
def cumulative_trapezoid(
    y: Tensor, x: Tensor | None = None, *, dx: Number | None = None, dim: int = -1
) -> Tensor:
    """cumulative_trapezoid(y, x=None, *, dx=None, dim=-1) -> Tensor

    The integrals up to each point but the first, as :func:`trapezoid`.

    Example::

        >>> cgrad.cumulative_trapezoid(cgrad.tensor([1.0, 2.0, 3.0]))
        tensor([1.5000, 4.0000])
    """
    return _strips(y, x, dx, dim, "cumulative_trapezoid").cumsum(dim) / 2


@public(method=False)
def gradient(
    input: Tensor,
    *,
    spacing: Number | Tensor | Sequence[Number] | Sequence[Tensor] | None = 1,
    dim: int | Sequence[int] | None = None,
    edge_order: int = 1,
) -> tuple[Tensor, ...]:
    """gradient(input, *, spacing=1, dim=None, edge_order=1) -> tuple of Tensors

    The slopes of `input` along each dimension of `dim` (all): second order differences inside,
    one-sided ones of order `edge_order` at the edges (as numpy.gradient).

    Args:
        spacing: the distance of the points, of one dimension or one for each; or their coordinates
            as vectors.

    Example::

        >>> cgrad.gradient(cgrad.tensor([1.0, 2.0, 4.0, 7.0]))[0]
        tensor([1.0000, 1.5000, 2.5000, 3.0000])
    """
    check_tensor("gradient", input)
    if edge_order not in (1, 2):
        raise RuntimeError("gradient only supports edge_order=1 and edge_order=2.")
    if input.dtype in (cgrad.uint8, cgrad.bool):
        raise RuntimeError(f"gradient: not supported for {input.dtype}")
    dims = range(input.ndim) if dim is None else [dim] if isinstance(dim, int) else dim
    dims = [dimension(d, input.ndim, "gradient") for d in dims]
    if len(set(dims)) != len(dims):
        raise RuntimeError(f"gradient: dim appears multiple times in {dims}")
    spacing = 1 if spacing is None else spacing
    if isinstance(spacing, (int, float)) or (isinstance(spacing, Tensor) and spacing.ndim == 0):
        steps: list[Number | Tensor] = [spacing] * len(dims)
    else:
        steps = [spacing] if isinstance(spacing, Tensor) else list(spacing)
    if len(steps) != len(dims):
        raise RuntimeError("gradient expected spacing to be unspecified, a scalar, or one for each "
                           f"of the {len(dims)} dimensions, but got {len(steps)}")
    return tuple(_slopes(input, h, d, edge_order) for h, d in zip(steps, dims))


def _slopes(f: Tensor, spacing: Number | Tensor, dim: int, order: int) -> Tensor:
    n = f.shape[dim]
    if n < order + 1:
        raise RuntimeError("gradient expected each dimension size to be at least edge_order+1")
    kind = f.dtype if f.dtype.is_floating_point else cgrad.get_default_dtype()
    if isinstance(spacing, Tensor) and spacing.ndim:
        if spacing.ndim != 1 or spacing.shape[0] != n:
            raise RuntimeError("gradient expected the coordinates to be a vector of the size "
                               f"{n} of dimension {dim}, but got {list(spacing.shape)}")
        steps = diff(spacing.to(kind)).reshape([-1] + [1] * (f.ndim - 1 - dim))
    else:
        steps = cgrad.ones([n - 1] + [1] * (f.ndim - 1 - dim), dtype=kind) * spacing

    def at(i: int) -> Tensor:
        return f.narrow(dim, i % n, 1)

    left, right = steps[:-1], steps[1:]
    low, middle, high = (f.narrow(dim, i, max(n - 2, 0)) for i in (0, min(1, n), min(2, n)))
    inner = ((high - middle) * (left / right) + (middle - low) * (right / left)) / (left + right)
    if order == 1:
        edges = (at(1) - at(0)) / steps[:1], (at(-1) - at(-2)) / steps[-1:]
    else:
        edges = (_edge(at(0), at(1), at(2), steps[:1], steps[1:2]),
                 -_edge(at(-1), at(-2), at(-3), steps[-1:], steps[-2:-1]))
    return cgrad.cat([edges[0], inner, edges[1]], dim)


def _edge(a: Tensor, b: Tensor, c: Tensor, h: Tensor, k: Tensor) -> Tensor:
    # The slope at a of the parabola through three points, h and k apart.
    return (b - a) * ((h + k) / (h * k)) - (c - a) * (h / (k * (h + k)))


# ---- Quantiles ----------------------------------------------------------------------------------

def _quantile(
    input: Tensor,
    q: Tensor | float,
    dim: int | None,
    keepdim: bool,
    interpolation: str,
    skip: bool,
    out: Tensor | None,
    name: str,
) -> Tensor:
    check_tensor(name, input)
    if input.numel() == 0:
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    if not input.dtype.is_floating_point:
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
    if not isinstance(q, Tensor):
        if not 0 <= q <= 1:
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q}")
        q = cgrad.tensor(float(q), dtype=input.dtype)
    if q.ndim > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
    if q.dtype != input.dtype:
        raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
    if not bool(((q >= 0) & (q <= 1)).all()):
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise RuntimeError(f"{name}() interpolation must be one of linear, lower, higher, midpoint "
                           f"or nearest, but got {interpolation}")
    shape = [1] * input.ndim
    if dim is None:
        x = input.reshape(-1)
    else:
        dim = dimension(dim, input.ndim, name)
        x = (input if input.ndim else input.reshape(1)).movedim(dim, -1)
        shape = [1 if d == dim else n for d, n in enumerate(input.shape)]
    values = positions(x, -1, "first", -1, name=name)[0]
    nan = values != values
    place = q.reshape(-1) * (x.shape[-1] - 1)
    if skip:
        place = q.reshape(-1) * ((~nan).sum(-1, keepdim=True) - 1).clamp(min=0)
    else:       # a NaN is the last one of its line
        place = cgrad.where(nan.any(-1, keepdim=True), float(x.shape[-1] - 1), place)
    place = place.expand(x.shape[:-1] + (q.numel(),))
    if interpolation == "nearest":
        place = place.round()
    low = place.ceil() if interpolation == "higher" else place.floor()
    result = values.gather(-1, low.to(cgrad.int64))
    if interpolation in ("linear", "midpoint"):
        high = values.gather(-1, place.ceil().to(cgrad.int64))
        if interpolation == "midpoint":
            result = cgrad.lerp(result, high, cgrad.full_like(place, 0.5))
        else:
            result = cgrad.lerp(result, high, place - low)
    result = result.movedim(-1, 0)
    kept = shape if keepdim else list(result.shape[1:])
    result = result.reshape(([q.numel()] if q.ndim else []) + kept)
    return result if out is None else store(result, out, name)


@public()
def quantile(
    input: Tensor,
    q: Tensor | float,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
    out: Tensor | None = None,
) -> Tensor:
    """quantile(input, q, dim=None, keepdim=False, *, interpolation="linear") -> Tensor

    The value below which lies the part `q` (0 to 1) of the elements along `dim`, or of all.

    Args:
        q: a number, or a vector of them, whose dimension comes first in the result.
        interpolation: between two elements: "linear", "lower", "higher", "midpoint", "nearest".

    Example::

        >>> cgrad.quantile(cgrad.tensor([1.0, 2.0, 4.0]), 0.75)
        tensor(3.)
    """
    return _quantile(input, q, dim, keepdim, interpolation, False, out, "quantile")


@public()
def nanquantile(
    input: Tensor,
    q: Tensor | float,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
    out: Tensor | None = None,
) -> Tensor:
    """nanquantile(input, q, dim=None, keepdim=False, *, interpolation="linear") -> Tensor

    As :func:`quantile`, of the elements that are not NaN.

    Example::

        >>> cgrad.nanquantile(cgrad.tensor([1.0, float("nan"), 3.0]), 0.5)
        tensor(2.)
    """
    return _quantile(input, q, dim, keepdim, interpolation, True, out, "nanquantile")


# ---- Covariances --------------------------------------------------------------------------------

def _weights(w: Tensor, count: int, floating: bool, name: str) -> Tensor:
    if w.ndim > 1:
        raise RuntimeError(f"cov(): expected {name} to have one or fewer dimensions but got "
                           f"{name} with {w.ndim} dimensions")
    if w.dtype.is_floating_point != floating or w.dtype == cgrad.bool:
        kind = "floating point" if floating else "integral"
        raise RuntimeError(f"cov(): expected {name} to have {kind} dtype but got {name} with "
                           f"{w.dtype} dtype")
    if w.numel() != count:
        raise RuntimeError(f"cov(): expected {name} to have the same numel as there are "
                           f"observations in the input but got {w.numel()} != {count}")
    if count and bool(w.min() < 0):
        raise RuntimeError(f"cov(): {name} cannot be negative")
    return w


@public()
def cov(
    input: Tensor,
    *,
    correction: int = 1,
    fweights: Tensor | None = None,
    aweights: Tensor | None = None,
) -> Tensor:
    """cov(input, *, correction=1, fweights=None, aweights=None) -> Tensor

    The matrix of covariances of variables, the rows of `input`, over observations, its columns.

    Args:
        fweights: how often each observation counts, integers.
        aweights: how much it counts.

    Example::

        >>> cgrad.cov(cgrad.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]))
        tensor([[ 1., -1.],
                [-1.,  1.]])
    """
    check_tensor("cov", input)
    if input.ndim > 2:
        raise RuntimeError("cov(): expected input to have two or fewer dimensions but got an input "
                           f"with {input.ndim} dimensions")
    if input.dtype == cgrad.bool:
        raise RuntimeError("cov(): bool dtype is not supported for input")
    x = input if input.ndim == 2 else input.reshape(1, -1)
    if not x.dtype.is_floating_point:
        x = x.to(cgrad.get_default_dtype())
    count = x.shape[1]
    w = None
    if fweights is not None:
        w = _weights(fweights, count, False, "fweights")
    if aweights is not None:
        a = _weights(aweights, count, True, "aweights")
        w = a if w is None else w * a
    total: Tensor | int = count
    if w is not None:
        total = w.sum()
        if count and float(total) == 0:
            raise RuntimeError("cov(): weights sum to zero, can't be normalized")
    average = x.sum(1, keepdim=True) / count if w is None \
        else (x * w).sum(1, keepdim=True) / total
    left: Tensor | float
    if w is not None and aweights is not None and correction:
        left = (total - correction * (w * aweights).sum() / total).clamp(min=0)
    else:
        left = total - correction
        left = left.clamp(min=0) if isinstance(left, Tensor) else max(left, 0)
    x = x - average
    weighted = x if w is None else x * w
    result = x @ weighted.t() / left
    return result.reshape(()) if result.numel() == 1 else result


@public()
def corrcoef(input: Tensor) -> Tensor:
    """corrcoef(input) -> Tensor

    The matrix of correlation coefficients of variables, the rows of `input`, clipped to [-1, 1].

    Example::

        >>> cgrad.corrcoef(cgrad.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]))
        tensor([[ 1., -1.],
                [-1.,  1.]])
    """
    check_tensor("corrcoef", input)
    if input.ndim > 2:
        raise RuntimeError("corrcoef(): expected input to have two or fewer dimensions but got an "
                           f"input with {input.ndim} dimensions")
    c = cov(input)
    if c.ndim == 0:
        return c / c
    deviation = c.diagonal().sqrt()
    return (c / deviation.unsqueeze(1) / deviation).clamp(-1, 1)
