# Nothing for Python: the update is called by optim.pyx.
