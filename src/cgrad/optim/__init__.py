"""Optimizers and learning-rate schedules."""
from cgrad.optim import lr_scheduler
from cgrad.optim.adagrad import Adagrad
from cgrad.optim.adam import Adam, AdamW
from cgrad.optim.optimizer import Optimizer
from cgrad.optim.rmsprop import RMSprop
from cgrad.optim.sgd import SGD

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "lr_scheduler"]
