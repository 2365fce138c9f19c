"""Every distribution at parameters and values that its tests run over.

A case names the class, its arguments (numbers, nested lists for tensors of float64, other cases for
distributions inside), and values in the support that broadcast with the batch.
"""
from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

ROW = [0.3, 1.2, 2.5]
COLUMN = [[0.7], [1.9]]


@dataclass
class Case:
    """One distribution: keyword arguments, and values where its functions are taken."""

    name: str
    kwargs: dict[str, Any]
    values: Any
    label: str = ""
    fixed: tuple[str, ...] = ()          # arguments that are no tensors
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self):
        return f"{self.name}-{self.label}"


CASES: list[Case] = []


def add(name, values, *arguments, fixed=()):
    for i, kwargs in enumerate(arguments):
        CASES.append(Case(name, kwargs, values, str(i), fixed))


def tensor(library, value, grad=False):
    """A number or nested list as a tensor of the library; integers stay integers."""
    if isinstance(value, Case):
        return build(library, value)[0]
    flat = value
    while isinstance(flat, list):
        flat = flat[0]
    dtype = library.int64 if isinstance(flat, int) else library.float64
    t = library.tensor(value, dtype=dtype)
    return t.requires_grad_() if grad and dtype is library.float64 else t


def build(library, case, grad=False, **options):
    """The distribution, and its parameters that require grad."""
    kwargs, leaves = {}, []
    for name, value in case.kwargs.items():
        if name in case.fixed:
            kwargs[name] = value
            continue
        if isinstance(value, Case):
            kwargs[name], inner = build(library, value, grad)
            leaves += inner
            continue
        kwargs[name] = tensor(library, value, grad)
        if grad and kwargs[name].requires_grad:
            leaves.append(kwargs[name])
    return getattr(library.distributions, case.name)(**kwargs, **options), leaves


REAL = [-30.0, -2.5, -1.0, 0.0, 0.3, 1.0, 4.0, 50.0]

add("Normal", [[[v]] for v in REAL],
    {"loc": 0.0, "scale": 1.0}, {"loc": [-1.0, 0.0, 3.0], "scale": COLUMN},
    {"loc": 2.0, "scale": [1e-3, 1.0, 1e3]})
add("Bernoulli", [[[0.0]], [[1.0]]],
    {"probs": 0.3}, {"probs": [0.01, 0.5, 0.99]}, {"logits": [[-20.0], [0.0], [3.0]]},
    {"probs": [0.0, 1.0]})
add("Categorical", [[0], [1], [2]],
    {"probs": [0.2, 0.3, 0.5]}, {"probs": [[2.0, 1.0, 4.0], [1.0, 0.0, 0.0]]},
    {"logits": [[0.5, -1.0, 2.0], [100.0, 0.0, -100.0]]})
add("Independent", [[[-1.0, 0.0, 2.0], [0.5, 0.5, 0.5]]],
    {"base_distribution": Case("Normal", {"loc": [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]],
                                          "scale": 1.5}, None),
     "reinterpreted_batch_ndims": 1}, fixed=("reinterpreted_batch_ndims",))

PROBABILITIES = [[[p]] for p in (1e-6, 0.03, 0.4, 0.5, 0.9, 0.9999)]
assert math.isfinite(PROBABILITIES[0][0][0])
