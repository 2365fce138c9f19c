"""Hooks in the sweep."""
from cgrad._engine.types cimport *

cdef Row run_hooks(Row r, Row g) except 0
cdef Row run_prehooks(Row r, Row g, dict bundle) except 0
cdef int run_posthooks(Row r, Row g, int n, char *need, Row *out) except -1
cdef int run_after_store(Row leaf) except -1
