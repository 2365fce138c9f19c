"""Layers, losses and what they are made of."""
from cgrad.nn import attention, functional, init, parallel, parameter, utils
from cgrad.nn.modules import *
from cgrad.nn.modules import __all__ as _modules
from cgrad.nn.parallel import DataParallel
from cgrad.nn.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

__all__ = [
    "Buffer", "DataParallel", "Parameter", "UninitializedBuffer", "UninitializedParameter",
    "attention", "functional", "init", "parallel", "parameter", "utils", *_modules,
]  # fmt: skip
