from cgrad._engine.annotations import Number
from cgrad._tensor.tensor import Tensor

def round(input: Tensor, *, decimals: int = 0, out: Tensor | None = None) -> Tensor: ...
def clamp(
    input: Tensor,
    min: Tensor | Number | None = None,
    max: Tensor | Number | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor: ...
