"""How many of PyTorch's names exist."""
from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

from tests.conformance.values import matches

import cgrad

GROUPS = {"torch", "torch.Tensor", "torch.nn.functional", "torch.linalg", "torch.special",
          "torch.autograd", "torch.autograd.function", "torch.autograd.functional",
          "torch.autograd.graph", "torch.func"}
EXCLUDED_NAMES = [
    "*complex*", "chalf", "cdouble", "cfloat", "polar", "view_as_real", "view_as_complex",
    "*float16", "half", "*Half*", "bfloat16*", "*sparse*", "to_dense", "*coalesce*", "*quantiz*",
    "*fake_quant*",
    "q_*", "int_repr", "*cuda*", "*xpu*", "*mps*", "*mtia*", "*hpu*", "ipu", "*vulkan*",
    "*dynamo*", "*stft", "angle", "is_conj", "crow_indices", "col_indices", "ccol_indices",
    "row_indices", "*autocast*", "*mkldnn*", "uint16", "uint32", "uint64", "eig", "eigvals",
    "geqrf", "ormqr", "*jit*", "fft", "compile*", "export", "while_loop", "*nested*",
    "*Storage", "*BFloat*", "dsmm", "hsmm", "sspaddmm", "SymInt", "SymFloat", "SymBool",
    "sym_*", "*_mm_dtype", "to_mkldnn", "rename*", "refine_names", "align_*", "names",
    "has_names", "*out_dtype*", "forward_ad", "profiler",
]


def surface():
    """(group, tier) -> (names that exist, names that count, missing ones)."""
    path = Path(__file__).parent.parent / "torch_surface.tsv"
    table = defaultdict(lambda: [0, 0, []])
    with path.open(encoding="utf-8") as f:
        for row in csv.DictReader(f, delimiter="\t"):
            group, name, tier = row["group"], row["name"], row["tier"]
            excluded = matches(name, EXCLUDED_NAMES) or (group, name) == ("torch", "cond")
            if group not in GROUPS or excluded:
                continue
            entry = table[group, tier]
            entry[1] += 1
            try:
                found = cgrad
                for part in [*group.split(".")[1:], name]:
                    found = getattr(found, part)
                entry[0] += 1
            except AttributeError:
                entry[2].append(name)
    return table
