"""NumPy's functions on tensors, see protocol.py; the table of functions is in functions.py."""
from cgrad._numpy import functions
from cgrad._numpy.protocol import FUNCTIONS, function, ufunc
