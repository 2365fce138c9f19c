"""An error inside a network names the layer; looks at attributes and calls behave as in Python."""
import copy
import pickle

import pytest

import cgrad
from cgrad import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 10)

    def forward(self, x):
        return self.fc1(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Identity(), nn.ReLU(), Block()])

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class Own(nn.Module):
    def forward(self, x):
        raise ValueError("of the program")


class Adds(nn.Module):
    def forward(self, x):
        return x + cgrad.ones(7)


def message(call, kind=RuntimeError):
    with pytest.raises(kind) as info:
        call()
    return str(info.value)


def test_path_from_the_outermost_module():
    x = cgrad.ones(5, 32)
    assert message(lambda: Net()(x)).startswith(
        "layers.2.fc1 (Linear 64→10): input has 32 features; ")
    assert message(lambda: Block()(x)).startswith("fc1 (Linear 64→10): input has 32 features; ")
    original = message(lambda: cgrad.nn.functional.linear(x, cgrad.ones(10, 64)))
    assert message(lambda: nn.Linear(64, 10)(x)) == \
        f"Linear 64→10: input has 32 features; {original}"
    assert message(lambda: nn.Sequential(nn.ReLU(), Adds())(x)).startswith("1 (Adds): ")


@pytest.mark.parametrize(("layer", "x", "start"), [
    (nn.Conv2d(3, 8, 3), cgrad.ones(1, 4, 8, 8), "0 (Conv2d 3→8): input has 4 channels; "),
    (nn.Conv1d(3, 8, 3), cgrad.ones(3), "0 (Conv1d 3→8): input has 1 dimensions; "),
    (nn.BatchNorm1d(6), cgrad.ones(2, 5), "0 (BatchNorm1d 6): input has 5 channels; "),
    (nn.LayerNorm(6), cgrad.ones(2, 5), "0 (LayerNorm (6,)): input has the shape (2, 5); "),
    (nn.LSTM(4, 5), cgrad.ones(3, 2, 6), "0 (LSTM 4→5): input has 6 features; "),
    (nn.Embedding(4, 5), cgrad.tensor([4]), "0 (Embedding 4×5): "),
    (nn.GroupNorm(2, 6), cgrad.ones(2, 5), "0 (GroupNorm 6): input has 5 channels; "),
    (nn.MultiheadAttention(8, 2), cgrad.ones(3, 2, 6), "0 (MultiheadAttention 8): "),
    (nn.Bilinear(2, 3, 4), cgrad.ones(2), "0 (Bilinear): "),
])  # fmt: skip
def test_descriptions(layer, x, start):
    class Calls(nn.Sequential):
        def forward(self, x):
            layer = self[0]
            return layer(x, x, x) if isinstance(layer, nn.MultiheadAttention) else layer(x)

    if isinstance(layer, nn.Bilinear):
        assert "Bilinear" in message(lambda: layer(x, x), (RuntimeError, ValueError))
    else:
        kinds = (RuntimeError, ValueError, IndexError, AssertionError)
        said = message(lambda: Calls(layer)(x), kinds)
        assert said.startswith(start), said


def test_what_a_program_raises_is_its_own():
    assert message(lambda: nn.Sequential(Own())(1), ValueError) == "of the program"

    class Bare(nn.Module):
        pass

    assert message(lambda: nn.Sequential(Bare())(1)) == \
        'Module [Bare] is missing the required "forward" function'
    with pytest.raises(KeyError):  # an error that carries a value, not a message
        nn.Sequential(nn.ModuleDict())[0]["missing"]


def test_with_hooks_and_in_a_second_call():
    net = Net()
    net.layers[2].register_forward_pre_hook(lambda module, args: None)
    for _ in range(2):
        said = message(lambda: net(cgrad.ones(5, 32)))
        assert said.count("layers.2.fc1") == 1
    try:
        net(cgrad.ones(5, 32))
    except RuntimeError as error:
        kept = error

    class Again(nn.Module):
        def forward(self, x):
            raise kept

    before = str(kept)
    assert message(lambda: nn.Sequential(Again())(1)) == before


def test_attributes():
    class Shaded(nn.Module):
        inner = None  # a class attribute hides the entry of the table, as in PyTorch

        def __init__(self):
            super().__init__()
            self.inner = nn.ReLU()
            self.plain = 3
            self.weight = nn.Parameter(cgrad.ones(2))
            self.register_buffer("mean", cgrad.zeros(1))

        @property
        def broken(self):
            return self.missing

    m = Shaded()
    assert m.inner is None and m.plain == 3
    assert m.weight is m._parameters["weight"] and m.mean is m._buffers["mean"]
    with pytest.raises(AttributeError, match="'Shaded' object has no attribute 'missing'"):
        _ = m.broken
    assert not hasattr(m, "missing") and getattr(m, "missing", 5) == 5
    m.forward = lambda x: x + 1  # of the instance
    assert m(1) == 2
    m.__dict__["weight"] = 7  # nearer than the tables
    assert m.weight == 7


class Mixin:
    def greet(self):
        return "hello"


class Mixed(Mixin, nn.Linear):
    pass


def test_mixins_copies_and_pickles():
    m = Mixed(2, 1)
    for other in (m, copy.copy(m), copy.deepcopy(m), pickle.loads(pickle.dumps(m))):
        assert type(other) is Mixed and other.greet() == "hello"
        assert (other(cgrad.ones(2)) == m(cgrad.ones(2))).all()


def test_a_getattr_of_the_program():
    class Wrapper(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError:
                return getattr(self.inner, name)

    wrapped = Wrapper(nn.Linear(3, 2))
    assert wrapped.in_features == 3 and wrapped.weight.shape == (2, 3)
    with pytest.raises(AttributeError, match="nothing"):
        _ = wrapped.nothing
    assert nn.Linear(3, 2).in_features == 3


def test_calls():
    class Takes(nn.Module):
        def forward(self, a, b=2, *, c=3):
            return a, b, c

    m = Takes()
    assert m(1) == (1, 2, 3) and m(1, 5) == (1, 5, 3) and m(1, c=7) == (1, 2, 7) and m(a=0)[0] == 0
    with pytest.raises(TypeError, match="forward"):
        m()
    assert nn.Module.__call__(m, 4) == (4, 2, 3)

    class Outer(Takes):
        def __call__(self, *args, **kwargs):
            return "outer", super().__call__(*args, **kwargs)

    assert Outer()(1) == ("outer", (1, 2, 3))


def test_full_backward_hooks():
    seen = []
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    net[0].register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    net[0].register_full_backward_pre_hook(lambda m, go: (go[0] * 2,))
    x = cgrad.ones(1, 2, requires_grad=True)
    net(x).sum().backward()
    (grad_input,), (grad_output,) = seen[0]
    assert (grad_input == x.grad).all()
    inner = 1 - cgrad.tanh(net[0](cgrad.ones(1, 2))) ** 2
    assert cgrad.allclose(grad_output, 2 * inner)
    assert cgrad.allclose(x.grad, grad_output @ net[0].weight)
    with pytest.warns(UserWarning, match="no inputs require gradients"):
        net(cgrad.ones(1, 2)).sum().backward()
    assert seen[-1][0] == (None,)

    from cgrad.nn.modules.module import (
        register_module_forward_hook,
        register_module_forward_pre_hook,
    )

    with register_module_forward_hook(lambda m, args, out: seen.append(type(m).__name__)), \
            register_module_forward_pre_hook(lambda m, args: seen.append("before")):  # fmt: skip
        nn.Sequential(nn.ReLU())(cgrad.ones(1))
    nn.ReLU()(cgrad.ones(1))
    assert seen[-4:] == ["before", "before", "ReLU", "Sequential"]


def test_modules_that_are_not_registered_and_errors_in_hooks():
    class Hidden(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(3, 4)]

        def forward(self, x):
            return self.layers[0](x)

    x = cgrad.zeros(2, 2)
    start = "Linear 3→4: input has 2 features; "
    assert message(lambda: Hidden()(x)).startswith(start)
    assert message(lambda: nn.Sequential(Hidden())(x)).startswith(start)
    net = Net()
    net.layers[1].register_forward_hook(lambda m, args, out: out @ cgrad.ones(5, 5))
    assert message(lambda: net(x)).startswith("layers.1 (ReLU): ")


@pytest.mark.parametrize("error", [
    KeyError("name"), OSError(2, "gone"), UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"),
    RuntimeError(), RuntimeError("two", 3), ValueError(3), KeyboardInterrupt(), StopIteration(4),
], ids=repr)  # fmt: skip
def test_other_errors_pass_unchanged(error):
    class Raises(nn.Module):
        def forward(self, x):
            raise error

    args = error.args
    with pytest.raises(type(error)) as info:
        nn.Sequential(Raises())(1)
    assert info.value is error and error.args == args


def test_located_errors_travel_without_the_model():
    with pytest.raises(RuntimeError) as info:
        Net()(cgrad.zeros(2, 3))
    for twin in (pickle.loads(pickle.dumps(info.value)), copy.copy(info.value)):
        assert str(twin) == str(info.value)
    assert len(pickle.dumps(info.value)) < 1000
