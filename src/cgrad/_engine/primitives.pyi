# Nothing here is for Python: see primitives.pxd.
