"""Special functions.  The references are other formulas than those of the engine: integrals, plain
series, and the quantiles of the standard library."""
from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from op_families.elementwise import erf, erfc
from op_families.spec import (
    BINARY_SHAPES,
    EVERY,
    FLOATS,
    NUMBERS,
    UNARY_SHAPES,
    Bad,
    Case,
    Sample,
    T,
    binary,
    unary,
)

lgamma = np.vectorize(lambda x: math.lgamma(x) if x else math.inf, otypes=[float])
ndtri = np.vectorize(lambda p: NormalDist().inv_cdf(p) if 0 < p < 1 else
                     (math.nan if not 0 <= p <= 1 else math.copysign(math.inf, p - 0.5)),
                     otypes=[float])


def zeta(s, q):
    """The first 200 terms and the rest as an integral, with two corrections."""
    s, q = np.broadcast_arrays(np.float64(s), np.float64(q))
    k, a = np.arange(200.0), q + 200
    head = ((q[..., None] + k) ** -s[..., None]).sum(-1)
    return head + a ** (1 - s) / (s - 1) + a**-s / 2 + s * a ** (-s - 1) / 12


def digamma(x):
    """log x less its error, after 200 steps up."""
    x, a = np.float64(x), np.float64(x) + 200
    steps = (1 / (x[..., None] + np.arange(200.0))).sum(-1)
    return np.log(a) - 1 / (2 * a) - 1 / (12 * a**2) + 1 / (120 * a**4) - steps


def polygamma(n, x):
    return digamma(x) if n == 0 else (-1) ** (n + 1) * math.factorial(n) * zeta(n + 1, x)


def bessel(n, x, scaled=False):
    """The mean of e^(x cos t) cos(n t) over a period."""
    x, t = np.float64(x)[..., None], np.arange(128) * (2 * math.pi / 128)
    return (np.exp(x * np.cos(t) - (np.abs(x) if scaled else 0)) * np.cos(n * t)).mean(-1)


def igamma(a, x):
    a, x = np.broadcast_arrays(np.float64(a), np.float64(x))
    k = np.arange(60)
    terms = x[..., None] ** k / np.exp(lgamma(a[..., None] + k + 1))
    return x**a * np.exp(-x) * terms.sum(-1)


def xlogy(x, y):
    return np.where((x == 0) & ~np.isnan(y), 0.0, x * np.log(y))


def mvlgamma(x, p):
    return p * (p - 1) / 4 * math.log(math.pi) + sum(lgamma(x - j / 2) for j in range(p))


def floating(name, numpy, domain="real", **options):
    return unary(name, numpy, **{"domain": domain, "dtypes": EVERY, "result": "float",
                                 "tolerance": 4, **options})


def special(name, numpy, domain="real", **options):
    return floating("special." + name, numpy, domain, inplace=False, method=False, **options)


ORDERS = [Sample(n, T(3, 4)) for n in (0, 1, 2, 5)] + [Sample(1, T()), Sample(2, T(0, 2))]
SHAPE = [Sample(T(*a.shape, grad=False), T(*b.shape))
         for a, b in (s.args for s in BINARY_SHAPES)]
NO_INT = [Bad((T(2, dtype="int64"), T(2, dtype="int64")), RuntimeError, "igamma")]

CASES = [
    floating("lgamma", lgamma, "positive"),
    # PyTorch's trigamma is right to nine digits.
    floating("digamma", digamma, "positive", tolerance=20, torch=False),
    Case("polygamma", polygamma, ORDERS, domain="positive", dtypes=NUMBERS, result="float",
         method=False, tolerance=20, torch=False,
         errors=[Bad((-1, T(2)), RuntimeError, "negative n")]),
    Case("mvlgamma", mvlgamma, [Sample(T(3, 4), 1), Sample(T(2), 2), Sample(T(), p=3)],
         domain="above1", dtypes=FLOATS, inplace=True, tolerance=20,
         errors=[Bad((T(2), 0), RuntimeError, "mvlgamma: p")]),
    floating("erfinv", lambda x: ndtri((1 + np.float64(x)) / 2) / math.sqrt(2), "unit",
             tolerance=20),
    # Lists of their own keep these from the comparison of special values: PyTorch has NaN for
    # I0 of infinity, and its slope of sinc near 0 has few correct digits, as ours.
    floating("i0", lambda x: bessel(0, x), samples=[*UNARY_SHAPES]),
    floating("sinc", np.sinc, tolerance=20, samples=[*UNARY_SHAPES]),
    Case("logit", lambda x, eps=None: np.log(x / (1 - x)) if eps is None else logit(x, eps), [
        *UNARY_SHAPES, Sample(T(3, 4), 0.25), Sample(T(3, 4), eps=1e-6)], domain="probability",
        dtypes=FLOATS, inplace=True, tolerance=20),
    binary("xlogy", xlogy, domain="positive", result="float", more=[Sample(T(3), 2.0)]),
    Case("igamma", igamma, SHAPE, domain="positive", dtypes=FLOATS, inplace=True, tolerance=20,
         errors=NO_INT),
    Case("igammac", lambda a, x: 1 - igamma(a, x), SHAPE, domain="positive", dtypes=FLOATS,
         inplace=True, tolerance=200, errors=NO_INT),
    special("entr", lambda x: -xlogy(x, x), "positive"),
    special("erfcx", lambda x: np.exp(np.float64(x) ** 2) * erfc(x), tolerance=20),
    special("ndtr", lambda x: (1 + erf(x / math.sqrt(2))) / 2, tolerance=20),
    special("ndtri", ndtri, "probability", dtypes=FLOATS, tolerance=20),
    special("log_ndtr", lambda x: np.log(erfc(-x / math.sqrt(2)) / 2), tolerance=20),
    special("i0e", lambda x: bessel(0, x, True)),
    special("i1", lambda x: bessel(1, x), tolerance=20),
    special("i1e", lambda x: bessel(1, x, True), tolerance=20),
    Case("special.xlog1py", lambda x, y: np.where(x == 0, 0, x * np.log1p(y)),
         [*BINARY_SHAPES, Sample(2.0, T(3))], domain="positive", result="float", method=False,
         tolerance=4),
    Case("special.zeta", zeta, SHAPE, domain="above1", dtypes=FLOATS, method=False, tolerance=20),
    Case("special.softmax", lambda x, dim: np.exp(x) / np.exp(x).sum(dim, keepdims=True),
         [Sample(T(3, 4), 1), Sample(T(3, 4), dim=0)], dtypes=FLOATS, method=False),
    Case("special.log_softmax", lambda x, dim: x - np.log(np.exp(x).sum(dim, keepdims=True)),
         [Sample(T(3, 4), 1), Sample(T(3, 4), dim=0)], dtypes=FLOATS, method=False, tolerance=4),
]


def logit(x, eps):
    x = np.clip(x, eps, 1 - eps)
    return np.log(x / (1 - x))


ALIASES = {
    "special.digamma": "digamma", "special.psi": "digamma", "special.erf": "erf",
    "special.erfc": "erfc", "special.erfinv": "erfinv", "special.exp2": "exp2",
    "special.expit": "sigmoid", "special.expm1": "expm1", "special.gammainc": "igamma",
    "special.gammaincc": "igammac", "special.gammaln": "lgamma", "special.i0": "i0",
    "special.log1p": "log1p", "special.logit": "logit", "special.multigammaln": "mvlgamma",
    "special.polygamma": "polygamma", "special.round": "round", "special.sinc": "sinc",
    "special.xlogy": "xlogy",
}
