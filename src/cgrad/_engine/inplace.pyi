# Nothing here is for Python: see inplace.pxd.
