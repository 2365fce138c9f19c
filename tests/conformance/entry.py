"""One entry of the database: its samples, its variants, and what it must refuse."""
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
    convert,
    exists,
    first_and_second,
    flat,
    matches,
    ours_of,
    translated,
    zeros_for_none,
)

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
    def __init__(self):
        self.count = Counter()
        self.failures = []

    def tried(self, what, error=None, sample=""):
        self.count[what] += 1
        if error is None:
            self.count[what + " ok"] += 1
        elif len(self.failures) < 12:
            self.failures.append(f"{what}: {str(error)[:300]} [{sample[:160]}]")


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


def run_entry(op, torch, cap, report):
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
        samples = op.sample_inputs("cpu", kind, requires_grad=grad)
        for sample in itertools.islice(samples, cap or None):
            run_sample(op, function, sample, torch, dtype, grad, random, report)
    if any(d in supported for d in ("float32", "float64")):
        run_errors(op, function, torch, report)


def run_sample(op, function, sample, torch, dtype, grad, random, report):
    text = describe(sample, torch)
    if op.name in ATTENTION and not sample.kwargs.get("dropout_p"):
        random = False
    theirs_args = (sample.input, *sample.args)
    try:
        args, kwargs = convert(theirs_args, torch), convert(sample.kwargs, torch)
    except Unsupported:
        return
    theirs_in = flat([list(theirs_args), sample.kwargs], torch.Tensor)
    ours_in = flat([list(args), kwargs], cgrad.Tensor)
    try:
        theirs = op.op(*theirs_args, **sample.kwargs)
    except Exception:
        return                                       # not a sample for this build
    try:
        cgrad.manual_seed(0)
        ours = function(*args, **kwargs)
        if op.name in PLACES:
            ours = at_places(op.name, ours, theirs, sample, args)
        compare(ours, theirs, ours_in, theirs_in, torch, values=not random)
        report.tried("value")
        if random and not matches(op.name, UNDEFINED):
            again = convert(theirs_args, torch), convert(sample.kwargs, torch)
            cgrad.manual_seed(0)
            run_again(function, *again, ours)
            report.tried("reproducible")
    except Unsupported:
        return
    except Exception as e:
        report.tried("value", brief(e), text)
        return
    processed = sample.output_process_fn_grad
    if grad and not random:
        try:
            theirs_out = flat(processed(theirs), torch.Tensor)
        except Exception:
            theirs_out = flat(theirs, torch.Tensor)
        try:
            ours_out = flat(translated(processed, torch)(ours)
                            if isinstance(processed, types.FunctionType) else ours, cgrad.Tensor)
        except Exception:
            ours_out = flat(ours, cgrad.Tensor)
        weights = [np.sin(np.arange(y.numel()) + 1.0).reshape(tuple(y.shape))
                   if y.requires_grad and y.dtype.is_floating_point else None for y in theirs_out]
        second = dtype == "float64" and op.supports_gradgrad
        try:
            expected, expected2 = first_and_second(torch, theirs_out, theirs_in, second, weights)
        except Exception:
            try:
                expected, expected2 = first_and_second(torch, theirs_out, theirs_in, False,
                                                       weights)
                second = False
            except Exception:
                expected = None
        if expected:
            leaves = [x for x in ours_in if x.requires_grad]
            theirs_leaves = [x for x in theirs_in if x.requires_grad]
            try:
                found, found2 = first_and_second(cgrad, ours_out, ours_in, second, weights)
                if not found:
                    raise Differs("gradient: nothing was recorded")
                pairs = zip(zeros_for_none(found, leaves, cgrad.zeros_like),
                            zeros_for_none(expected, theirs_leaves, torch.zeros_like), strict=True)
                for i, (a, b) in enumerate(pairs):
                    close(dense(a), real(b), f"gradient {i}", 10)
                report.tried("gradient")
            except Exception as e:
                report.tried("gradient", brief(e), text)
                found2 = expected2 = None
            if second and expected2 is not None and found2 is not None:
                try:
                    if not found2:
                        found2 = [None] * len(leaves)
                    if not expected2:
                        expected2 = [None] * len(leaves)
                    pairs = zip(zeros_for_none(found2, leaves, cgrad.zeros_like),
                                zeros_for_none(expected2, theirs_leaves, torch.zeros_like),
                                strict=True)
                    for i, (a, b) in enumerate(pairs):
                        close(dense(a), real(b), f"second gradient {i}", 100)
                    report.tried("second gradient")
                except Exception as e:
                    report.tried("second gradient", brief(e), text)
    if not random:
        run_variants(op, function, sample, theirs, torch, report, text)


def run_again(function, args, kwargs, before):
    """The same seed must give the same numbers."""
    after = flat(function(*args, **kwargs), cgrad.Tensor)
    for x, y in zip(flat(before, cgrad.Tensor), after, strict=True):
        if not np.array_equal(x.detach().numpy(), y.detach().numpy(), equal_nan=True):
            raise Differs("the same seed gave other numbers")


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
    return places if name == "argsort" else (*ours[:-1], places)


def real(g):
    """A gradient of PyTorch's as a plain tensor (it may be sparse, or zeros without memory)."""
    return g.to_dense() if g.is_sparse else g + 0


def dense(g):
    return g.to_dense() if g.is_sparse else g


def run_variants(op, function, sample, theirs, torch, report, text):
    """The in-place form, the method, and `out=`."""
    if sample.broadcasts_input:
        return
    args = convert((sample.input, *sample.args), torch, grad=False)
    kwargs = convert(sample.kwargs, torch, grad=False)
    inplace = op.get_inplace()
    if inplace is not None and isinstance(args[0], cgrad.Tensor):
        name = getattr(inplace, "__name__", "")
        ours_in = convert(sample.input.detach().clone(), torch)
        theirs_in = sample.input.detach().clone()
        plain_args = [a.detach() if isinstance(a, torch.Tensor) else a for a in sample.args]
        try:
            expected = inplace(theirs_in, *plain_args, **sample.kwargs)
        except Exception:
            expected = None
        if expected is not None:
            try:
                # Of most activations PyTorch has it as an argument only.
                found = (getattr(ours_in, name)(*args[1:], **kwargs) if hasattr(ours_in, name)
                         else function(ours_in, *args[1:], **kwargs, inplace=True))
                if found is not ours_in:
                    raise Differs("does not return its tensor")
                close(found, expected, name)
                report.tried("in-place")
            except Exception as e:
                report.tried("in-place", brief(e), text)
    method = op.get_method()
    if method is not None and isinstance(args[0], cgrad.Tensor):
        name = method.__name__
        try:
            found = getattr(args[0], name)(*args[1:], **kwargs)
            if op.name in PLACES:
                found = at_places(op.name, found, theirs, sample, args)
            compare(found, theirs, [], [], torch, views=False)
            report.tried("method")
        except Unsupported:
            pass
        except Exception as e:
            report.tried("method", brief(e), text)
    if op.supports_out and isinstance(theirs, torch.Tensor) and not sample.kwargs.get("out"):
        try:
            out = cgrad.empty(*theirs.shape, dtype=getattr(cgrad, str(theirs.dtype)[6:]))
        except Exception:
            return
        try:
            found = function(*args, **kwargs, out=out)
            if found is not out:
                raise Differs("out= is not what is returned")
            close(out, theirs, "out=")
            report.tried("out=")
        except Exception as e:
            report.tried("out=", brief(e), text)


def brief(e):
    if isinstance(e, Differs):
        return str(e)
    return f"{type(e).__name__}: {e}"


def run_errors(op, function, torch, report):
    if op.error_inputs_func is None:
        return
    for bad in op.error_inputs("cpu"):
        sample = bad.sample_input
        text = describe(sample, torch)
        try:
            args = convert((sample.input, *sample.args), torch)
            kwargs = convert(sample.kwargs, torch)
        except Unsupported:
            continue
        try:
            op.op(sample.input, *sample.args, **sample.kwargs)
            continue
        except Exception as e:
            theirs = e
        try:
            function(*args, **kwargs)
            report.tried("error", f"no error; PyTorch: {brief(theirs)}", text)
        except Exception as e:
            report.tried("error")
            report.tried("error class", None if isinstance(e, type(theirs)) or
                         isinstance(theirs, type(e)) else
                         f"{brief(e)}; PyTorch: {brief(theirs)}", text)
