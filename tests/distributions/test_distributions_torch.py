"""All that a distribution computes, and its derivatives, as PyTorch has it."""
from __future__ import annotations

import warnings

import numpy as np
import pytest
from distribution_cases import CASES, PROBABILITIES, build, tensor

import cgrad

torch = pytest.importorskip("torch")

TOLERANCE = {"rtol": 1e-9, "atol": 1e-11}
PROPERTIES = ("mean", "mode", "variance", "stddev")


def outcome(function, *args):
    """What a call gives, or the class of what it raises."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*args)
    except (NotImplementedError, ValueError) as error:
        return type(error)


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
    ours, theirs = (build(library, case)[0] for library in (cgrad, torch))
    assert tuple(ours.batch_shape) == tuple(theirs.batch_shape)
    assert tuple(ours.event_shape) == tuple(theirs.event_shape)
    assert repr(ours).replace("cgrad.Size", "torch.Size") == repr(theirs)
    assert repr(ours.support) == repr(theirs.support)
    for flag in ("has_rsample", "has_enumerate_support"):
        assert getattr(ours, flag) == getattr(theirs, flag), flag
    for name in PROPERTIES:
        same(*(outcome(getattr, d, name) for d in (ours, theirs)), name)
    for name in ("entropy", "perplexity"):
        same(*(outcome(getattr(d, name)) for d in (ours, theirs)), name)
    if ours.has_enumerate_support:
        for expand in (True, False):
            same(*(outcome(d.enumerate_support, expand) for d in (ours, theirs)), "support")
    values = [tensor(library, case.values) for library in (cgrad, torch)]
    for name in ("log_prob", "cdf"):
        same(*(outcome(getattr(d, name), v) for d, v in zip((ours, theirs), values)), name)
    levels = [tensor(library, PROBABILITIES) for library in (cgrad, torch)]
    same(*(outcome(d.icdf, v) for d, v in zip((ours, theirs), levels)), "icdf")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_expand(case):
    ours, theirs = (build(library, case)[0] for library in (cgrad, torch))
    shape = (2, *ours.batch_shape)
    ours, theirs = (d.expand(shape) for d in (ours, theirs))
    assert tuple(ours.batch_shape) == tuple(theirs.batch_shape) == shape
    assert repr(ours).replace("cgrad.Size", "torch.Size") == repr(theirs)
    values = [tensor(library, case.values) for library in (cgrad, torch)]
    if values[0].ndim == len(shape) + len(ours.event_shape):
        values = [v.unsqueeze(1) for v in values]
    same(*(outcome(d.log_prob, v) for d, v in zip((ours, theirs), values)), "")
    assert ours.sample((3,)).shape == (3, *shape, *ours.event_shape)


def derivatives(library, case, function, order):
    """Derivatives of a sum over the values, with respect to parameters and values."""
    distribution, leaves = build(library, case, grad=True, validate_args=False)
    values = tensor(library, case.values, grad=True)
    if values.requires_grad and function == "log_prob":
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
        np.testing.assert_allclose(a.numpy()[finite], b.numpy()[finite], rtol=1e-7, atol=1e-9)


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
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-8, atol=1e-10,
                                   err_msg=f"{p} {q}")
