"""Optimizers and learning-rate schedules."""
from cgrad.optim import lr_scheduler
from cgrad.optim.adam import Adam, AdamW
from cgrad.optim.optimizer import Optimizer
from cgrad.optim.sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "lr_scheduler"]
