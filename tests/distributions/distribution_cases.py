"""Every distribution at parameters and values that its tests run over.

A case names the class, its arguments (numbers, nested lists for tensors of float64, other cases for
distributions inside), and values in the support that broadcast with the batch.
"""
from __future__ import annotations

from dataclasses import dataclass
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

    def __str__(self):
        return f"{self.name}-{self.label}"


CASES: list[Case] = []


def add(name, values, *arguments, fixed=()):
    known = sum(case.name == name for case in CASES)
    for i, kwargs in enumerate(arguments):
        CASES.append(Case(name, kwargs, values, str(known + i), fixed))


def dtype_of(case):
    """PyTorch's GeneralizedPareto takes float32 only."""
    return "float32" if case.name == "GeneralizedPareto" else "float64"


def tensor(library, value, grad=False, dtype="float64"):
    """A number or nested list as a tensor of the library; integers stay integers."""
    flat = value
    while isinstance(flat, list):
        flat = flat[0]
    t = library.tensor(value, dtype=getattr(library, "int64" if type(flat) is int else dtype))
    return t.requires_grad_() if grad and t.is_floating_point() else t


def build(library, case, grad=False, **options):
    """The distribution, and its parameters that require grad."""
    kwargs, leaves = {}, []
    for name, value in case.kwargs.items():
        if isinstance(value, Case):
            kwargs[name], inner = build(library, value, grad)
            leaves += inner
        elif name in case.fixed:
            kwargs[name] = value
        else:
            kwargs[name] = tensor(library, value, grad, dtype_of(case))
            leaves += [kwargs[name]] if kwargs[name].requires_grad else []
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

# Distributions on the real line, on the positive half, on the unit interval.
POSITIVE = [[[v]] for v in (1e-6, 0.03, 0.5, 1.0, 2.7, 40.0)]
UNIT = [[[v]] for v in (1e-6, 0.03, 0.5, 0.7, 0.999)]

add("Uniform", [[[0.0]], [[0.4]], [[0.9]]],
    {"low": 0.0, "high": 1.0}, {"low": [-1.0, -0.5, 0.0], "high": [[0.99], [5.0]]})
for name in ("Laplace", "Cauchy", "Gumbel"):
    add(name, [[[v]] for v in REAL[1:]],
        {"loc": 0.0, "scale": 1.0}, {"loc": [-1.0, 0.0, 3.0], "scale": COLUMN})
add("Exponential", POSITIVE, {"rate": 1.0}, {"rate": ROW})
add("HalfNormal", POSITIVE, {"scale": 1.0}, {"scale": ROW})
add("HalfCauchy", POSITIVE, {"scale": 1.0}, {"scale": ROW})
add("LogNormal", POSITIVE, {"loc": 0.0, "scale": 1.0}, {"loc": [-1.0, 0.0, 3.0], "scale": COLUMN})
add("Pareto", [[[v]] for v in (2.6, 5.0, 100.0)],
    {"scale": 1.0, "alpha": 1.5}, {"scale": ROW, "alpha": [[0.7], [3.5]]})
add("Weibull", POSITIVE,
    {"scale": 1.0, "concentration": 1.0}, {"scale": ROW, "concentration": [[0.7], [3.5]]})
add("Kumaraswamy", UNIT,
    {"concentration1": 1.0, "concentration0": 0.5},
    {"concentration1": ROW, "concentration0": [[0.7], [3.5]]})

for name in ("Gamma", "InverseGamma"):
    add(name, POSITIVE, {"concentration": 1.0, "rate": 1.0},
        {"concentration": [0.3, 1.5, 30.0], "rate": COLUMN})
add("Chi2", POSITIVE, {"df": 1.0}, {"df": [0.3, 4.0, 50.0]})
add("Beta", UNIT, {"concentration1": 0.5, "concentration0": 0.5},
    {"concentration1": ROW, "concentration0": [[0.7], [3.5]]})
add("FisherSnedecor", POSITIVE, {"df1": 1.0, "df2": 2.5},
    {"df1": [0.3, 4.0, 50.0], "df2": [[3.5], [8.0]]})
add("StudentT", [[[v]] for v in REAL], {"df": 1.0}, {"df": [0.5, 1.5, 30.0]},
    {"df": 3.0, "loc": [-1.0, 0.0, 3.0], "scale": COLUMN})
add("ContinuousBernoulli", [[[v]] for v in (0.0, 0.03, 0.5, 0.7, 1.0)],
    {"probs": 0.5}, {"probs": [0.1, 0.4995, 0.9]}, {"logits": [[-3.0], [0.001], [2.0]]})
add("GeneralizedPareto", [[[v]] for v in (0.31, 0.5, 1.5)],
    {"loc": 0.0, "scale": 1.0, "concentration": 0.0},
    {"loc": [-0.2, 0.0, 0.3], "scale": COLUMN, "concentration": [[0.4], [1.3]]},
    {"loc": 0.1, "scale": 2.0, "concentration": -0.5})
add("VonMises", [[[v]] for v in (-3.0, -0.5, 0.0, 1.0, 3.1)],
    {"loc": 0.0, "concentration": 1.0},
    {"loc": [-1.0, 0.0, 3.0], "concentration": [[0.05], [40.0]]})

COUNTS = [[[v]] for v in (0.0, 1.0, 2.0, 5.0)]
add("Poisson", COUNTS, {"rate": 1.0}, {"rate": [0.2, 3.0, 40.0]})
add("Geometric", COUNTS, {"probs": 0.3}, {"probs": [0.01, 0.5, 0.99]}, {"logits": [[-2.0], [1.0]]})
add("Binomial", COUNTS, {"total_count": 5, "probs": 0.3},
    {"total_count": 7, "probs": [0.01, 0.5, 0.99]}, {"total_count": 5, "logits": [[-2.0], [1.0]]},
    {"total_count": [5, 10, 40], "probs": 0.4})
add("NegativeBinomial", COUNTS, {"total_count": 5, "probs": 0.3},
    {"total_count": [0.5, 2.0, 10.0], "probs": [[0.1], [0.9]]},
    {"total_count": 1.5, "logits": [[-2.0], [1.0]]})

SIMPLEX = [[[0.2, 0.3, 0.5]], [[0.01, 0.98, 0.01]]]
add("Dirichlet", SIMPLEX, {"concentration": [1.0, 1.0, 1.0]}, {"concentration": [0.3, 1.2, 2.5]},
    {"concentration": [[2.0, 3.0, 4.0], [0.5, 0.4, 0.5]]})
add("LogisticNormal", SIMPLEX, {"loc": [0.0, 1.0], "scale": [1.0, 0.5]},
    {"loc": [[0.0, 1.0], [2.0, -1.0]], "scale": 1.5})
add("RelaxedOneHotCategorical", SIMPLEX,
    {"temperature": 0.7, "probs": [0.2, 0.3, 0.5]},
    {"temperature": 2.0, "logits": [[0.0, 1.0, 2.0], [0.5, 0.4, 0.5]]})
add("RelaxedBernoulli", UNIT[1:], {"temperature": 0.7, "probs": 0.3},
    {"temperature": 2.0, "logits": [[0.0], [1.0], [-5.0]]})
ONE_HOT = [[[1.0, 0.0, 0.0]], [[0.0, 0.0, 1.0]]]
for name in ("OneHotCategorical", "OneHotCategoricalStraightThrough"):
    add(name, ONE_HOT, {"probs": [0.2, 0.3, 0.5]}, {"logits": [[0.5, -1.0, 2.0], [3.0, 0.0, 0.0]]})
add("Multinomial", [[[1.0, 2.0, 2.0]], [[5.0, 0.0, 0.0]]],
    {"total_count": 5, "probs": [0.2, 0.3, 0.5]},
    {"total_count": 5, "logits": [[0.5, -1.0, 2.0], [3.0, 0.0, 0.0]]}, fixed=("total_count",))

VECTORS = [[[0.0, 0.0, 0.0]], [[1.0, -2.0, 0.5]]]
TRIL = [[1.5, 0.0, 0.0], [-0.4, 0.8, 0.0], [0.3, 0.2, 1.1]]
SPD = [[2.0, 0.3, -0.2], [0.3, 1.0, 0.1], [-0.2, 0.1, 0.7]]
add("MultivariateNormal", VECTORS,
    {"loc": [0.0, 1.0, 2.0], "scale_tril": TRIL},
    {"loc": [0.0, 1.0, 2.0], "covariance_matrix": SPD},
    {"loc": [[0.0, 1.0, 2.0], [1.0, 1.0, 1.0]], "precision_matrix": SPD},
    {"loc": [0.0, 1.0, 2.0], "covariance_matrix": [SPD, [[1.0, 0.0, 0.0], [0.0, 2.0, 0.0],
                                                         [0.0, 0.0, 3.0]]]})
add("LowRankMultivariateNormal", VECTORS,
    {"loc": [0.0, 1.0, 2.0], "cov_factor": [[1.0, 0.0], [0.5, 0.5], [-1.0, 2.0]],
     "cov_diag": [0.5, 1.0, 2.0]},
    {"loc": [[0.0, 1.0, 2.0], [1.0, 1.0, 1.0]], "cov_factor": [[1.0], [0.5], [-1.0]],
     "cov_diag": [0.5, 1.0, 2.0]})
add("Wishart", [[SPD], [[[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 3.0]]]],
    {"df": 4.5, "scale_tril": TRIL}, {"df": [3.5, 7.0], "covariance_matrix": SPD},
    {"df": 5.0, "precision_matrix": SPD})
CORRELATED = [[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [-0.6, 0.0, 0.8]]
add("LKJCholesky", [[CORRELATED]], {"dim": 3, "concentration": 1.0},
    {"dim": 3, "concentration": [0.4, 2.5]}, fixed=("dim",))

MIXTURE = Case("Categorical", {"probs": [0.2, 0.3, 0.5]}, None)
add("MixtureSameFamily", [[-2.0], [0.5], [3.0]],
    {"mixture_distribution": MIXTURE,
     "component_distribution": Case("Normal", {"loc": [-1.0, 0.0, 3.0], "scale": ROW}, None)},
    {"mixture_distribution": MIXTURE,
     "component_distribution": Case("Normal", {"loc": [[-1.0, 0.0, 3.0], [1.0, 1.0, 2.0]],
                                               "scale": ROW}, None)})
add("MixtureSameFamily", VECTORS,
    {"mixture_distribution": Case("Categorical", {"logits": [0.2, 1.3]}, None),
     "component_distribution": Case("MultivariateNormal", {
         "loc": [[0.0, 1.0, 2.0], [1.0, 1.0, 1.0]], "scale_tril": TRIL}, None)})

PROBABILITIES = [[[p]] for p in (1e-6, 0.03, 0.4, 0.5, 0.9, 0.9999)]
