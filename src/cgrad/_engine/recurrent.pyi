from cgrad._tensor.tensor import Tensor

def forward(
    mode: str,
    x: Tensor,
    h: Tensor,
    c: Tensor | None,
    w: Tensor,
    b: Tensor | None,
    reverse: bool,
) -> tuple[Tensor, Tensor | None, Tensor | None]: ...
def backward(
    mode: str,
    dout: Tensor | None,
    dh: Tensor | None,
    dc: Tensor | None,
    hs: Tensor,
    cs: Tensor | None,
    saved: Tensor | None,
    w: Tensor,
    reverse: bool,
) -> tuple[Tensor, Tensor | None, Tensor, Tensor]: ...
