"""Losses of numbers, vectors and rankings, and distances."""
from __future__ import annotations

import itertools
import math

import numpy as np

from op_families.losses import (
    BAD_REDUCTION,
    FLOATS,
    TARGET,
    Bad,
    Case,
    Sample,
    T,
    case,
    each_reduction,
    reduced,
)

FACTORS = T(3, 4, domain="positive", grad=False)
SIGN = T(4, domain="sign", grad=False)
BAD = [Bad((T(2, 3), T(2, 3)), ValueError, "(?i)reduction|avg|valid", BAD_REDUCTION)]
TRIPLE = (T(4, 3), T(4, 3), T(4, 3))


def loss(name, formula, samples, **options):
    """A case whose formula gives the unreduced loss."""
    def numpy(*args, reduction="mean", **kwargs):
        return reduced(formula(*args, **kwargs), reduction)
    return case(name, numpy, samples, **{"errors": BAD, **options})


def top(name, formula, samples, **options):
    """The same for a function of the package: `reduction` is a number."""
    def numpy(*args, reduction=0, **kwargs):
        return reduced(formula(*args, **kwargs), ("none", "mean", "sum")[reduction])
    return Case(name, numpy, [Sample(*s.args, **{
        **s.kwargs, "reduction": ("none", "mean", "sum").index(s.kwargs["reduction"])})
        if "reduction" in s.kwargs else s for s in samples],
        **{"dtypes": FLOATS, "method": False, **options})


def huber(x, y, delta=1.0):
    d = np.abs(x - y)
    return np.where(d <= delta, d * d / 2, delta * (d - delta / 2))


def smooth_l1(x, y, beta=1.0):
    return np.abs(x - y) if beta == 0 else huber(x, y, beta) / beta


def kl_div(x, t, log_target=False):
    with np.errstate(all="ignore"):
        return np.exp(t) * (t - x) if log_target else np.where(t > 0, t * np.log(t), 0) - t * x


def kl_reduced(x, t, reduction="mean", **kwargs):
    if reduction == "batchmean":
        return kl_div(x, t, **kwargs).sum() / (len(x) if x.ndim else 1)
    return reduced(kl_div(x, t, **kwargs), reduction)


def poisson(x, t, log_input=True, full=False, eps=1e-8):
    y = np.exp(x) - t * x if log_input else x - t * np.log(x + eps)
    big = np.maximum(t, 1)
    return y + full * (t > 1) * (big * np.log(big) - big + np.log(2 * np.pi * big) / 2)


def gaussian(x, t, var, full=False, eps=1e-6):
    var = np.asarray(var)
    if var.ndim and var.ndim < x.ndim:
        var = var[..., None]
    var = np.maximum(var, eps)
    return (np.log(var) + (x - t) ** 2 / var) / 2 + full * math.log(2 * math.pi) / 2


def bce(p, y, weight=1.0):
    return -weight * (y * np.log(p) + (1 - y) * np.log(1 - p))


def pair_norm(x, y, p=2.0, eps=1e-6, keepdim=False):
    return np.linalg.norm(x - y + eps, p, -1, keepdims=keepdim)


def triplet(a, p, n, margin=1.0, power=2.0, eps=1e-6, swap=False):
    near, far = pair_norm(a, p, power, eps), pair_norm(a, n, power, eps)
    if swap:
        far = np.minimum(far, pair_norm(p, n, power, eps))
    return np.maximum(margin + near - far, 0)


def renamed(*args, p=2, **kwargs):
    return triplet(*args, power=p, **kwargs)


def cosine(x, y, dim=1, eps=1e-8):
    x, y = np.broadcast_arrays(x, y)
    norms = [np.maximum(np.linalg.norm(a, 2, dim, keepdims=True), eps) for a in (x, y)]
    return (x / norms[0] * (y / norms[1])).sum(dim)


def cosine_embedding(x, y, t, margin=0.0):
    c = cosine(x, y, -1)
    return np.where(t == 1, 1 - c, np.maximum(c - margin, 0))


def hinge(x, t, margin=1.0):
    return np.where(t == 1, x, np.maximum(margin - x, 0))


def ranking(x, y, t, margin=0.0):
    return np.maximum(margin - t * (x - y), 0)


def pdist(x, p=2.0):
    return np.array([np.linalg.norm(x[i] - x[j], p)
                     for i, j in itertools.combinations(range(len(x)), 2)])


def normalize(x, p=2.0, dim=1, eps=1e-12):
    return x / np.maximum(np.linalg.norm(x, p, dim, keepdims=True), eps)


POISSON = [*each_reduction(T(3, 4), T(3, 4, domain="above1")),
           Sample(T(3, 4, domain="positive"), T(3, 4, domain="positive"), log_input=False),
           Sample(T(3, 4), T(3, 4, domain="positive"), full=True)]
COSINE = [*each_reduction(T(4, 3), T(4, 3), SIGN), Sample(T(4, 3), T(4, 3), SIGN, margin=0.3),
          Sample(T(3), T(3), T(domain="sign", grad=False))]
HINGE = [*each_reduction(T(4), SIGN), Sample(T(4), SIGN, margin=2.0)]
RANKING = [*each_reduction(T(4), T(4), SIGN), Sample(T(4), T(4), SIGN, margin=0.7)]
TRIPLET = [*each_reduction(*TRIPLE), Sample(*TRIPLE, swap=True, margin=0.5), Sample(*TRIPLE, p=3)]

CASES = [
    loss("smooth_l1_loss", smooth_l1, [
        *each_reduction(T(3, 4), T(3, 4)), Sample(T(3, 4), T(3, 4), beta=0.55),
        Sample(T(3, 4), T(3, 4), beta=0), Sample(T(), T()), Sample(T(0, 2), T(0, 2),
                                                                  reduction="sum")],
         errors=[*BAD, Bad((T(2), T(2)), RuntimeError, "smooth_l1.*negative", {"beta": -1})]),
    loss("huber_loss", huber, [
        *each_reduction(T(3, 4), T(3, 4)), Sample(T(3, 4), T(3, 4), delta=0.55), Sample(T(), T())],
         covers=("huber",),
         errors=[*BAD, Bad((T(2), T(2)), RuntimeError, "huber.*positive", {"delta": 0})]),
    loss("huber_loss:weight", lambda x, y, weight, delta=1.0: huber(x, y, delta) * weight,
         [*each_reduction(T(3, 4), T(3, 4), weight=FACTORS)], errors=[
             Bad((T(2), T(2)), ValueError, "same size", {"weight": T(3)})]),
    loss("soft_margin_loss", lambda x, t: np.log1p(np.exp(-t * x)), [
        *each_reduction(T(4), SIGN), Sample(T(), T(domain="sign", grad=False))]),
    case("kl_div", kl_reduced, [
        *(Sample(T(3, 4), TARGET, reduction=r) for r in ("none", "sum", "batchmean")),
        Sample(T(3, 4), T(3, 4), log_target=True, reduction="sum")], errors=BAD),
    loss("poisson_nll_loss", poisson, POISSON),
    loss("gaussian_nll_loss", gaussian, [
        *each_reduction(T(3, 4), T(3, 4), T(3, 4, domain="positive")),
        Sample(T(3, 4), T(3, 4), T(3, domain="positive"), full=True),
        Sample(T(3, 4), T(3, 4), T(3, 1, domain="positive")), Sample(T(3, 4), T(3, 4), 0.7)],
         errors=[*[Bad((*b.args, T(2, 3, domain="positive")), b.error, b.match, b.kwargs)
                   for b in BAD],
                 Bad((T(2), T(2), -1.0), ValueError, "negative"),
                 Bad((T(2, 3), T(2, 3), T(2, 2, domain="positive")), ValueError, "size")]),
    loss("binary_cross_entropy", bce, [
        *each_reduction(T(3, 4, domain="probability"), TARGET),
        Sample(T(3, 4, domain="probability"), TARGET,
               weight=T(4, domain="positive", grad=False))],
         errors=[Bad((T(2, 3), T(2)), ValueError, "size"),
                 Bad((T(2, domain="above1"), T(2)), RuntimeError, "between 0 and 1"),
                 Bad((T(2, domain="probability"), T(2, domain="above1")), RuntimeError,
                     "target should be between 0 and 1")]),
    loss("cosine_embedding_loss", cosine_embedding, COSINE, errors=[
        Bad((T(2, 3), T(2, 3), T(2, 3)), RuntimeError, "target"),
        Bad((T(3), T(3), T(2)), RuntimeError, "1D target.*2D input")]),
    loss("hinge_embedding_loss", hinge, HINGE),
    loss("margin_ranking_loss", ranking, RANKING, errors=[
        Bad((T(2), T(2), T(2, 1)), RuntimeError, "same dimension")]),
    loss("triplet_margin_loss", renamed, TRIPLET, errors=[
        Bad((T(2, 3), T(2, 3), T(3)), RuntimeError, "number of dimensions.*1D"),
        Bad((T(2, 3), T(2, 3), T(2, 3)), ValueError, "margin", {"margin": 0})]),
    loss("triplet_margin_with_distance_loss", triplet, [
        *each_reduction(*TRIPLE), Sample(*TRIPLE, swap=True, margin=0.5)], errors=[
            Bad((T(2, 3), T(2, 3), T(3)), RuntimeError, "number of dimensions.*1D"),
            Bad((T(2, 3), T(2, 3), T(2, 3)), ValueError, "margin", {"margin": 0}),
            Bad((T(2, 3), T(2, 3), T(2, 3)), ValueError, "valid", BAD_REDUCTION)]),
    top("kl_div", kl_div, [*each_reduction(T(3, 4), TARGET),
                           Sample(T(3, 4), T(3, 4), log_target=True)]),
    top("poisson_nll_loss", poisson, [
        Sample(T(3, 4), T(3, 4, domain="above1"), True, False, 1e-8, reduction="sum"),
        Sample(T(3, 4, domain="positive"), T(3, 4, domain="above1"), False, True, 1e-8,
               reduction="none")]),
    top("cosine_embedding_loss", cosine_embedding, COSINE),
    top("hinge_embedding_loss", hinge, HINGE),
    top("margin_ranking_loss", ranking, RANKING),
    top("triplet_margin_loss", renamed, TRIPLET),
    Case("cosine_similarity", cosine, [
        Sample(T(3, 4), T(3, 4)), Sample(T(3, 4), T(3, 4), 0), Sample(T(4), T(4), dim=-1),
        Sample(T(2, 1, 4), T(3, 1), dim=1), Sample(T(0, 3), T(0, 3))],
         dtypes=FLOATS, method=False, errors=[
             Bad((T(2, 3, dtype="int64"), T(2, 3, dtype="int64")), RuntimeError, "floating"),
             Bad((T(2, 3), T(2, 3), 2), IndexError, "(?i)dimension")]),
    Case("pairwise_distance", pair_norm, [
        Sample(T(3, 4), T(3, 4)), Sample(T(3, 4), T(4), keepdim=True), Sample(T(4), T(4), p=1),
        Sample(T(3, 4), T(3, 4), p=3.0)], dtypes=FLOATS, method=False, errors=[
            Bad((T(2, 3), T(4)), RuntimeError, "3.*4")]),
    Case("pdist", pdist, [
        Sample(T(4, 3)), Sample(T(4, 3), 1.0), Sample(T(4, 3), p=3.0), Sample(T(1, 3)),
        Sample(T(4, 3, domain="distinct"), p=math.inf)], dtypes=FLOATS, method=False, errors=[
            Bad((T(3),), RuntimeError, "2D"), Bad((T(3, 2), -1.0), RuntimeError, "negative")]),
    case("normalize", normalize, [
        Sample(T(3, 4)), Sample(T(3, 4), dim=0), Sample(T(3, 4), p=1.0), Sample(T(4), dim=-1)],
        errors=[Bad((T(2, 3),), IndexError, "(?i)dimension", {"dim": 2})]),
]
