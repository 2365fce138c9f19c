from cgrad._engine.types cimport *
from cgrad._engine.handle cimport Handle

cdef object storage_ref(Storage *s)
cdef object to_numpy(Handle t)
cdef object to_dlpack(Handle t)
