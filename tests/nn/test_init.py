"""nn.init: the distributions' bounds and moments, exact fills, errors."""
import math

import numpy as np
import pytest

import cgrad
from cgrad.nn import init


@pytest.fixture(autouse=True)
def seed():
    cgrad.manual_seed(0)


def values(fill, *shape, **options):
    tensor = cgrad.empty(*shape, dtype=cgrad.float64, requires_grad=True)
    assert fill(tensor, **options) is tensor
    assert tensor.is_leaf and tensor.requires_grad
    return tensor.detach().numpy()


def check_uniform(x, bound):
    assert x.min() >= -bound and x.max() <= bound
    assert x.max() > 0.95 * bound and x.min() < -0.95 * bound
    assert abs(x.mean()) < 0.05 * bound
    np.testing.assert_allclose(x.std(), bound / math.sqrt(3), rtol=0.05)


def check_normal(x, std):
    assert abs(x.mean()) < 0.05 * std
    np.testing.assert_allclose(x.std(), std, rtol=0.05)
    assert np.abs(x).max() > 2.5 * std


def test_simple_fills():
    assert (values(init.zeros_, 2, 3) == 0).all()
    assert (values(init.ones_, 2, 3) == 1).all()
    assert (values(init.constant_, 2, 3, val=0.3) == 0.3).all()
    np.testing.assert_array_equal(values(init.eye_, 2, 3), np.eye(2, 3))
    with pytest.raises(ValueError, match="2 dimensions"):
        init.eye_(cgrad.empty(3))


def test_distributions():
    x = values(init.uniform_, 100, 100, a=-2, b=2)
    check_uniform(x, 2)
    x = values(init.normal_, 100, 100, mean=1, std=3)
    check_normal(x - 1, 3)


@pytest.mark.parametrize("shape", [(200, 50), (20, 10, 3, 5)])
def test_xavier_and_kaiming(shape):
    fields = int(np.prod(shape[2:]))
    fan_in, fan_out = shape[1] * fields, shape[0] * fields
    check_uniform(
        values(init.xavier_uniform_, *shape, gain=2.0), 2 * math.sqrt(6 / (fan_in + fan_out))
    )
    check_normal(values(init.xavier_normal_, *shape), math.sqrt(2 / (fan_in + fan_out)))
    check_uniform(values(init.kaiming_uniform_, *shape), math.sqrt(2) * math.sqrt(3 / fan_in))
    check_uniform(
        values(init.kaiming_uniform_, *shape, a=math.sqrt(5)), 1 / math.sqrt(fan_in)
    )
    options = dict(mode="fan_out", nonlinearity="relu")
    check_normal(values(init.kaiming_normal_, *shape, **options), math.sqrt(2 / fan_out))


def test_fan_errors():
    for fill in (init.xavier_uniform_, init.xavier_normal_, init.kaiming_uniform_):
        with pytest.raises(ValueError, match="fewer than 2 dimensions"):
            fill(cgrad.empty(3))
    with pytest.raises(ValueError, match="Mode fan not supported"):
        init.kaiming_normal_(cgrad.empty(2, 2), mode="fan")
    for fill in (init.kaiming_uniform_, init.kaiming_normal_):
        with pytest.warns(UserWarning, match="zero-element"):
            fill(cgrad.empty(0, 2))
    assert init.orthogonal_(cgrad.empty(0, 2)).shape == (0, 2)


def test_gains():
    assert init.calculate_gain("linear") == init.calculate_gain("conv2d") == 1
    assert init.calculate_gain("conv_transpose3d") == init.calculate_gain("sigmoid") == 1
    assert init.calculate_gain("tanh") == 5 / 3
    assert init.calculate_gain("relu") == math.sqrt(2)
    assert init.calculate_gain("leaky_relu") == math.sqrt(2 / (1 + 0.01**2))
    assert init.calculate_gain("leaky_relu", 0.2) == math.sqrt(2 / 1.04)
    assert init.calculate_gain("selu") == 0.75
    with pytest.raises(ValueError, match="Unsupported nonlinearity swish"):
        init.calculate_gain("swish")
    with pytest.raises(ValueError, match="not a valid number"):
        init.calculate_gain("leaky_relu", "steep")


def truncated_mean(a, b):
    density = lambda x: math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    mass = (math.erf(b / math.sqrt(2)) - math.erf(a / math.sqrt(2))) / 2
    return (density(a) - density(b)) / mass


@pytest.mark.parametrize("a, b", [(-2, 2), (-1, 0.5), (-0.1, 0.3), (1.5, 1.9)])
def test_trunc_normal(a, b):
    x = values(init.trunc_normal_, 200, 100, mean=3, std=2, a=3 + 2 * a, b=3 + 2 * b)
    z = (x - 3) / 2
    assert z.min() >= a and z.max() <= b
    width = b - a
    assert z.min() < a + 0.02 * width and z.max() > b - 0.02 * width
    assert abs(z.mean() - truncated_mean(a, b)) < 0.02 * width


def test_trunc_normal_far_in_the_tail_warns_and_ends():
    with pytest.warns(UserWarning, match="more than 2 std"):
        x = values(init.trunc_normal_, 50, 50, a=8.0, b=9.0)
    assert x.min() >= 8 and x.max() <= 9 and x.mean() < 8.3
    with pytest.raises(RuntimeError):
        init.trunc_normal_(cgrad.empty(3), a=1.0, b=-1.0)


@pytest.mark.parametrize("shape", [(5, 5), (3, 7), (7, 3), (4, 2, 3)])
def test_orthogonal(shape):
    x = values(init.orthogonal_, *shape, gain=2.0).reshape(shape[0], -1)
    gram = x @ x.T if x.shape[0] <= x.shape[1] else x.T @ x
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-10)
    with pytest.raises(ValueError, match="2 or more dimensions"):
        init.orthogonal_(cgrad.empty(3))


def test_the_seed_decides():
    draws = []
    for _ in range(2):
        cgrad.manual_seed(7)
        draws.append(init.kaiming_normal_(cgrad.empty(4, 4)).numpy())
    np.testing.assert_array_equal(*draws)
