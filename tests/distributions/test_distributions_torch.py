"""All that a distribution computes, and its derivatives, as PyTorch has it."""
from __future__ import annotations

import warnings

import numpy as np
import pytest
from distribution_cases import CASES, PROBABILITIES, build, dtype_of, tensor

import cgrad

torch = pytest.importorskip("torch")

TOLERANCE = {"rtol": 1e-8, "atol": 1e-11}

# Where PyTorch computes in float32, or by polynomials of that accuracy.
COARSE = {"VonMises": 1e-4, "Multinomial": 1e-6, "GeneralizedPareto": 1e-5}
# Where PyTorch is wrong: what it computes there -> why.
WRONG = {
    ("Gumbel", "cdf"): "raises where an intermediate probability rounds to 1",
    ("Kumaraswamy", "mode"): "takes the logarithm of a negative number",
    ("Beta", "mode"): "is always 1 where both concentrations are below 1",
    ("Dirichlet", "mode"): "is always the first corner where all concentrations are below 1",
    ("Binomial", "log_prob", 2): "has a kink where logits are 0",
    ("Multinomial", "entropy", 2): "has a kink where logits are 0",
    ("ContinuousBernoulli", "Uniform"): "is infinite where the supports are one",
    ("Uniform", "ContinuousBernoulli"): "is infinite where the supports are one",
    ("Wishart", "Wishart"): "sums over the batch, too",
}


def both(case, **options):
    return [build(library, case, **options)[0] for library in (cgrad, torch)]


def values_of(case):
    return [tensor(library, case.values, dtype=dtype_of(case)) for library in (cgrad, torch)]
PROPERTIES = ("mean", "mode", "variance", "stddev")


def outcome(function, *args):
    """What a call gives, or the class of what it raises."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*args)
    except (NotImplementedError, ValueError) as error:
        return type(error)


def as_theirs(x):
    return repr(x).replace("cgrad.", "torch.")


def same(ours, theirs, what, **tolerance):
    if isinstance(theirs, type):
        assert ours is theirs, what
        return
    assert not isinstance(ours, type), f"{what}: {ours}"
    assert tuple(ours.shape) == tuple(theirs.shape), what
    assert str(ours.dtype).split(".")[-1] == str(theirs.dtype).split(".")[-1], what
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), err_msg=what,
                               **{**TOLERANCE, **tolerance})


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values(case):
    ours, theirs = both(case)
    assert tuple(ours.batch_shape) == tuple(theirs.batch_shape)
    assert tuple(ours.event_shape) == tuple(theirs.event_shape)
    assert as_theirs(ours) == repr(theirs)
    assert as_theirs(ours.support) == repr(theirs.support)
    for flag in ("has_rsample", "has_enumerate_support"):
        assert getattr(ours, flag) == getattr(theirs, flag), flag
    tolerance = {"rtol": COARSE.get(case.name, TOLERANCE["rtol"])}
    for name in PROPERTIES:
        if (case.name, name) not in WRONG:
            same(*(outcome(getattr, d, name) for d in (ours, theirs)), name, **tolerance)
    for name in ("entropy", "perplexity"):
        same(*(outcome(getattr(d, name)) for d in (ours, theirs)), name, **tolerance)
    if ours.has_enumerate_support:
        for expand in (True, False):
            same(*(outcome(d.enumerate_support, expand) for d in (ours, theirs)), "support")
    values = values_of(case)
    for name in ("log_prob", "cdf"):
        if (case.name, name) not in WRONG:
            same(*(outcome(getattr(d, name), v) for d, v in zip((ours, theirs), values)), name,
                 **tolerance)
    levels = [tensor(library, PROBABILITIES, dtype=str(values[0].dtype).split(".")[1])
              for library in (cgrad, torch)]
    same(*(outcome(d.icdf, v) for d, v in zip((ours, theirs), levels)), "icdf", **tolerance)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_expand(case):
    ours, theirs = both(case)
    shape = (2, *ours.batch_shape)
    ours, theirs = (d.expand(shape) for d in (ours, theirs))
    assert tuple(ours.batch_shape) == tuple(theirs.batch_shape) == shape
    assert as_theirs(ours) == repr(theirs)
    values = values_of(case)
    if values[0].ndim == len(shape) + len(ours.event_shape):
        values = [v.unsqueeze(1) for v in values]
    same(*(outcome(d.log_prob, v) for d, v in zip((ours, theirs), values)), "",
         rtol=COARSE.get(case.name, TOLERANCE["rtol"]))
    assert ours.sample((3,)).shape == (3, *shape, *ours.event_shape)


def derivatives(library, case, function, order):
    """Derivatives of a sum over the values, with respect to parameters and values."""
    distribution, leaves = build(library, case, grad=True, validate_args=False)
    values = tensor(library, case.values, grad=True, dtype=dtype_of(case))
    if function == "log_prob" and values.requires_grad:
        leaves = [*leaves, values]
    y = getattr(distribution, function)(*([values] if function != "entropy" else []))
    if not y.requires_grad or not leaves:
        return []
    weight = library.arange(y.numel(), dtype=y.dtype).cos().reshape(y.shape)
    options = {"allow_unused": True, "create_graph": order > 1}
    first = library.autograd.grad((y * weight).sum(), leaves, **options)
    if order == 1:
        return first
    first = [g for g in first if g is not None and g.requires_grad]
    if not first:
        return []
    return library.autograd.grad(sum((g * g).sum() for g in first), leaves, allow_unused=True)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("function", ["log_prob", "cdf", "entropy"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_derivatives(case, function, order):
    if (case.name, function, order) in WRONG or (case.name == "Wishart" and order == 2):
        return           # PyTorch's scale_tril has a gradient above its diagonal, too
    theirs = outcome(derivatives, torch, case, function, order)
    if isinstance(theirs, type):
        return                              # the same class is what test_values asks for
    ours = derivatives(cgrad, case, function, order)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        if b is None or a is None:
            assert (a is None or not a.any()) and (b is None or not b.any())
            continue
        finite = torch.isfinite(b)
        if case.kwargs.get("scale_tril"):
            a, b = (x.tril() if x.ndim > 1 else x for x in (a, b))
        rtol = 1000 * COARSE[case.name] if case.name in COARSE else 1e-7
        np.testing.assert_allclose(a.numpy()[finite], b.numpy()[finite], rtol=rtol,
                                   atol=max(1e-9, 0.01 * rtol))


def broadcastable(p, q):
    try:
        np.broadcast_shapes(p.batch_shape, q.batch_shape)
    except ValueError:
        return False
    return p.event_shape == q.event_shape


@pytest.mark.parametrize("p", CASES, ids=str)
def test_kl(p):
    for q in CASES:
        ours = [build(cgrad, c)[0] for c in (p, q)]
        theirs = [build(torch, c)[0] for c in (p, q)]
        if not broadcastable(*ours):
            continue
        a = outcome(cgrad.distributions.kl_divergence, *ours)
        shape = np.broadcast_shapes(*(d.batch_shape for d in theirs))
        theirs = [d.expand(shape) for d in theirs]       # PyTorch's masks do not broadcast
        b = outcome(torch.distributions.kl_divergence, *theirs)
        if isinstance(a, type) or isinstance(b, type):
            assert a is b, (str(p), str(q))
            continue
        if (p.name, q.name) in WRONG:
            continue
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-8, atol=1e-10,
                                   err_msg=f"{p} {q}")
