from cgrad._tensor.tensor import Tensor

def attention(
    query: Tensor,
    key: Tensor | None = None,
    values: Tensor | None = None,
    mask: Tensor | None = None,
    causal: bool = False,
    scale: float = 1.0,
) -> Tensor: ...
