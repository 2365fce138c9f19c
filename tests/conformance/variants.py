"""The other ways to call an operation: in place, as a method, with `out=`; and what it refuses."""
from __future__ import annotations

import numpy as np
from tests.conformance.values import Differs, Unsupported, close, convert, flat

import cgrad


def run_variants(op, function, sample, theirs, torch, same, report, text):
    args = convert((sample.input, *sample.args), torch, grad=False)
    kwargs = convert(sample.kwargs, torch, grad=False)
    if isinstance(args[0], cgrad.Tensor):
        if op.get_inplace() is not None:
            run_in_place(op, function, sample, torch, report, text)
        if op.get_method() is not None:
            method = getattr(args[0], op.get_method().__name__, None)
            report.compare("method", text, lambda: same(method(*args[1:], **kwargs), theirs))
    if op.supports_out and "out" not in sample.kwargs:
        run_out(function, args, kwargs, sample, op, theirs, torch, same, report, text)


def detached(x, torch):
    if isinstance(x, torch.Tensor):
        return x.detach()
    return [detached(v, torch) for v in x] if isinstance(x, (list, tuple)) else x


def same_memory(x, torch):
    """A copy of a tensor with all of its memory, also what it does not see."""
    n = x.untyped_storage().nbytes() // x.element_size()
    whole = torch.empty(0, dtype=x.dtype).set_(x.detach().untyped_storage(), 0, (n,), (1,))
    return whole.clone().as_strided(x.shape, x.stride(), x.storage_offset())


def run_in_place(op, function, sample, torch, report, text):
    """Values, refusals, and the gradient through a view that is changed."""
    inplace = op.get_inplace()
    name = getattr(inplace, "__name__", "")
    rest, kwargs = sample.args, sample.kwargs
    our_rest, our_kwargs = convert(rest, torch, grad=False), convert(kwargs, torch, grad=False)

    def apply(x):
        # Of most activations PyTorch has it as an argument only.
        if hasattr(x, name):
            return getattr(x, name)(*our_rest, **our_kwargs)
        return function(x, *our_rest, **our_kwargs, inplace=True)

    ours_in = convert(sample.input.detach(), torch)
    theirs_in = same_memory(sample.input, torch)
    plain = detached(list(rest), torch), {k: detached(v, torch) for k, v in kwargs.items()}
    try:
        expected = inplace(theirs_in, *plain[0], **plain[1])
    except Exception as e:
        refused(lambda: apply(ours_in), e, "in-place refused", report, f"{name}: {text}")
        return

    def value():
        found = apply(ours_in)
        if found is not ours_in:
            raise Differs(f"{name} does not return its tensor")
        close(found, expected, name)

    if not report.compare("in-place", text, value):
        return
    if not (sample.input.is_floating_point() and op.supports_inplace_autograd
            and op.supports_autograd):
        return

    def gradient(x, inplace, xp):
        """Of a sum over a tensor whose first part was changed in place, by a view of it."""
        leaf = x.detach().clone().requires_grad_()
        base = xp.stack([leaf, leaf]).sin()
        inplace(base[0])
        weights = xp.tensor(np.cos(np.arange(base.numel())).reshape(tuple(base.shape)),
                            dtype=base.dtype)
        return xp.autograd.grad((base * weights).sum(), leaf)[0]

    try:
        expected = gradient(sample.input, lambda v: inplace(v, *plain[0], **plain[1]), torch)
    except Exception:
        report.left["PyTorch has no gradient in place"] += 1
        return
    report.compare("in-place gradient", text, lambda: close(
        gradient(convert(sample.input, torch), apply, cgrad), expected, f"gradient of {name}", 10))


def refused(call, theirs, what, report, text):
    """Whether what PyTorch refuses raises here too."""
    try:
        call()
        report.tried(what, f"no error; PyTorch: {type(theirs).__name__}: {theirs}", text)
        return None
    except Exception as e:
        report.tried(what)
        return e


def run_out(function, args, kwargs, sample, op, theirs, torch, same, report, text):
    """`out=`: a new tensor, one with gaps, one of another dtype, as PyTorch takes or refuses."""
    targets = flat(theirs, torch.Tensor)
    if not targets or any(str(t.dtype)[6:] not in vars(cgrad) for t in targets):
        return
    many = not isinstance(theirs, torch.Tensor)

    def made(xp, gaps, dtype=None):
        outs = []
        for t in targets:
            kind = getattr(xp, str(dtype or t.dtype)[6:])
            if gaps and t.dim():
                wide = xp.zeros(*t.shape[:-1], t.shape[-1] * 2, dtype=kind)
                outs.append(wide[..., ::2])
            else:
                outs.append(xp.zeros(tuple(t.shape), dtype=kind))
        return tuple(outs) if many else outs[0]

    plain = detached([sample.input, *sample.args], torch)
    plain_kwargs = {k: detached(v, torch) for k, v in sample.kwargs.items()}
    other = torch.int64 if targets[0].is_floating_point() else torch.float64
    for gaps, dtype in ((False, None), (True, None), (False, other)):
        what = text + (", gaps" if gaps else f", out={dtype}" if dtype else "")
        expected = made(torch, gaps, dtype)
        strides = [t.stride() for t in flat(expected, torch.Tensor)]
        try:
            op.op(*plain, **plain_kwargs, out=expected)
        except Exception as e:
            out = made(cgrad, gaps, dtype)
            refused(lambda out=out: function(*args, **kwargs, out=out), e, "out= refused",
                    report, what)
            continue
        if strides != [t.stride() for t in flat(expected, torch.Tensor)]:
            report.left["PyTorch gives out= another shape"] += 1
            continue

        def value(gaps=gaps, dtype=dtype, expected=expected):
            out = made(cgrad, gaps, dtype)
            found = function(*args, **kwargs, out=out)
            if [id(t) for t in flat(found, cgrad.Tensor)] != [
                    id(t) for t in flat(out, cgrad.Tensor)]:
                raise Differs("out= is not what is returned")
            same(found, expected)

        report.compare("out=", what, value)


def names_of(op):
    """Words by which a message may name an operation."""
    words = {op.name, op.name.split(".")[-1], *(a.name.split(".")[-1] for a in op.aliases)}
    if op.name == "__getitem__":
        words.add("index")
    return {w.strip("_").lower() for w in words}


def run_errors(op, function, torch, describe, report):
    """What PyTorch's table says must be refused: that it raises, which class, what it says."""
    if op.error_inputs_func is None:
        return
    for bad in op.error_inputs("cpu"):
        sample = bad.sample_input
        text = describe(sample, torch)
        try:
            args = convert((sample.input, *sample.args), torch)
            kwargs = convert(sample.kwargs, torch)
        except Unsupported as e:
            report.left[f"error input: {e}"] += 1
            continue
        try:
            op.op(sample.input, *sample.args, **sample.kwargs)
            report.left["PyTorch accepts its error input"] += 1
            continue
        except Exception as e:
            theirs = e
        found = refused(lambda a=args, k=kwargs: function(*a, **k), theirs, "error", report, text)
        if found is None:
            continue
        words = f"{type(found).__name__}: {found}; PyTorch: {type(theirs).__name__}: {theirs}"
        report.tried("error class", None if isinstance(found, type(theirs)) else words, text)
        named = any(w in str(found).lower() for w in names_of(op))
        report.tried("error names", None if named else words, text)
