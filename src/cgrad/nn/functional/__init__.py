"""Layers and losses as functions, a file for each family.

Each is a function of the engine or a few lines around one: no derivative is written here.
"""

from cgrad.nn.functional.activation import *
from cgrad.nn.functional.affine import *
from cgrad.nn.functional.attention import *
from cgrad.nn.functional.conv import *
from cgrad.nn.functional.distance import *
from cgrad.nn.functional.dropouts import *
from cgrad.nn.functional.embeddings import *
from cgrad.nn.functional.loss import *
from cgrad.nn.functional.loss_class import *
from cgrad.nn.functional.loss_margin import *
from cgrad.nn.functional.normalization import *
from cgrad.nn.functional.padding import *
from cgrad.nn.functional.pooling import *
from cgrad.nn.functional.vision import *
