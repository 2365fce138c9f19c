"""Parametrizations, lazy layers and lists of parameters against PyTorch's."""
import numpy as np
import pytest

import cgrad

torch = pytest.importorskip("torch")


def both(make):
    """The same module in both libraries, with cgrad's values in PyTorch's."""
    ours, theirs = make(cgrad), make(torch)
    state = {k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()}
    theirs.load_state_dict(state)
    return ours, theirs


WRAPS = {
    "weight_norm": lambda x, m: x.nn.utils.parametrizations.weight_norm(m),
    "weight_norm all": lambda x, m: x.nn.utils.parametrizations.weight_norm(m, dim=None),
    "spectral_norm": lambda x, m: x.nn.utils.parametrizations.spectral_norm(m),
    "orthogonal": lambda x, m: x.nn.utils.parametrizations.orthogonal(m),
    "cayley": lambda x, m: x.nn.utils.parametrizations.orthogonal(m, orthogonal_map="cayley"),
    "old weight_norm": lambda x, m: x.nn.utils.weight_norm(m),
    "old spectral_norm": lambda x, m: x.nn.utils.spectral_norm(m),
}


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("name", WRAPS)
@pytest.mark.parametrize("layer", [lambda x: x.nn.Linear(4, 3), lambda x: x.nn.Linear(3, 3)])
def test_wraps(name, layer):
    ours, theirs = both(lambda x: WRAPS[name](x, layer(x).double()))
    assert repr(ours) == repr(theirs) and list(ours.state_dict()) == list(theirs.state_dict())
    a = np.random.default_rng(0).normal(size=(5, ours.in_features))
    for _ in range(3):
        pair = []
        for m, x in ((ours, cgrad), (theirs, torch)):
            out = m(x.tensor(a))
            m.zero_grad()
            (out * out).sum().backward()
            with x.no_grad():
                for p in m.parameters():
                    p -= 0.01 * p.grad
            pair.append((out.detach().numpy(), {k: v.numpy() for k, v in m.state_dict().items()}))
        np.testing.assert_allclose(pair[0][0], pair[1][0], rtol=1e-9, atol=1e-12)
        for key, value in pair[1][1].items():
            np.testing.assert_allclose(pair[0][1][key], value, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("make", [
    lambda x: x.nn.LazyLinear(3), lambda x: x.nn.LazyConv2d(3, 2, 1, 2),
    lambda x: x.nn.LazyBatchNorm2d(),
    lambda x: x.nn.LazyConvTranspose1d(4, 2, output_padding=1, stride=2),
    lambda x: x.nn.LazyInstanceNorm1d(affine=True), lambda x: x.nn.LazyBatchNorm1d(affine=False),
])  # fmt: skip
def test_lazy(make):
    ours, theirs = make(cgrad), make(torch)
    assert repr(ours) == repr(theirs) and list(ours.state_dict()) == list(theirs.state_dict())
    shape = {"LazyLinear": (2, 4), "LazyConv2d": (2, 4, 5, 5), "LazyBatchNorm2d": (2, 4, 3, 3),
             "LazyConvTranspose1d": (2, 4, 5), "LazyInstanceNorm1d": (2, 4, 5),
             "LazyBatchNorm1d": (6, 4)}[type(ours).__name__]  # fmt: skip
    a = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    ours(cgrad.tensor(a)), theirs(torch.tensor(a))
    assert repr(ours) == repr(theirs) and type(ours).__name__ == type(theirs).__name__
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    np.testing.assert_allclose(ours(cgrad.tensor(a)).detach().numpy(),
                               theirs(torch.tensor(a)).detach().numpy(), atol=1e-5)  # fmt: skip


def test_init_of_convolutions():
    for shape, groups in (((4, 2, 3), 1), ((4, 2, 3, 4), 2), ((2, 4, 3, 3, 3), 1)):
        expected = torch.nn.init.dirac_(torch.empty(shape), groups).numpy()
        np.testing.assert_array_equal(cgrad.nn.init.dirac_(cgrad.empty(shape), groups), expected)
    cgrad.manual_seed(0)
    w = cgrad.nn.init.sparse_(cgrad.empty(40, 30), 0.21)
    assert ((w == 0).sum(0) == 9).all() and abs(w[w != 0].std().item() - 0.01) < 0.001
    with pytest.warns(FutureWarning, match="deprecated"):
        assert cgrad.nn.init.constant(cgrad.empty(2), 3.0).tolist() == [3, 3]


def test_lists_print_alike():
    for x in (cgrad, torch):
        values = x.nn.ParameterList([x.ones(2), x.nn.Parameter(x.ones(1, 2))])
        text = repr(values).replace("torch.", "").replace("cgrad.", "")
        assert text == ("ParameterList(\n    (0): Parameter containing: [float32 of size 2]\n"
                        "    (1): Parameter containing: [float32 of size 1x2]\n)")  # fmt: skip
        values = x.nn.ParameterDict({"a": x.ones(2), "b": "text"})
        text = repr(values).replace("torch.", "").replace("cgrad.", "")
        assert text == ("ParameterDict(\n    (a): Parameter containing: [FloatTensor of size 2]\n"
                        "    (b): Object of type: str\n)")  # fmt: skip
