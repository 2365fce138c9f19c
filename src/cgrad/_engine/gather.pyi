from cgrad._engine.annotations import Dims, Number
from cgrad._tensor.tensor import Tensor

def gather(
    input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False, out: Tensor | None = None
) -> Tensor: ...
def take_along_dim(
    input: Tensor, indices: Tensor, dim: Dims = None, *, out: Tensor | None = None
) -> Tensor: ...
def scatter(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Tensor | Number | None = None,
    *,
    value: Tensor | Number | None = None,
    reduce: str | None = None,
) -> Tensor: ...
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor | Number) -> Tensor: ...
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
