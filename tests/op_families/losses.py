"""Softmax, losses, dropout."""
from __future__ import annotations

import itertools

import numpy as np

from op_families.spec import FLOATS, Bad, Case, Sample, T

CLASSES = T(4, domain="below:3", dtype="int64")
REDUCTIONS = ("mean", "sum", "none")
BAD_REDUCTION = {"reduction": "avg"}


def case(name, numpy, samples, **options):
    return Case(f"nn.functional.{name}", numpy, samples,
                **{"dtypes": FLOATS, "method": False, **options})


def softmax(x, dim):
    if x.ndim == 0:
        return np.ones(())
    e = np.exp(x - x.max(dim, keepdims=True, initial=-np.inf))
    return e / e.sum(dim, keepdims=True)


def log_softmax(x, dim):
    if x.ndim == 0:
        return np.zeros(())
    z = x - x.max(dim, keepdims=True, initial=-np.inf)
    return z - np.log(np.exp(z).sum(dim, keepdims=True))


def reduced(loss, reduction="mean", weight=None):
    if reduction == "mean":
        return loss.mean() if weight is None else loss.sum() / weight
    return loss.sum() if reduction == "sum" else loss


def nll_loss(x, target, weight=None, ignore_index=-100, reduction="mean"):
    if x.ndim == 1:
        return nll_loss(x[None], target[None], weight, ignore_index,
                        "sum" if reduction == "none" else reduction)
    rows = np.moveaxis(x, 1, -1)
    kept = target != ignore_index
    index = np.where(kept, target, 0)
    w = (np.ones(x.shape[1]) if weight is None else weight)[index] * kept
    loss = -w * np.take_along_axis(rows, index[..., None], -1)[..., 0]
    return reduced(loss, reduction, w.sum())


def cross_entropy(x, target, weight=None, ignore_index=-100, reduction="mean",
                  label_smoothing=0.0):
    dim = 0 if x.ndim == 1 else 1
    logp = log_softmax(x, dim)
    if target.dtype.kind == "f":
        classes = x.shape[dim]
        target = target * (1 - label_smoothing) + label_smoothing / classes
        w = 1.0 if weight is None else weight.reshape(-1, *(1,) * (x.ndim - dim - 1))
        loss = -(logp * target * w).sum(dim)
        return reduced(loss, reduction, max(loss.size, 1))
    if not label_smoothing:
        return nll_loss(logp, target, weight, ignore_index, reduction)
    w = np.ones(x.shape[1]) if weight is None else weight
    kept = target != ignore_index
    index = np.where(kept, target, 0)
    smooth = -(np.moveaxis(logp, 1, -1) * w).sum(-1) * kept / x.shape[1]
    hard = nll_loss(logp, target, weight, ignore_index, "none")
    loss = (1 - label_smoothing) * hard + label_smoothing * smooth
    return reduced(loss, reduction, (w[index] * kept).sum())


def bce(x, y, weight=None, pos_weight=None, reduction="mean"):
    p = 1.0 if pos_weight is None else pos_weight
    loss = p * y * np.log1p(np.exp(-x)) + (1 - y) * np.log1p(np.exp(x))
    return reduced(loss if weight is None else loss * weight, reduction)


def linear_cross_entropy(x, w, target, linear_bias=0.0, **kwargs):
    return cross_entropy(np.moveaxis(np.tensordot(w, x, (-1, -1)), -1, 0) + linear_bias
                         if x.ndim == 2 else w @ x, target, **kwargs)


def multi_margin(x, y, p=1, margin=1.0, weight=None, reduction="mean"):
    rows, classes = x.reshape(-1, x.shape[-1]), y.reshape(-1)
    loss = []
    for row, c in zip(rows, classes):
        terms = [max(0.0, margin - row[c] + v) ** p for j, v in enumerate(row) if j != c]
        loss.append(sum(terms) * (1 if weight is None else weight[c]) / len(row))
    return reduced(np.array(loss).reshape(y.shape), reduction)


def multilabel_margin(x, y, reduction="mean"):
    loss = []
    for row, labels in zip(x.reshape(-1, x.shape[-1]), y.reshape(-1, x.shape[-1])):
        ends = np.flatnonzero(labels < 0)
        labels = labels[:ends[0]] if ends.size else labels
        others = [j for j in range(len(row)) if j not in labels]
        loss.append(sum(max(0.0, 1 - row[c] + row[j]) for c in labels for j in others) / len(row))
    return reduced(np.array(loss).reshape(x.shape[:-1]), reduction)


def multilabel_soft_margin(x, y, weight=1.0, reduction="mean"):
    terms = y * np.log1p(np.exp(-x)) + (1 - y) * np.log1p(np.exp(x))
    return reduced((terms * weight).mean(-1), reduction)


def ctc(x, labels, n_in, n_out, blank=0, reduction=0, zero_infinity=False):
    """The sum over all paths, each merged and stripped of blanks."""
    rows = x[:, None] if x.ndim == 2 else x
    n_in, n_out = np.ravel(n_in), np.ravel(n_out)
    ends = np.cumsum(n_out)
    loss = np.zeros(rows.shape[1])
    for i in range(len(loss)):
        wanted = (labels[ends[i] - n_out[i]:ends[i]] if labels.ndim == 1
                  else labels[i, :n_out[i]]).tolist()
        total = 0.0
        for path in itertools.product(range(rows.shape[2]), repeat=n_in[i]):
            merged = [c for c, _ in itertools.groupby(path) if c != blank]
            if merged == wanted:
                total += np.exp(sum(rows[t, i, c] for t, c in enumerate(path)))
        loss[i] = -np.log(total) if total else 0.0 if zero_infinity else np.inf
    if reduction in ("mean", 1):
        return (loss / np.maximum(n_out, 1)).mean()
    return loss.sum() if reduction in ("sum", 2) else loss.reshape(x.shape[1:-1])


def each_reduction(*args, **kwargs):
    return [Sample(*args, **kwargs, reduction=r) for r in REDUCTIONS]


def seeded(name, samples, errors=()):
    def call(xp, *args, **kwargs):
        xp.manual_seed(0)
        return getattr(xp.nn.functional, name)(*args, **kwargs)
    errors = [Bad((T(2, 3, 2, 2), 1.5), ValueError, "dropout.*1.5"), *errors]
    return case(f"{name}:seeded", None, samples, call=call, errors=errors)


PROBS = T(4, 3, 3)
LABELS = T(3, 2, domain="below:2", dtype="int64")
CTC = [Sample(PROBS, LABELS, [4, 3, 4], [2, 1, 0], 2), Sample(PROBS, T(4, domain="below:2",
       dtype="int64"), (4, 2, 3), (2, 0, 2), 2, zero_infinity=True),
       Sample(T(3, 3), T(1, domain="below:2", dtype="int32"), 3, 1, 2)]
BAD_CTC = [
    Bad((T(4, 2, 3), T(2, 2, dtype="int64", domain="below:3"), *more), RuntimeError, match, k)
    for more, match, k in [
        (([4, 4], [2, 2]), "blank", {"blank": 3}), (([4], [2, 2]), "input_lengths", {}),
        (([4, 5], [2, 2]), "input_lengths.*5", {}), (([4, 4], [2, 3]), "at least 3", {}),
        (([4, 4], [2, -1]), "target_lengths", {})]]

ALONG = [Sample(T(3, 4), 0), Sample(T(3, 4), -1), Sample(T(2, 3, 2), dim=1), Sample(T(), 0),
         Sample(T(0, 3), 1), Sample(T(3, 1), 1)]
TARGET = T(3, 4, domain="probability")

CASES = [
    Case("softmax", softmax, ALONG, dtypes=FLOATS, covers=("softmax_backward",), errors=[
        Bad((T(2, 3), 2), IndexError, "(?i)dimension out of range"),
        Bad((T(2, dtype="int64"), 0), RuntimeError, "(?i)softmax")]),
    Case("log_softmax", log_softmax, ALONG, dtypes=FLOATS, covers=("log_softmax_backward",),
         errors=[
        Bad((T(2, 3), 2), IndexError, "(?i)dimension out of range"),
        Bad((T(2, dtype="int64"), 0), RuntimeError, "(?i)softmax")]),
    case("softmax", softmax, [Sample(T(3, 4), dim=1)]),
    case("log_softmax", log_softmax, [Sample(T(3, 4), dim=0)]),
    case("nll_loss", nll_loss, [
        *each_reduction(T(4, 3), CLASSES),
        *each_reduction(T(4, 3), CLASSES, weight=T(3, domain="positive", grad=False)),
        *each_reduction(T(4, 3), CLASSES, ignore_index=1),
        Sample(T(4, 3, 2), T(4, 2, domain="below:3", dtype="int64")),
        Sample(T(3), T(domain="below:3", dtype="int64"))],
        covers=("nll_loss_backward",), errors=[
            Bad((T(2, 3), T(3, dtype="int64")), (ValueError, RuntimeError), "(?i)batch|target"),
            Bad((T(2, 3), T(2, dtype="int64")), ValueError, "(?i)reduction|avg", BAD_REDUCTION)]),
    case("cross_entropy", cross_entropy, [
        *each_reduction(T(4, 3), CLASSES),
        *each_reduction(T(4, 3), CLASSES, weight=T(3, domain="positive", grad=False)),
        *each_reduction(T(4, 3), CLASSES, ignore_index=1),
        *each_reduction(T(4, 3), CLASSES, label_smoothing=0.1, ignore_index=0,
                        weight=T(3, domain="positive", grad=False)),
        *each_reduction(T(3, 4), TARGET),
        Sample(T(3, 4), TARGET, label_smoothing=0.2, weight=T(4, domain="positive", grad=False)),
        Sample(T(4, 3, 2), T(4, 2, domain="below:3", dtype="int64")),
        Sample(T(3), T(domain="below:3", dtype="int64"))],
        covers=("cross_entropy_backward", "cross_entropy_scale"), tolerance=4,
        bench=Sample(T(64, 10), T(64, domain="below:10", dtype="int64")), errors=[
            Bad((T(2, 3), T(3, dtype="int64")), ValueError, "(?i)batch|target"),
            Bad((T(2, 3), T(2, dtype="int64")), ValueError, "(?i)reduction|avg", BAD_REDUCTION)]),
    case("mse_loss", lambda x, y, reduction="mean": reduced((x - y) ** 2, reduction), [
        *each_reduction(T(3, 4), T(3, 4)), Sample(T(), T())], covers=("mse_loss_backward",),
         errors=[
            Bad((T(2, 3), T(2, 3)), ValueError, "(?i)reduction|avg", BAD_REDUCTION)]),
    case("l1_loss", lambda x, y, reduction="mean": reduced(abs(x - y), reduction), [
        *each_reduction(T(3, 4), T(3, 4)), Sample(T(), T())], covers=("abs", "sub"), errors=[
            Bad((T(2, 3), T(2, 3)), ValueError, "(?i)reduction|avg", BAD_REDUCTION)]),
    case("binary_cross_entropy_with_logits", bce, [
        *each_reduction(T(3, 4), TARGET),
        *each_reduction(T(3, 4), TARGET, weight=T(4, domain="positive", grad=False)),
        Sample(T(3, 4), TARGET, pos_weight=T(4, domain="positive", grad=False))], errors=[
            Bad((T(2, 3), T(2)), ValueError, "(?i)size")]),
    case("linear_cross_entropy", linear_cross_entropy, [
        *each_reduction(T(4, 2), T(3, 2), CLASSES),
        Sample(T(4, 2), T(3, 2), CLASSES, linear_bias=T(3), label_smoothing=0.1),
        Sample(T(2), T(3, 2), T(domain="below:3", dtype="int64")),
        Sample(T(4, 2), T(3, 5, 2), T(4, 5, domain="below:3", dtype="int64"))], tolerance=4,
        errors=[Bad((T(2, 3), T(4, 2), T(2, dtype="int64")), RuntimeError, "in_features"),
                Bad((T(2, 3), T(3), T(2, dtype="int64")), RuntimeError, "linear_weight"),
                Bad((T(2, 3), T(4, 3), T(2, dtype="int64")), RuntimeError, "linear_bias",
                    {"linear_bias": T(3)}),
                Bad((T(3), T(4, 5, 3), T(5, dtype="int64")), RuntimeError, "batched")]),
    case("multi_margin_loss", multi_margin, [
        *each_reduction(T(4, 3), CLASSES), Sample(T(4, 3), CLASSES, p=2, margin=0.7),
        Sample(T(4, 3), CLASSES, weight=T(3, domain="positive", grad=False)),
        Sample(T(3), T(domain="below:3", dtype="int64"))], errors=[
            Bad((T(2, 3), T(2, dtype="int64")), ValueError, "p == 1", {"p": 3}),
            Bad((T(2, 3), T(3, dtype="int64")), RuntimeError, "inconsistent target size"),
            Bad((T(2, 3), T(2, dtype="int64", domain="above1")), RuntimeError, "inconsistent w",
                {"weight": T(2)}),
            Bad((T(2, 0), T(2, dtype="int64")), RuntimeError, "non-empty"),
            Bad((T(2, 1), T(2, dtype="int64", domain="above1")), RuntimeError, "out of range"),
            Bad((T(2, 3), T(2, dtype="int64")), ValueError, "(?i)reduction|avg", BAD_REDUCTION)]),
    case("ctc_loss", ctc, [Sample(*s.args, **s.kwargs, reduction=r) for s in CTC
                           for r in REDUCTIONS], tolerance=4, torch=False, errors=[
        *BAD_CTC, Bad((PROBS, LABELS, [4] * 3, [2] * 3), ValueError, "valid", BAD_REDUCTION)]),
    Case("ctc_loss", ctc, [*CTC, Sample(*CTC[0].args, reduction=1)], dtypes=FLOATS, method=False,
         tolerance=4, torch=False, errors=BAD_CTC),
    case("multilabel_margin_loss", multilabel_margin, [
        *each_reduction(T(4, 3), T(4, 3, domain="labels", dtype="int64")),
        Sample(T(4), T(4, domain="labels", dtype="int64"))], errors=[
            Bad((T(2, 3), T(3, dtype="int64")), RuntimeError, "inconsistent target size"),
            Bad((T(2, 0), T(2, 0, dtype="int64")), RuntimeError, "non-empty"),
            Bad((T(2, 1), T(2, 1, dtype="int64", domain="above1")), RuntimeError, "out of range"),
            Bad((T(2, 3), T(2, 3, dtype="int64")), ValueError, "(?i)reduction|avg",
                BAD_REDUCTION)]),
    case("multilabel_soft_margin_loss", multilabel_soft_margin, [
        *each_reduction(T(3, 4), TARGET),
        Sample(T(3, 4), TARGET, weight=T(4, domain="positive"))], errors=[
            Bad((T(2, 3), T(2, 3)), ValueError, "(?i)reduction|avg|valid", BAD_REDUCTION)]),
    Case("binary_cross_entropy_with_logits", lambda x, y, weight=None, pos_weight=None,
         reduction=0: bce(x, y, weight, pos_weight, ("none", "mean", "sum")[reduction]), [
             Sample(T(3, 4), TARGET, reduction=1),
             Sample(T(3, 4), TARGET, T(4, domain="positive", grad=False), reduction=2),
             Sample(T(3, 4), TARGET, pos_weight=T(4, domain="positive", grad=False))],
         dtypes=FLOATS, method=False),
    case("dropout", lambda x, p=0.5, training=True: x * 0 if training and p == 1 else x, [
        Sample(T(3, 4), 0.0), Sample(T(3, 4), 0.5, training=False), Sample(T(3, 4), p=1.0)],
        bench=Sample(T(1000), 0.5), errors=[Bad((T(2), 1.5), ValueError, "(?i)dropout.*1.5")]),
    # What they draw is not NumPy's; the derivatives are checked all the same.
    seeded("dropout", [Sample(T(3, 4), 0.5), Sample(T(), 0.5)]),
    seeded("alpha_dropout", [Sample(T(3, 4), 0.5, True), Sample(T(3, 4), 1.0, True)]),
    seeded("feature_alpha_dropout", [Sample(T(3, 4, 2), 0.5, True)], errors=[
        Bad((T(3), 0.5, True), RuntimeError, "at least 2")]),
    seeded("dropout1d", [Sample(T(3, 4, 2), 0.5), Sample(T(3, 4), 0.5)], errors=[
        Bad((T(3),), RuntimeError, "2D or 3D")]),
    seeded("dropout2d", [Sample(T(3, 4, 2, 1), 0.5)]),
    seeded("dropout3d", [Sample(T(3, 4, 2, 1, 1), 0.5), Sample(T(3, 2, 2, 1), 0.5)]),
]

ELSEWHERE = dict.fromkeys([
    "alpha_dropout", "alpha_dropout_", "dropout_", "feature_alpha_dropout",
    "feature_alpha_dropout_", "feature_dropout", "feature_dropout_"],
    "random; test_random.py, and by way of nn.functional")
ELSEWHERE |= dict.fromkeys(["binomial", "poisson"], "random; test_random.py")
