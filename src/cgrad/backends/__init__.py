"""What PyTorch says of its backends: those of accelerators are absent."""
from cgrad.backends import cuda, cudnn, mkl, mps, openmp

__all__ = ["cuda", "cudnn", "mkl", "mps", "openmp"]
