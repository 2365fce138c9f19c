"""Where PyTorch has the older spectral normalisation; see weight_norm.py."""
from cgrad.nn.utils.weight_norm import SpectralNorm, remove_spectral_norm, spectral_norm

__all__ = ["SpectralNorm", "remove_spectral_norm", "spectral_norm"]
