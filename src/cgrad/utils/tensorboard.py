"""SummaryWriter of the package tensorboardX, where that is installed."""
from __future__ import annotations

try:
    from tensorboardX import SummaryWriter  # type: ignore[import-not-found]
except ImportError:
    raise ImportError(
        "cgrad.utils.tensorboard: cgrad writes no TensorBoard files itself; install tensorboardX, "
        "whose SummaryWriter takes NumPy arrays and numbers (tensor.item(), tensor.numpy())"
    ) from None

__all__ = ["SummaryWriter"]
