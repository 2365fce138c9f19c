"""Every layer and loss of the table against stored numbers of PyTorch; which layers there are."""
import copy
import json
import pickle

import module_cases as table
import numpy as np
import pytest

import cgrad
from cgrad import nn

STORED = json.loads(table.VALUES.read_text())
# Those without a case in the table, and why.
ELSEWHERE = {
    # They hold others:
    "Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential",
    # Bases, and layers made of those in the table:
    "DataParallel", "RNNBase", "RNNCellBase", "TransformerDecoder", "TransformerEncoder",
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("case", table.CASES, ids=table.label)
def test_numbers(case):
    stored = STORED[table.label(case)]
    module = table.make(cgrad, case)
    assert repr(module) == stored["repr"]
    assert {k: list(v.shape) for k, v in module.state_dict().items()} == stored["state"]
    results = {k: table.digest(v) for k, v in table.run(cgrad, module, case).items()}
    assert results.keys() == stored["results"].keys()
    for name, (shape, *numbers) in results.items():
        assert shape == stored["results"][name][0], name
        np.testing.assert_allclose(numbers, stored["results"][name][1:], rtol=1e-7, atol=1e-7,
                                   err_msg=name)  # fmt: skip


@pytest.mark.parametrize("case", {c[0]: c for c in table.CASES}.values(), ids=lambda c: c[0])
def test_copies_answer_alike(case):
    module = table.make(cgrad, case)
    assert repr(type(module)) == f"<class '{type(module).__module__}.{case[0]}'>"
    copies = [copy.deepcopy(module), pickle.loads(pickle.dumps(module))]
    expected = table.run(cgrad, module, case)
    for one in copies:
        for name, value in table.run(cgrad, one, case).items():
            np.testing.assert_array_equal(value, expected[name])


def test_every_layer_is_in_the_table():
    classes = {name for name in nn.__all__ if isinstance(getattr(nn, name), type)
               and issubclass(getattr(nn, name), nn.Module)}  # fmt: skip
    tested = {case[0] for case in table.CASES}
    assert {c for c in classes - tested - ELSEWHERE if not c.startswith("Lazy")} == set()
    assert tested <= classes
    assert set(STORED) - {"origin"} == {table.label(case) for case in table.CASES}


@pytest.mark.parametrize(
    ("layer", "shape", "whole"),
    [(nn.Dropout, (40, 50), 0), (nn.Dropout1d, (40, 50, 3), 1), (nn.Dropout2d, (40, 50, 2, 2), 2),
     (nn.Dropout3d, (40, 50, 1, 2, 2), 3)],
)  # fmt: skip
def test_dropout(layer, shape, whole):
    cgrad.manual_seed(0)
    x = cgrad.ones(shape, dtype=cgrad.float64, requires_grad=True)
    out = layer(0.3)(x)
    out.sum().backward()
    assert (x.grad == out).all()  # a factor of 0 or 1 / 0.7
    values = out.detach().numpy().reshape(40 * 50, -1)
    assert (values == values[:, :1]).all()
    kept = values[:, 0] != 0
    np.testing.assert_allclose(values[kept], 1 / 0.7)
    assert abs(kept.mean() - 0.7) < 6 * (0.3 * 0.7 / kept.size) ** 0.5
    layer = layer(0.3).eval()
    assert (layer(x) == x).all()
    with pytest.raises(ValueError, match="between 0 and 1"):
        type(layer)(1.5)


@pytest.mark.parametrize("layer", [nn.AlphaDropout, nn.FeatureAlphaDropout])
def test_alpha_dropout_keeps_mean_and_variance(layer):
    """Klambauer et al. 2017, for inputs of mean 0 and variance 1."""
    cgrad.manual_seed(0)
    x = cgrad.randn(20000, 5, 1)
    out = layer(0.2)(x).numpy()
    assert abs(out.mean()) < 0.05 and abs(out.var() - 1) < 0.05
    least = -1.0507009873554805 * 1.6732632423543772  # what SELU gives far below 0
    a = (0.8 + least**2 * 0.8 * 0.2) ** -0.5
    dropped = np.isclose(out, a * least - a * 0.2 * least, atol=1e-6).squeeze(2)
    assert abs(dropped.mean() - 0.2) < 0.02
    alike = (dropped == dropped[:, :1]).all(1).mean()
    assert alike < 0.5  # entries, or channels, are dropped one by one


def test_rrelu_draws_slopes_in_training():
    cgrad.manual_seed(0)
    x = -cgrad.ones(4000, dtype=cgrad.float64)
    x.requires_grad_()
    slopes = nn.RReLU(0.1, 0.3)(x)
    slopes.sum().backward()
    drawn = -slopes.detach().numpy()
    assert drawn.min() >= 0.1 and drawn.max() <= 0.3 and abs(drawn.mean() - 0.2) < 0.01
    np.testing.assert_allclose(x.grad.numpy(), drawn)
    np.testing.assert_allclose(nn.RReLU(0.1, 0.3).eval()(x).detach().numpy(), -0.2)


ONE, NINE = cgrad.ones(4), cgrad.tensor([9])
BAD = [
    (ValueError, lambda: nn.Conv2d(3, 4, 3, groups=2), "in_channels"),
    (ValueError, lambda: nn.Conv2d(4, 3, 3, groups=2), "out_channels"),
    (ValueError, lambda: nn.ConvTranspose1d(2, 2, 3, padding_mode="reflect"), "zeros"),
    (ValueError, lambda: nn.GroupNorm(3, 4), "divisible"),
    (ValueError, lambda: nn.MultiMarginLoss(p=3), "p == 1"),
    (ValueError, lambda: nn.TripletMarginLoss(margin=0.0), "margin"),
    (ValueError, lambda: nn.AdaptiveLogSoftmaxWithLoss(4, 9, [5, 2]), "cutoffs"),
    (ValueError, lambda: nn.AdaptiveLogSoftmaxWithLoss(4, 9, []), "cutoffs"),
    (AssertionError, lambda: nn.EmbeddingBag(4, 2, padding_idx=9), "adding_idx"),
    (TypeError, lambda: nn.Unflatten(1, 2.5), "unflattened_size"),
    (ValueError, lambda: nn.BatchNorm1d(3)(cgrad.ones(2, 3, 4, 5)), "2D or 3D"),
    (ValueError, lambda: nn.InstanceNorm2d(3)(cgrad.ones(2, 3)), "3D or 4D"),
    (ValueError, lambda: nn.BatchNorm1d(3)(cgrad.ones(1, 3)), "more than 1 value"),
    (RuntimeError, lambda: nn.Linear(3, 2)(cgrad.ones(2, 4)), "4"),
    (RuntimeError, lambda: nn.PixelShuffle(2)(cgrad.ones(1, 3, 2, 2)), "3"),
    (RuntimeError, lambda: nn.AdaptiveLogSoftmaxWithLoss(4, 9, [3])(ONE.reshape(1, 4), NINE),
     "Target values"),
    (ValueError, lambda: nn.MSELoss(reduction="middle")(cgrad.ones(2), cgrad.ones(2)), "middle"),
    (ValueError, lambda: nn.GaussianNLLLoss()(ONE, ONE, -ONE), "negative"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "call", "words"), BAD, ids=[b[2] for b in BAD])
def test_bad_arguments(kind, call, words):
    with pytest.raises(kind, match=words):
        call()
