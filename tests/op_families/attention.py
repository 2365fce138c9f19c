"""Attention and bags of embeddings."""
from __future__ import annotations

import numpy as np

from op_families.spec import FLOATS, Bad, Case, Sample, T


def softmax(x):
    with np.errstate(invalid="ignore"):
        e = np.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)


def attention(q, k, v, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None,
              enable_gqa=False):
    if enable_gqa:
        k, v = (np.repeat(t, q.shape[-3] // t.shape[-3], -3) for t in (k, v))
    scale = 1 / np.sqrt(q.shape[-1]) if scale is None else scale
    scores = q @ np.swapaxes(k, -1, -2) * scale
    if is_causal:
        attn_mask = np.tril(np.ones(scores.shape[-2:], bool))
    if attn_mask is not None:
        scores = np.where(attn_mask, scores, -np.inf) if attn_mask.dtype == bool \
            else scores + attn_mask
    return softmax(scores) @ v


MASK = [[True, False, True], [True, True, True]]


def masked(xp, q, k, v):
    return xp.nn.functional.scaled_dot_product_attention(q, k, v, xp.tensor(MASK))


def bag(x, w, offsets=None, mode="mean", per_sample_weights=None):
    rows = w[x] if per_sample_weights is None else w[x] * per_sample_weights[..., None]
    if x.ndim == 1:
        parts = np.split(rows, offsets[1:])
    else:
        parts = list(rows)
    how = {"sum": np.sum, "mean": np.mean, "max": np.max}[mode]
    return np.stack([how(p, 0) if len(p) else np.zeros(w.shape[1]) for p in parts])


def bags(indices, offsets, mode, weighted=False):
    def call(xp, w, *weights):
        x, o = xp.tensor(indices), None if offsets is None else xp.tensor(offsets)
        return xp.nn.functional.embedding_bag(
            x, w, o, mode=mode, per_sample_weights=weights[0] if weighted else None)

    def numpy(w, *weights):
        return bag(np.array(indices), w, offsets, mode, *weights)

    shape = np.array(indices).shape
    return Case(f"nn.functional.embedding_bag:{mode}{'' if offsets is None else ' offsets'}"
                + (" weights" if weighted else ""), numpy,
                [Sample(T(5, 3), T(*shape)) if weighted else Sample(T(5, 3))],
                call=call, dtypes=FLOATS, method=False)


CASES = [
    Case("nn.functional.scaled_dot_product_attention", attention, [
        Sample(T(2, 4), T(3, 4), T(3, 2)), Sample(T(2, 2, 3, 4), T(2, 2, 3, 4), T(2, 2, 3, 4)),
        Sample(T(2, 3, 4), T(2, 5, 4), T(2, 5, 4), T(3, 5), scale=0.3),
        Sample(T(1, 3, 4), T(1, 3, 4), T(1, 3, 4), is_causal=True),
        Sample(T(2, 4, 3, 2), T(2, 2, 3, 2), T(2, 2, 3, 2), enable_gqa=True)],
        dtypes=FLOATS, method=False, tolerance=10,
        errors=[Bad((T(2, 4), T(3, 5), T(3, 5)), RuntimeError, r"\[2, 4\].*\[3, 5\]"),
                Bad((T(2, 4), T(3, 4), T(3, 4), T(2, 3), 0.0, True), RuntimeError, "is_causal"),
                Bad((T(2, 4), T(3, 4), T(3, 4), T(2, 3, dtype="int64")), RuntimeError, "dtype")]),
    Case("nn.functional.scaled_dot_product_attention:mask",
         lambda q, k, v: attention(q, k, v, np.array(MASK)),
         [Sample(T(2, 4), T(3, 4), T(3, 2))], call=masked, dtypes=FLOATS, method=False,
         tolerance=10),
    *(bags([[0, 2, 2], [4, 1, 0]], None, mode) for mode in ("sum", "mean", "max")),
    *(bags([0, 2, 2, 4, 1], [0, 3, 3], mode) for mode in ("sum", "mean", "max")),
    bags([0, 2, 2, 4, 1], [0, 2], "sum", weighted=True),
]

INTERNAL = dict.fromkeys(["attention", "attention_backward"],
                         "nn.functional.scaled_dot_product_attention")
