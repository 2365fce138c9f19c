"""What PyTorch has and cgrad leaves out on purpose: the reason stands in the AttributeError.

``hasattr`` answers False for these names, so a program may probe for them.  The list is one of
reasons, not of names: what is not here is simply unknown.  See docs/differences.md.
"""
from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache

REASONS = {
    "complex numbers": (
        "complex*", "cfloat", "cdouble", "chalf", "polar", "view_as_real", "view_as_complex",
        "fft", "stft", "istft", "ComplexFloatTensor", "ComplexDoubleTensor"),
    "half precision": (
        "half", "bfloat16", "float8_*", "float4_*", "HalfTensor", "BFloat16Tensor",
        "get_autocast_*", "set_autocast_*"),
    "unsigned integers of more than 8 bits": ("uint16", "uint32", "uint64"),
    "sparse layouts": (
        "sparse", "sparse_*", "to_sparse*", "coalesce", "is_coalesced", "indices", "values",
        "crow_indices", "col_indices", "ccol_indices", "row_indices", "sparse_dim",
        "dense_dim", "sspaddmm", "hspmm", "dsmm", "hsmm", "smm"),
    "quantized tensors": (
        "quantize_*", "quantized_*", "dequantize", "q_*", "qint*", "quint*", "int_repr",
        "fake_quantize_*", "qscheme", "per_channel_*", "per_tensor_*", "ao"),
    "devices other than the CPU": (
        "mtia", "hpu", "ipu", "hip", "xla", "vulkan", "cudnn_*", "miopen_*", "Stream",
        "Event", "to_mkldnn*", "mkldnn_*"),
    "named dimensions": (
        "align_to", "align_as", "align_tensors", "refine_names", "rename", "rename_", "names",
        "has_names"),
    "nested and masked tensors": ("nested", "masked", "nested_tensor"),
    "capturing programs": ("export", "fx"),
    "typed storages": ("*Storage", "storage_type"),
}


@lru_cache(maxsize=1024)
def why(name: str) -> str | None:
    """Why PyTorch's `name` is absent, or None where nothing is known of it."""
    if name.startswith("_"):
        return None
    for reason, patterns in REASONS.items():
        if any(fnmatchcase(name, pattern) for pattern in patterns):
            return f"cgrad has no {reason} (docs/differences.md, Scope)"
    return None


def message(owner: str, name: str) -> str:
    """The text of an AttributeError."""
    reason = why(name)
    return f"{owner} has no attribute {name!r}" + (f": {reason}" if reason else "")
