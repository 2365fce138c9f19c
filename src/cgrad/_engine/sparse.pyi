from cgrad._tensor.tensor import Tensor

sparse_type: type | None

def set_sparse_type(cls: type) -> None: ...
def embedding_sparse(
    weight: Tensor, indices: Tensor, padding_idx: int | None = -1
) -> Tensor: ...
