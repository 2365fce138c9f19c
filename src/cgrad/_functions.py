"""The table's functions that belong to ``cgrad.nn.functional``, for the layers of nn."""
from cgrad._engine.activation import (
    celu,
    elu,
    gelu,
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    leaky_relu,
    logsigmoid,
    mish,
    selu,
    softplus,
    softshrink,
    threshold,
)
from cgrad._engine.attention import attention
from cgrad._engine.cross_entropy import cross_entropy, nll_loss
from cgrad._engine.loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    huber,
    l1_loss,
    mse_loss,
)
from cgrad._engine.matmul import linear
from cgrad._engine.norm import row_norm
from cgrad._engine.select import embedding
from cgrad._engine.sparse import embedding_sparse

__all__ = [
    "attention", "binary_cross_entropy", "binary_cross_entropy_with_logits", "celu",
    "cross_entropy", "elu", "embedding", "embedding_sparse", "gelu", "hardshrink", "hardsigmoid",
    "hardswish", "hardtanh", "huber", "l1_loss", "leaky_relu", "linear", "logsigmoid", "mish",
    "mse_loss", "nll_loss", "row_norm", "selu", "softplus", "softshrink", "threshold",
]
