"""Tools for tests: comparison within tolerances, and random tensors of any type."""
from cgrad.testing._comparison import assert_allclose, assert_close
from cgrad.testing._creation import make_tensor

__all__ = ["assert_allclose", "assert_close", "make_tensor"]
