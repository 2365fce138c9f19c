"""What derivative rules need of the elementwise operations of one input."""
from cgrad._engine.types cimport *

cdef Row tied(Row a, Row x) except 0
