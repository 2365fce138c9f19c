"""What the functions of linear algebra refuse, and in which words."""
from __future__ import annotations

import numpy as np

from cgrad import Tensor
from cgrad._composite.register import check_tensors


class LinAlgError(RuntimeError):
    """A matrix that a factorization cannot deal with: singular, not positive definite, ...

    Example::

        >>> try:
        ...     cgrad.linalg.inv(cgrad.zeros(2, 2))
        ... except cgrad.linalg.LinAlgError:
        ...     print("singular")
        singular
    """


def matrices(name: str, A: Tensor, argument: str = "A") -> None:
    """`A` must be a tensor of at least two dimensions and a floating point type."""
    check_tensors(name, **{argument: A})
    if A.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor {argument} must have at least 2 dimensions, "
                           f"but got shape {list(A.shape)}.")
    floating(name, A, argument)


def floating(name: str, A: Tensor, argument: str = "A") -> None:
    """`A` must have a floating point type."""
    check_tensors(name, **{argument: A})
    if not A.dtype.is_floating_point:
        raise RuntimeError(f"{name}: Expected a floating point tensor as {argument}, but got "
                           f"{A.dtype}; convert it first, e.g. with .float()")


def square(name: str, A: Tensor, argument: str = "A") -> None:
    """`A` must be a batch of square matrices."""
    matrices(name, A, argument)
    if A.shape[-1] != A.shape[-2]:
        raise RuntimeError(f"{name}: {argument} must be batches of square matrices, but they are "
                           f"{A.shape[-2]} by {A.shape[-1]} matrices (shape {list(A.shape)})")


def same_dtype(name: str, A: Tensor, B: Tensor) -> None:
    """Both must have one dtype."""
    check_tensors(name, A=A, B=B)
    if A.dtype != B.dtype:
        raise RuntimeError(f"{name}: Expected A and B to have the same dtype, but found A of type "
                           f"{A.dtype} and B of type {B.dtype} instead")


def broadcast_batches(name: str, A: Tensor, B: Tensor) -> tuple[Tensor, Tensor]:
    """Both matrices expanded to common batch dimensions."""
    a, b = tuple(A.shape[:-2]), tuple(B.shape[:-2])
    if a == b:
        return A, B
    try:
        batch = np.broadcast_shapes(a, b)
    except ValueError:
        raise RuntimeError(f"{name}: the batch dimensions of shapes {list(A.shape)} and "
                           f"{list(B.shape)} cannot be broadcast") from None
    return A.expand((*batch, *A.shape[-2:])), B.expand((*batch, *B.shape[-2:]))


def first_failure(info: Tensor, what: str) -> None:
    """Raise LinAlgError for the first matrix of a batch whose `info` is not 0.

    `what` gets the number of the info and says what went wrong.
    """
    if info.numel() == 0 or not bool(info.any()):
        return
    codes = info.reshape(-1).tolist()
    entry = next(i for i, code in enumerate(codes) if code)
    batch = f"(Batch element {entry}): " if info.ndim else ""
    name, _, text = what.partition(": ")
    raise LinAlgError(f"{name}: {batch}{text.format(code=abs(codes[entry]))}")
