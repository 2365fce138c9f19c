from collections.abc import Sequence

from cgrad._tensor.tensor import Tensor

def cat(tensors: Sequence[Tensor], dim: int = 0, *, axis: int | None = None, out: Tensor | None = None) -> Tensor: ...
