"""All losses in one module, PyTorch's, for programs that import them from here."""
# ruff: noqa: F403
from cgrad.nn.modules.loss_class import *
from cgrad.nn.modules.loss_margin import *
from cgrad.nn.modules.loss_value import *
from cgrad.nn.modules.loss_value import _Loss, _WeightedLoss

__all__ = ["_Loss", "_WeightedLoss"]
