"""Masks."""
from cgrad._engine.types cimport *

cdef int fill_into(Row x, Row m, Row v) except -1
