"""Optimizers and learning-rate schedules."""
from typing import Any as _Any

from cgrad.optim import lr_scheduler
from cgrad.optim._adafactor import Adafactor
from cgrad.optim._muon import Muon
from cgrad.optim.adadelta import Adadelta
from cgrad.optim.adagrad import Adagrad
from cgrad.optim.adam import Adam, AdamW
from cgrad.optim.adamax import Adamax
from cgrad.optim.asgd import ASGD
from cgrad.optim.lbfgs import LBFGS
from cgrad.optim.nadam import NAdam
from cgrad.optim.optimizer import Optimizer
from cgrad.optim.radam import RAdam
from cgrad.optim.rmsprop import RMSprop
from cgrad.optim.rprop import Rprop
from cgrad.optim.sgd import SGD
from cgrad.optim.sparse_adam import SparseAdam

__all__ = [
    "ASGD", "LBFGS", "SGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Muon",
    "NAdam", "Optimizer", "RAdam", "RMSprop", "Rprop", "SparseAdam", "lr_scheduler", "swa_utils",
]  # fmt: skip


def __getattr__(name: str) -> _Any:
    if name == "swa_utils":  # needs cgrad.nn, which the rest does not
        import cgrad.optim.swa_utils as module

        return module
    raise AttributeError(f"module 'cgrad.optim' has no attribute {name!r}")
