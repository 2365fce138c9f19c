from cgrad._tensor.tensor import Tensor

def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor: ...
def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor: ...
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    pos_weight: Tensor | None = None,
    reduction: str = "mean",
) -> Tensor: ...
