"""One entry of the database: its samples, their values and gradients."""
from __future__ import annotations

import itertools
import types
from collections import Counter

import numpy as np
from tests.conformance.values import (
    DTYPES,
    Differs,
    Unsupported,
    close,
    compare,
    compare_views,
    convert,
    exists,
    first_and_second,
    flat,
    history,
    matches,
    ours_of,
    translated,
    zeros_for_none,
)
from tests.conformance.variants import run_errors, run_variants

import cgrad

# Random only with dropout.
ATTENTION = {"nn.functional.scaled_dot_product_attention"}
RANDOM = {
    *ATTENTION,
    "bernoulli", "cauchy", "exponential", "geometric", "log_normal", "normal", "uniform",
    "multinomial", "rand_like", "randn", "randn_like", "randint", "randint_like", "randperm",
    "nn.functional.dropout*", "nn.functional.alpha_dropout", "nn.functional.feature_alpha_dropout",
    "nn.functional.rrelu", "empty*", "new_empty*", "empty_strided", "svd_lowrank", "pca_lowrank",
    "nn.functional.fractional*", "nn.functional.gumbel_softmax", "poisson",
    "binomial", "resize_*", "nn.functional.multi_head_attention_forward",
}
PLACES = {"sort", "msort", "argsort", "topk", "kthvalue"}     # equal elements in any order
UNDEFINED = {"empty*", "new_empty*", "resize_*"}              # their values are what was there


class Report:
    """Counts of comparisons tried, of those that agree, and of what could not be compared."""

    def __init__(self):
        self.count = Counter()
        self.left = Counter()          # reason -> samples that were not compared
        self.failures = []

    def tried(self, what, error=None, sample=""):
        self.count[what] += 1
        if error is None:
            self.count[what + " ok"] += 1
        elif self.count[what] - self.count[what + " ok"] <= 4:
            self.failures.append(f"{what}: {brief(error)[:300]} [{sample[:160]}]")

    def compare(self, what, sample, work):
        """Count `work()` as tried, and whether it raised; Unsupported means that it was not."""
        try:
            work()
            self.tried(what)
            return True
        except Unsupported as e:
            self.left[f"result: {e}"] += 1
        except Exception as e:
            self.tried(what, e, sample)
        return False


def brief(e):
    if isinstance(e, (Differs, str)):
        return str(e)
    return f"{type(e).__name__}: {e}"


def describe(sample, torch):
    def word(x):
        if isinstance(x, torch.Tensor):
            return f"{str(x.dtype)[6:]}{list(x.shape)}"
        if isinstance(x, (list, tuple)):
            return "(" + ", ".join(map(word, x)) + ")"
        return repr(x)[:40]

    words = [word(sample.input), *map(word, sample.args),
             *(f"{k}={word(v)}" for k, v in sample.kwargs.items())]
    return ", ".join(words)


def samples_of(op, kind, grad, wide):
    """Samples of PyTorch's table; in two dtypes once more with gaps in memory."""
    make = op.reference_inputs if wide else op.sample_inputs
    yield from make("cpu", kind, requires_grad=grad)
    if str(kind)[6:] in ("float64", "int64"):
        for sample in op.sample_inputs("cpu", kind, requires_grad=grad):
            try:
                yield sample.noncontiguous()
            except Exception:        # nothing to rearrange: no tensors, or strings
                continue


def run_entry(op, torch, cap, wide, report):
    function = ours_of(op, torch)
    report.count["exists"] = int(exists(op, torch))
    if function is None or not report.count["exists"]:
        report.failures.append("missing")
        return
    random = matches(op.name, RANDOM)
    supported = {str(d).removeprefix("torch.") for d in op.supported_dtypes("cpu")}
    for dtype in DTYPES:
        if dtype not in supported:
            continue
        kind = getattr(torch, dtype)
        grad = dtype.startswith("float") and op.supports_autograd
        for sample in itertools.islice(samples_of(op, kind, grad, wide), cap or None):
            run_sample(op, function, sample, torch, dtype, grad, random, report)
    run_errors(op, function, torch, describe, report)


def run_sample(op, function, sample, torch, dtype, grad, random, report):
    text = describe(sample, torch)
    if op.name in ATTENTION and not sample.kwargs.get("dropout_p"):
        random = False
    theirs_args = (sample.input, *sample.args)
    try:
        args, kwargs = convert(theirs_args, torch), convert(sample.kwargs, torch)
    except Unsupported as e:
        report.left[f"input: {e}"] += 1
        return
    theirs_in = flat([list(theirs_args), sample.kwargs], torch.Tensor)
    ours_in = flat([list(args), kwargs], cgrad.Tensor)
    try:
        theirs = op.op(*theirs_args, **sample.kwargs)
    except Exception:
        report.left["PyTorch refuses its own sample"] += 1
        return
    ours = None

    def value():
        nonlocal ours
        cgrad.manual_seed(0)
        ours = function(*args, **kwargs)
        if op.name in PLACES:
            ours = at_places(op.name, ours, theirs, sample, args)
        compare(ours, theirs, torch, values=not random)
        history(ours, theirs, torch)

    def again():
        cgrad.manual_seed(0)
        after = function(*convert(theirs_args, torch), **convert(sample.kwargs, torch))
        for x, y in zip(flat(ours, cgrad.Tensor), flat(after, cgrad.Tensor), strict=True):
            if not np.array_equal(x.detach().numpy(), y.detach().numpy(), equal_nan=True):
                raise Differs("the same seed gave other numbers")

    if not report.compare("value", text, value):
        return
    report.compare("views", text, lambda: compare_views(ours, theirs, ours_in, theirs_in, torch))
    if random:
        if not matches(op.name, UNDEFINED):
            report.compare("reproducible", text, again)
        return
    if grad:
        run_gradients(op, sample, (ours, ours_in), (theirs, theirs_in), torch,
                      dtype == "float64" and op.supports_gradgrad, report, text)

    def same(found, expected):
        if op.name in PLACES:
            found = at_places(op.name, found, expected, sample, args)
        compare(found, expected, torch)

    run_variants(op, function, sample, theirs, torch, same, report, text)


def run_gradients(op, sample, ours, theirs, torch, second, report, text):
    (ours, ours_in), (theirs, theirs_in) = ours, theirs
    processed = sample.output_process_fn_grad
    try:
        theirs_out = flat(processed(theirs), torch.Tensor)
        ours_out = flat(translated(processed, torch)(ours)
                        if isinstance(processed, types.FunctionType) else ours, cgrad.Tensor)
    except Exception as e:
        report.tried("gradient", e, text)
        return
    weights = [np.sin(np.arange(y.numel()) + 1.0).reshape(tuple(y.shape))
               if y.requires_grad and y.dtype.is_floating_point else None for y in theirs_out]
    if not any(x.requires_grad for x in theirs_in) or all(w is None for w in weights):
        return
    expected = None
    for again in [True, False] if second else [False]:
        second = again
        try:
            expected, expected2 = first_and_second(torch, theirs_out, theirs_in, second, weights)
            break
        except Exception:
            what = "second gradient" if second else "gradient"
            report.left[f"PyTorch has no {what} of its sample"] += 1
    if not expected:
        return
    leaves = [x for x in ours_in if x.requires_grad]
    theirs_leaves = [x for x in theirs_in if x.requires_grad]
    found2 = None

    def same(found, expected, what, factor):
        found = found or [None] * len(leaves)
        expected = expected or [None] * len(leaves)
        pairs = zip(zeros_for_none(found, leaves, cgrad.zeros_like),
                    zeros_for_none(expected, theirs_leaves, torch.zeros_like), strict=True)
        for i, (a, b) in enumerate(pairs):
            close(dense(a), real(b), f"{what} {i}", factor)

    def first():
        nonlocal found2
        found, found2 = first_and_second(cgrad, ours_out, ours_in, second, weights)
        if not found:
            raise Differs("gradient: nothing was recorded")
        same(found, expected, "gradient", 10)

    if report.compare("gradient", text, first) and second:
        report.compare("second gradient", text,
                       lambda: same(found2, expected2, "second gradient", 100))


def at_places(name, ours, theirs, sample, args):
    """Sorting may give equal elements in any order: places count as right if what is there is.

    The result is PyTorch's places where ours select the same values, else ours.
    """
    index = ours if name == "argsort" else ours[-1] if isinstance(ours, tuple) else None
    theirs_index = theirs if name == "argsort" else theirs[-1]
    x = args[0]
    if index is None or not x.dim() or tuple(index.shape) != tuple(theirs_index.shape):
        return ours
    where = 1 if name in ("kthvalue", "topk") else 0
    rest = [a for a in sample.args if not isinstance(a, bool)]
    dim = sample.kwargs.get("dim", rest[where] if len(rest) > where else -1)
    plain = sample.input.detach()
    if theirs_index.dim() < x.dim():
        index, theirs_index = index.unsqueeze(dim), theirs_index.unsqueeze(dim)
    taken = x.detach().gather(dim, index).numpy()
    expected = plain.gather(dim, theirs_index).numpy()
    if not np.array_equal(taken, expected, equal_nan=taken.dtype.kind == "f"):
        return ours
    places = theirs if name == "argsort" else theirs[-1]
    places = cgrad.tensor(places.numpy())
    if name == "argsort":
        return places
    return type(ours)(*ours[:-1], places) if hasattr(ours, "_fields") else (*ours[:-1], places)


def real(g):
    """A gradient of PyTorch's as a plain tensor (it may be sparse, or zeros without memory)."""
    return g.to_dense() if g.is_sparse else g + 0


def dense(g):
    return g.to_dense() if g.is_sparse else g
