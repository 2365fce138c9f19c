"""What is drawn: distributions, reproducibility, generators, dropout.  Seeds are fixed: no test
can fail by chance."""
from __future__ import annotations

import numpy as np
import pytest

import cgrad
from cgrad.nn import functional as F

N = 40_000


@pytest.fixture(autouse=True)
def seed():
    cgrad.manual_seed(12345)


# -- dropout -------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.2, 0.5, 0.9])
def test_dropout_drops_and_scales(p):
    y = F.dropout(cgrad.ones(N), p)
    kept = y != 0
    assert abs(kept.to(cgrad.float64).mean().item() - (1 - p)) < 0.01
    np.testing.assert_allclose(y[kept].numpy(), 1 / (1 - p), rtol=1e-6)


@pytest.mark.parametrize("function", [F.alpha_dropout, F.feature_alpha_dropout])
@pytest.mark.parametrize("p", [0.2, 0.7])
def test_alpha_dropout_keeps_mean_and_variance(function, p):
    y = function(cgrad.randn(200, 200, dtype=cgrad.float64), p, True)
    assert abs(y.mean().item()) < 0.03 and abs(y.var().item() - 1) < 0.03
    assert abs(np.unique(y.numpy(), return_counts=True)[1].max() / y.numel() - p) < 0.02


@pytest.mark.parametrize("function, shape, channels", [
    (F.dropout1d, (40, 30, 5), 1200), (F.dropout1d, (300, 5), 300),
    (F.dropout2d, (40, 30, 2, 3), 1200), (F.dropout3d, (40, 30, 2, 2, 2), 1200),
    (F.dropout3d, (300, 2, 2, 2), 300)])
def test_channels_go_as_a_whole(function, shape, channels):
    x = cgrad.ones(*shape)
    y = function(x, 0.4).reshape(channels, -1)
    assert bool((y == y[:, :1]).all())
    assert abs((y[:, 0] == 0).to(cgrad.float64).mean().item() - 0.4) < 0.07
    assert function(x, 0.4, inplace=True) is x and 0 < int((x == 0).sum()) < x.numel()


@pytest.mark.parametrize("name", [
    "dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout"])
def test_dropout_in_place(name):
    function, change = getattr(cgrad, name), getattr(cgrad, name + "_")
    x = cgrad.randn(4, 5, 3)
    cgrad.manual_seed(1)
    expected = function(x, 0.5, True)
    cgrad.manual_seed(1)
    y = x.clone()
    assert change(y, 0.5, True) is y and y.equal(expected)
    leaf = cgrad.ones(2, 2, requires_grad=True)
    assert change(leaf, 0.5, False) is leaf and change(leaf, 0.0, True) is leaf
    with pytest.raises(RuntimeError, match=f"{name}_: a leaf"):
        change(leaf, 0.5, True)
    assert not function(x, 1.0, True).any()
    for f in (function, change):
        with pytest.raises(RuntimeError, match="between 0 and 1.*1.5"):
            f(y, 1.5, True)
    with pytest.raises(RuntimeError, match="cast"):
        function(cgrad.ones(2, 2, dtype=cgrad.int64), 0.5, True)


def test_dropout2d_warns_of_other_shapes():
    with pytest.warns(UserWarning, match="3D input"):
        assert F.dropout2d(cgrad.ones(2, 3, 4)).shape == (2, 3, 4)
    with pytest.warns(UserWarning, match="dropout3d: Received a 3-D"):
        assert F.dropout3d(cgrad.ones(2, 3, 4)).shape == (2, 3, 4)
