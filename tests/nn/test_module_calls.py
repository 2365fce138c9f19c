"""Calls and attributes of modules go through the engine, and do what plain Python would."""
import copy
import inspect
import pickle
from collections import OrderedDict

import pytest

import cgrad
from cgrad import nn


class Echo(nn.Module):
    def forward(self, *args, **kwargs):
        return args, kwargs


@pytest.mark.parametrize("n", [0, 1, 2, 7, 8, 9, 30])
def test_arguments_arrive(n):
    assert Echo()(*range(n)) == (tuple(range(n)), {})
    assert Echo()(*range(n), a=1, b=2) == (tuple(range(n)), {"a": 1, "b": 2})


def test_keyword_names_and_defaults():
    class Named(nn.Module):
        def forward(self, x, *, scale=2, module=None):
            return x * scale, module

    assert Named()(3) == (6, None)
    assert Named()(x=3, scale=1, module="m") == (3, "m")
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        Named()()
    with pytest.raises(TypeError, match="unexpected keyword argument 'y'"):
        Named()(3, y=1)


def test_forward_of_the_instance_and_of_other_kinds():
    echo = Echo()
    echo.forward = lambda x: x + 1
    assert echo(1) == 2
    del echo.forward
    assert echo(1) == ((1,), {})

    class Static(nn.Module):
        @staticmethod
        def forward(x):
            return x

    class OfClass(nn.Module):
        @classmethod
        def forward(cls, x):
            return cls, x

    class Callee(nn.Module):
        forward = Echo()

    class Dynamic(nn.Module):
        @property
        def forward(self):
            return lambda x: -x

    assert Static()(4) == 4
    assert OfClass()(4) == (OfClass, 4)
    assert Callee()(4) == ((4,), {})
    assert Dynamic()(4) == -4
    Echo.forward, old = (lambda self, x: x * 10), Echo.forward
    try:
        assert Echo()(2) == 20
    finally:
        Echo.forward = old
    with pytest.raises(NotImplementedError, match=r'Module \[Module\] is missing the required'):
        nn.Module()(1)


def test_overridden_call():
    class Twice(Echo):
        def __call__(self, *args):
            return super().__call__(*args, *args)

    class Deeper(Twice):
        pass

    class Through(nn.Module):
        def _call_impl(self, *args, **kwargs):
            return "own"

    assert Twice()(1) == ((1, 1), {}) == Deeper()(1)
    assert nn.Sequential(Twice())(1) == ((1, 1), {})
    assert nn.Module.__call__(Twice(), 1) == ((1,), {})
    echo = Echo()
    echo.__call__ = lambda x: "instance"            # as everywhere in Python: not looked at
    assert echo(1) == ((1,), {})
    assert echo._call_impl(1) == ((1,), {}) == echo._wrapped_call_impl(1)
    Deeper.__call__ = lambda self, x: "set later"
    assert Deeper()(1) == "set later"
    del Deeper.__call__
    assert Deeper()(1) == ((1, 1), {})


def test_overridden_getattr():
    class Falls(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(2, 3)

        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError:
                return getattr(self.inner, name)

    class First(nn.Module):
        def __init__(self):
            super().__init__()
            self._parameters["weight"] = nn.Parameter(cgrad.ones(1))

        def __getattr__(self, name):
            return 7 if name == "weight" else super().__getattr__(name)

    class Sees(nn.Module):
        def __getattribute__(self, name):
            return "seen" if name == "x" else super().__getattribute__(name)

    falls = Falls()
    assert falls.out_features == 3 and falls.weight is falls.inner.weight
    with pytest.raises(AttributeError, match="'Linear' object has no attribute 'nothing'"):
        falls.nothing  # noqa: B018
    assert First().weight == 7
    assert Sees().x == "seen" and Sees().training is True
    Falls.__getattr__ = lambda self, name: "set later"
    assert falls.nothing == "set later"
    del Falls.__getattr__
    with pytest.raises(AttributeError, match="'Falls' object has no attribute 'nothing'"):
        falls.nothing  # noqa: B018


def test_class_attributes_and_properties_come_first():
    class Net(nn.Module):
        kind = "class"

        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(1, 1)

        @property
        def width(self):
            return self.layer.in_features

        @property
        def broken(self):
            return self.missing

    net = Net()
    assert (net.kind, net.width) == ("class", 1)
    net.kind = "instance"
    assert net.kind == "instance"
    with pytest.raises(AttributeError, match="has no attribute 'missing'"):
        net.broken  # noqa: B018
    assert not hasattr(net, "broken")
    net.register_buffer("broken", cgrad.ones(1))
    assert net.broken.item() == 1


def test_before_init():
    class Forgot(nn.Module):
        def __init__(self):
            pass

        def forward(self, x):
            return x

    with pytest.raises(AttributeError, match="'Forgot' object has no attribute '_backward_hooks'"):
        Forgot()(1)
    with pytest.raises(AttributeError, match="before Module.__init__"):
        Forgot().layer = nn.Linear(1, 1)
    with pytest.raises(AttributeError, match="'Forgot' object has no attribute 'layer'"):
        Forgot().layer  # noqa: B018


def test_several_base_classes():
    class Both(nn.Module, dict):
        def __init__(self):
            nn.Module.__init__(self)
            dict.__init__(self, a=1)

        def forward(self, x):
            return self["a"] + x

    class Slotted(nn.Module):
        __slots__ = ("extra",)

        def forward(self):
            return self.extra

    assert Both()(1) == 2
    slotted = Slotted()
    slotted.extra = 3
    assert slotted() == 3

    class Takes(nn.Module):
        def __init_subclass__(cls, mark=None, **kwargs):
            super().__init_subclass__(**kwargs)
            cls.mark = mark

    class Marked(Takes, mark="here"):
        pass

    assert Marked.mark == "here" and Marked().training


def test_hook_tables_set_by_hand():
    echo = Echo()
    echo._forward_hooks = OrderedDict({0: lambda module, args, out: "hooked"})
    assert echo(1) == "hooked"
    echo._forward_hooks.clear()
    assert echo(1) == ((1,), {})
    handle = echo.register_forward_pre_hook(lambda module, args: (2,))
    assert echo(1) == ((2,), {})
    twin = copy.deepcopy(echo)
    handle.remove()
    assert echo(1) == ((1,), {}) and twin(1) == ((2,), {})


def test_copies_and_pickles_are_called_the_same():
    net = nn.Sequential(nn.Linear(3, 2), nn.Tanh())
    x = cgrad.randn(4, 3)
    for twin in (copy.deepcopy(net), copy.copy(net), pickle.loads(pickle.dumps(net))):
        assert cgrad.equal(twin(x), net(x))
        assert twin[0].weight.shape == (2, 3)


def test_compile_is_accepted():
    net = nn.Linear(2, 1)
    x = cgrad.ones(2)
    expected = net(x)
    net.compile()
    assert net._compiled_call_impl is not None and cgrad.equal(net(x), expected)
    net.register_forward_hook(lambda module, args, out: out * 2)
    assert cgrad.equal(net(x), expected * 2)
    assert cgrad.equal(copy.deepcopy(net)(x), expected * 2)
    assert cgrad.equal(nn.Sequential(net)(x), expected * 2)


@pytest.mark.parametrize("kind", [nn.Linear, nn.Sequential, nn.ReLU, nn.Tanh, nn.Sigmoid])
def test_short_ways_do_what_their_functions_say(kind):
    """Calls of these with one argument do not run the Python function, unless it is another."""
    assert list(inspect.signature(kind.forward).parameters) == ["self", "input"]
    assert inspect.isfunction(kind.forward)
    assert kind.forward.__qualname__ == f"{kind.__name__}.forward"
    layer = kind(3, 2) if kind is nn.Linear else kind(*[nn.Tanh()] * (kind is nn.Sequential))
    x = cgrad.randn(4, 3)
    assert cgrad.equal(layer(x), kind.forward(layer, x))
    assert cgrad.equal(layer(input=x), layer(x))
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'input'"):
        layer()
    with pytest.raises(TypeError, match="takes 2 positional arguments but 3 were given"):
        layer(x, x)
    old = kind.forward
    kind.forward = lambda self, x: "patched"
    try:
        assert layer(x) == "patched"
    finally:
        kind.forward = old

    class Own(kind):
        def forward(self, input):
            return super().forward(input) * 2

    layer.__class__ = Own
    assert cgrad.equal(layer(x), old(layer, x) * 2)


def test_recursion_is_an_error_and_no_crash():
    class Endless(nn.Module):
        def forward(self, x):
            return self(x)

    with pytest.raises(RecursionError):
        Endless()(1)
    loop = nn.Sequential()
    loop._modules["again"] = loop
    with pytest.raises(RecursionError):
        loop(1)
