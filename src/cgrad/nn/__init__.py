"""Layers, losses and what they are made of."""
from cgrad.nn import functional, init, utils
from cgrad.nn.modules import *
from cgrad.nn.modules import __all__ as _modules
from cgrad.nn.parameter import Parameter

__all__ = ["Parameter", "functional", "init", "utils", *_modules]
