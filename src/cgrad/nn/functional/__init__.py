"""Layers and losses as functions, a file for each family.

Each is a function of the engine or a few lines around one: no derivative is written here.
"""

# The engine's own functions, with PyTorch's signature as they are.
from cgrad._functions import linear
from cgrad.nn.functional.activation import *
from cgrad.nn.functional.distance import *
from cgrad.nn.functional.dropout import *
from cgrad.nn.functional.embedding import *
from cgrad.nn.functional.loss import *
from cgrad.nn.functional.loss_class import *
from cgrad.nn.functional.loss_margin import *
