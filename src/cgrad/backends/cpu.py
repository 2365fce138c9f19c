"""The processor."""


def get_cpu_capability() -> str:
    """The name of OpenBLAS's kernels for this processor, such as "Haswell" or "SkylakeX"."""
    from cgrad._engine.threads import blas_core

    return blas_core()
