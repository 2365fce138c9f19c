from cgrad._engine.annotations import Number
from cgrad._tensor.tensor import Tensor

def scatter(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Tensor | Number | None = None,
    *,
    value: Tensor | Number | None = None,
    reduce: str | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
def scatter_add(
    input: Tensor, dim: int, index: Tensor, src: Tensor | Number, *, out: Tensor | None = None
) -> Tensor: ...
def fold(input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str) -> Tensor: ...
def scatter_(
    self: Tensor,
    dim: int,
    index: Tensor,
    src: Tensor | Number | None = None,
    *,
    value: Tensor | Number | None = None,
    reduce: str | None = None,
) -> Tensor: ...
def scatter_add_(self: Tensor, dim: int, index: Tensor, src: Tensor | Number) -> Tensor: ...
