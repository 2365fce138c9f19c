"""Products of matrices and vectors, composed of matmul."""
from __future__ import annotations

from cgrad._composite.register import public
from cgrad._engine.face import public as _op


@public()
def outer(input, vec2):
    """outer(input, vec2) -> Tensor

    The matrix of products of two vectors' elements: [n] and [m] give [n, m].
    """
    if input.ndim != 1 or vec2.ndim != 1:
        raise RuntimeError(f"outer: Expected 1-D arguments, but got {input.ndim}-D and "
                           f"{vec2.ndim}-D")
    return input.unsqueeze(1) * vec2


@public(inplace=True)
def addmm(input, mat1, mat2, *, beta=1, alpha=1):
    """addmm(input, mat1, mat2, *, beta=1, alpha=1) -> Tensor

    beta input + alpha mat1 @ mat2.
    """
    product = _op["mm"](mat1, mat2)
    product = product if alpha == 1 else product * alpha
    return product + (input if beta == 1 else input * beta)
