"""Functions composed of operations of the table: no derivative of their own.

A file for each family.  A function becomes public by the decorator of register.py, which enters it
into `PUBLIC` and makes it a method of Tensor.
"""
from cgrad._composite import (
    activation,
    creation,
    ctc,
    distance,
    dropout,
    einsum,
    elementwise,
    indexing,
    inplace,
    join,
    layers,
    linalg,
    loss,
    matrix,
    products,
    properties,
    reduction,
    sampling,
    search,
    shape,
    sorting,
    special,
    statistics,
    types,
    vision,
)
from cgrad._composite.register import PUBLIC
