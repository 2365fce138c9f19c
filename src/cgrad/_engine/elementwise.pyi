# Nothing here is for Python: see elementwise.pxd.
