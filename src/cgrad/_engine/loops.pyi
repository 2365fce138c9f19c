# Nothing here is for Python: see loops.pxd.
