"""Counts, drawn by NumPy from a generator's bits."""
from __future__ import annotations

import cgrad
from cgrad._composite.register import check_tensor, check_tensors, public
from cgrad._engine.random import Generator, set_device, source
from cgrad._tensor.size import device
from cgrad._tensor.tensor import Tensor

set_device(device("cpu"))


@public(method=False)
def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """poisson(input, generator=None) -> Tensor

    Counts with the Poisson rates that `input` holds, in its dtype.  Raises RuntimeError for a
    negative rate.

    Example::

        >>> cgrad.poisson(cgrad.tensor([0.0, 4.0])).shape
        cgrad.Size([2])
    """
    check_tensor("poisson", input)
    if not input.dtype.is_floating_point:
        raise NotImplementedError(f"poisson: not implemented for {input.dtype}")
    rates = input.detach().to(cgrad.float64)
    if not bool((rates >= 0).all()):
        raise RuntimeError("poisson: invalid Poisson rate, expected rate to be non-negative")
    try:
        counts = source(generator)._numpy().poisson(rates.numpy())
    except ValueError as error:
        raise RuntimeError(f"poisson: {error}") from None
    return cgrad.tensor(counts).to(input.dtype)


@public(method=False)
def binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor:
    """binomial(count, prob, generator=None) -> Tensor

    How many of `count` trials succeed, each with probability `prob`; inputs are broadcast.

    Example::

        >>> cgrad.binomial(cgrad.tensor([10.0]), cgrad.tensor([1.0]))
        tensor([10.])
    """
    check_tensors("binomial", count=count, prob=prob)
    for name, x in (("count", count), ("prob", prob)):
        if not x.dtype.is_floating_point:
            raise ValueError(f"binomial only supports floating-point dtypes for {name}, got: "
                             f"{x.dtype}")
    if count.dtype != prob.dtype:
        raise RuntimeError(f"binomial: Found dtype {prob.dtype} but expected {count.dtype}")
    n, p = (x.detach().to(cgrad.float64).numpy() for x in cgrad.broadcast_tensors(count, prob))
    if not ((n >= 0) & (n < 2**63)).all():
        raise RuntimeError("binomial: expected counts of at least 0")
    try:
        counts = source(generator)._numpy().binomial(n.astype("int64"), p)
    except ValueError as error:
        raise RuntimeError(f"binomial: {error}") from None
    return cgrad.tensor(counts).to(count.dtype)
