from cgrad._engine.annotations import Dims
from cgrad._tensor.tensor import Tensor

def gather(
    input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False, out: Tensor | None = None
) -> Tensor: ...
def take_along_dim(
    input: Tensor, indices: Tensor, dim: Dims = None, *, out: Tensor | None = None
) -> Tensor: ...
