"""Shapes, checks and messages that all distributions share; the table of divergences."""
from __future__ import annotations

import math

import pytest

import cgrad
from cgrad.distributions import (
    Bernoulli,
    Categorical,
    Distribution,
    Independent,
    Normal,
    constraints,
    kl_divergence,
    register_kl,
)


def test_shapes():
    normal = Normal(cgrad.zeros(3, 1), cgrad.ones(2))
    assert normal.batch_shape == (3, 2) and normal.event_shape == ()
    assert normal.sample((5, 4)).shape == normal.rsample([5, 4]).shape == (5, 4, 3, 2)
    assert isinstance(normal.batch_shape, cgrad.Size)
    vectors = Independent(normal, 1)
    assert vectors.batch_shape == (3,) and vectors.event_shape == (2,)
    assert vectors.sample((5,)).shape == (5, 3, 2)
    assert vectors.log_prob(cgrad.zeros(2)).shape == (3,)
    assert Independent(normal, 0).support is constraints.real
    with pytest.raises(ValueError, match="reinterpreted_batch_ndims"):
        Independent(normal, 3)


@pytest.mark.parametrize("sample", [(), (2,), cgrad.Size([2, 0])])
def test_samples_of_categories(sample):
    c = Categorical(cgrad.ones(4, 3))
    assert c.sample(sample).shape == (*sample, 4)
    assert c.sample(sample).dtype is cgrad.int64


def test_closed_forms():
    x = cgrad.tensor([-1.0, 0.5], dtype=cgrad.float64)
    normal = Normal(cgrad.tensor(0.5, dtype=cgrad.float64), 2.0)
    expected = [-0.5 * (1.5 / 2) ** 2 - math.log(2 * math.sqrt(2 * math.pi)),
                -math.log(2 * math.sqrt(2 * math.pi))]
    assert normal.log_prob(x).tolist() == pytest.approx(expected, rel=1e-14)
    assert normal.icdf(normal.cdf(x)).tolist() == pytest.approx([-1.0, 0.5], rel=1e-12)
    b = Bernoulli(probs=cgrad.tensor(0.25, dtype=cgrad.float64))
    assert b.entropy().item() == pytest.approx(-0.25 * math.log(0.25) - 0.75 * math.log(0.75))
    assert b.enumerate_support().tolist() == [0, 1]
    c = Categorical(logits=cgrad.tensor([0.0, math.log(3.0)], dtype=cgrad.float64))
    assert c.log_prob(cgrad.tensor([1, 0])).exp().tolist() == pytest.approx([0.75, 0.25])
    assert c.entropy().item() == pytest.approx(b.entropy().item())
    assert kl_divergence(normal, Normal(0.0, 1.0)).item() == pytest.approx(
        -math.log(2) + (4 + 0.25) / 2 - 0.5)


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="Expected parameter scale .*of distribution Normal"):
        Normal(0.0, -1.0)
    with pytest.raises(ValueError, match="constraint Real"):
        Normal(cgrad.tensor([1.0, cgrad.nan]), 1.0)
    Normal(0.0, -1.0, validate_args=False)
    with pytest.raises(ValueError, match="must be a Tensor"):
        Normal(0.0, 1.0).log_prob(1.0)
    with pytest.raises(ValueError, match="not broadcastable"):
        Normal(cgrad.zeros(2), 1.0).log_prob(cgrad.zeros(3))
    with pytest.raises(ValueError, match="right-most size"):
        Independent(Normal(cgrad.zeros(2), 1.0), 1)._validate_sample(cgrad.zeros(3))
    with pytest.raises(ValueError, match="within the support .Boolean"):
        Bernoulli(0.5).log_prob(cgrad.tensor(0.5))
    with pytest.raises(ValueError, match="within the support"):
        Categorical(cgrad.ones(3)).log_prob(cgrad.tensor(3))
    for arguments in ({}, {"probs": cgrad.ones(2), "logits": cgrad.ones(2)}):
        for kind in (Bernoulli, Categorical):
            with pytest.raises(ValueError, match="Either `probs` or `logits`"):
                kind(**arguments)
    with pytest.raises(ValueError, match="numbers or Tensors"):
        Normal("a", 1.0)


def test_checks_can_be_turned_off():
    Distribution.set_default_validate_args(False)
    try:
        Normal(0.0, -1.0)
    finally:
        Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError):
        Distribution.set_default_validate_args("yes")


def test_what_a_subclass_must_say():
    class Plain(Distribution):
        pass

    with pytest.warns(UserWarning, match="arg_constraints"):
        plain = Plain()
    for name in ("mean", "mode", "variance", "support", "arg_constraints"):
        with pytest.raises(NotImplementedError):
            getattr(plain, name)
    for call in (plain.sample, plain.rsample, plain.entropy, plain.enumerate_support):
        with pytest.raises(NotImplementedError):
            call()

    class Special(Normal):
        def __init__(self, loc):
            super().__init__(loc, 1.0)

    with pytest.raises(NotImplementedError, match="custom .expand"):
        Special(0.0).expand((2,))


def test_divergence_takes_the_closest_rule():
    class A(Normal):
        pass

    class B(Normal):
        pass

    assert kl_divergence(A(0.0, 1.0), B(0.0, 1.0)).item() == 0

    @register_kl(A, Normal)
    def left(p, q):
        return cgrad.tensor(1.0)

    assert kl_divergence(A(0.0, 1.0), B(0.0, 1.0)).item() == 1

    @register_kl(Normal, B)
    def right(p, q):
        return cgrad.tensor(2.0)

    with pytest.warns(RuntimeWarning, match="Ambiguous"):
        assert kl_divergence(A(0.0, 1.0), B(0.0, 1.0)).item() == 1
    with pytest.raises(NotImplementedError, match="Normal and q type Categorical"):
        kl_divergence(Normal(0.0, 1.0), Categorical(cgrad.ones(2)))
    with pytest.raises(TypeError):
        register_kl(int, Normal)


def test_lazy_parameters_keep_their_history():
    logits = cgrad.zeros(3, requires_grad=True)
    with cgrad.no_grad():
        c = Categorical(logits=logits.log_softmax(-1))
    assert not c.probs.requires_grad
    c = Categorical(logits=logits)
    with cgrad.no_grad():
        c.sample()                     # computes probs, which the next line derives
    c.probs[0].backward()
    assert logits.grad.tolist() == pytest.approx([2 / 9, -1 / 9, -1 / 9])


def test_format_of_parameters():
    assert repr(Normal(0.0, 1.0)) == "Normal(loc: 0.0, scale: 1.0)"
    assert repr(Categorical(cgrad.ones(3))) == "Categorical(probs: cgrad.Size([3]))"
    assert repr(constraints.independent(constraints.interval(0, 1), 2)) == (
        "IndependentConstraint(Interval(lower_bound=0, upper_bound=1), 2)")
