"""Programs that pull memory away at the worst moment: an error or the right result, no crash."""
import contextlib
import importlib
import warnings

import numpy as np
import pytest

import cgrad
from cgrad._engine import memory
from cgrad._library import MODULES
from cgrad.nn import functional as F
from op_cases import CASES, arguments, draw_all


def test_sizes_whose_product_wraps_around():
    with pytest.raises(RuntimeError, match="reshape"):
        cgrad.zeros(16).reshape(2**60 + 1, 16)


def test_index_that_changes_the_tensor():
    class Key:
        def __index__(self):
            t.mul_(w)
            return 0

    w = cgrad.ones(1000, requires_grad=True)
    t = cgrad.ones(1000)
    assert t[Key(),].item() == 1.0
    t = cgrad.ones(1000)
    with pytest.raises(RuntimeError, match="__setitem__"):
        t[Key(),] = 2.0


def test_size_that_only_has_index():
    class Six:
        def __index__(self):
            return 6

    assert cgrad.ones(6).reshape(Six()).shape == (6,)


def test_methods_of_compiled_classes_check_whose_they_are():
    modules = [importlib.import_module(f"{package}.{name}")
               for package, names in MODULES.items() for name in names.split()]
    classes = {kind for module in modules for kind in vars(module).values()
               if isinstance(kind, type) and not kind.__flags__ & 1 << 9
               and str(kind.__module__).startswith("cgrad")}
    assert cgrad.Tensor in classes
    for kind in classes:
        for name, method in vars(kind).items():
            # Cython's own functions would take any object for `self`.
            assert not (type(method).__name__ == "cython_function_or_method"
                        and method.__qualname__.startswith(kind.__name__ + ".")), (kind, name)
            if type(method) is type(str.join):
                with pytest.raises(TypeError):
                    method(5)


def test_many_handles_that_end_inside_one_another():
    for _ in range(2):
        previous = None
        for _ in range(600):
            y = cgrad.ones((), requires_grad=True) * 2.0
            z = y * 1.0
            y.register_hook(lambda g, p=previous: None)
            previous = z
        del y, z, previous


def test_memoryview_outlives_the_memory_of_its_tensor():
    t = cgrad.ones(300_000)
    view = memoryview(t)
    t.data = cgrad.zeros(1)
    cgrad.full((300_000,), 7.0)
    memory.empty_cache()
    assert view[5] == 1.0 and view[299_999] == 1.0


def test_saved_value_replaced_by_one_of_another_size():
    x = cgrad.ones(30, 30, requires_grad=True)
    w = cgrad.ones(30, 30)
    y = x @ w
    w.data = cgrad.ones(1, 1)
    with pytest.raises(RuntimeError, match="matmul"):
        y.sum().backward()


def test_gradient_of_another_size_than_the_new_data():
    x = cgrad.ones(5000, requires_grad=True)
    x.sum().backward()
    x.data = cgrad.ones(2)
    with pytest.raises(RuntimeError, match="grad"):
        (x * x).sum().backward()


def test_tensor_without_data():
    class Empty(cgrad.Tensor):
        def __init__(self):
            pass

    for t in (cgrad.Tensor.__new__(cgrad.Tensor), Empty()):
        assert t.shape == (0,) and t.grad is None and len(t) == 0
        with pytest.raises(RuntimeError):
            t.item()
        with pytest.raises(RuntimeError, match="without data"):
            t + 1


def test_concatenation_of_an_iterator():
    parts = [cgrad.full((1000,), float(i)) for i in range(4)]
    whole = cgrad.cat(x * 1.0 for x in parts)
    assert whole.reshape(4, 1000).mean(dim=1).tolist() == [0.0, 1.0, 2.0, 3.0]


def test_gradient_slot_over_read_only_memory():
    x = cgrad.ones(2, requires_grad=True)
    constant = np.frombuffer(bytes(8), np.float32)
    x.grad = cgrad.from_numpy(constant)
    x.sum().backward()
    assert constant.tolist() == [0.0, 0.0] and x.grad.tolist() == [1.0, 1.0]


def test_data_of_another_size_under_an_operation_that_saves_nothing():
    x = cgrad.ones(3, requires_grad=True)
    y = x * 2
    x.data = cgrad.ones(30_000)
    with pytest.raises(RuntimeError, match="another shape"):
        y.sum().backward()


def test_gradient_expanded_to_the_shape_of_new_data():
    for shape in ((200_000, 10), (1000, 4, 10), (10,)):
        x = cgrad.ones(1000, 10, requires_grad=True)
        a = x * 1.0
        y = a.sum(1, keepdim=True)
        with pytest.raises(RuntimeError):
            a.data = cgrad.ones(*shape)
            y.sum().backward()


class Meddler(int):
    """A number, dimension or flag; asking for its value gives tensors other history and memory."""

    def __new__(cls, value, *tensors):
        self = super().__new__(cls, value)
        self.tensors = tensors
        return self

    def meddle(self):
        for t in self.tensors:
            if t.requires_grad:
                t.data = cgrad.ones(1)
            elif t.is_floating_point():
                t.mul_(cgrad.ones(t.shape, requires_grad=True))
                t.data = cgrad.ones(1)

    def __index__(self):
        self.meddle()
        return int.__add__(self, 0)

    __int__ = __index__

    def __float__(self):
        self.meddle()
        return float(int.__add__(self, 0))

    def __bool__(self):
        self.meddle()
        return int.__add__(self, 0) != 0

    def __str__(self):
        self.meddle()
        return "cpu"


class Foreign:
    """A `Meddler` that is no int."""

    def __init__(self, *args):
        self.meddler = Meddler(*args)

    def __index__(self):
        return self.meddler.__index__()

    def __float__(self):
        return float(self.meddler)

    def __bool__(self):
        return bool(self.meddler)

    def __str__(self):
        return str(self.meddler)


CALLS = {
    "softmax": lambda t, k: cgrad.softmax(t, k(0)),
    "log_softmax": lambda t, k: cgrad.log_softmax(t, k(0)),
    "logsumexp": lambda t, k: cgrad.logsumexp(t, k(0)),
    "logsumexp of several": lambda t, k: cgrad.logsumexp(t, (k(0), k(1))),
    "logsumexp keepdim": lambda t, k: cgrad.logsumexp(t, 0, k(1)),
    "cross_entropy": lambda t, k: F.cross_entropy(
        t, cgrad.zeros(100, dtype=cgrad.int64), ignore_index=k(-1)),
    "label_smoothing": lambda t, k: F.cross_entropy(
        t, cgrad.zeros(100, dtype=cgrad.int64), label_smoothing=k(1)),
    "dropout": lambda t, k: cgrad.dropout(t, k(1), True),
    "dropout train": lambda t, k: cgrad.dropout(t, 0.5, k(1)),
    "bernoulli": lambda t, k: cgrad.bernoulli(t, k(1)),
    "bernoulli_": lambda t, k: t.bernoulli_(k(1)),
    "normal": lambda t, k: cgrad.normal(t, k(1)),
    "normal mean": lambda t, k: cgrad.normal(k(1), t),
    "normal_": lambda t, k: t.normal_(k(1), k(1)),
    "uniform_": lambda t, k: t.uniform_(k(0), k(1)),
    "exponential_": lambda t, k: t.exponential_(k(1)),
    "cauchy_": lambda t, k: t.cauchy_(k(0), k(1)),
    "random_": lambda t, k: t.random_(k(0), k(9)),
    "multinomial": lambda t, k: cgrad.multinomial(t, k(2)),
    "multinomial replacement": lambda t, k: cgrad.multinomial(t, 2, k(1)),
    "randint_like": lambda t, k: cgrad.randint_like(t, k(0), k(5)),
    "rand_like": lambda t, k: cgrad.rand_like(t, device=k(0)),
    "randn_like": lambda t, k: cgrad.randn_like(t, requires_grad=k(0)),
}


@pytest.mark.parametrize("kind", [Meddler, Foreign])
@pytest.mark.parametrize("name", CALLS)
def test_arguments_that_change_the_tensor(name, kind):
    for grad in (False, True):
        t = cgrad.ones(100, 30)
        if grad:
            t = (t.requires_grad_() * 1.0)
        try:
            y = CALLS[name](t, lambda value, t=t: kind(value, t))
        except (TypeError, RuntimeError, ValueError, IndexError):
            continue
        y.detach().sum().item()


def test_state_of_an_optimizer_step_that_changes_the_tensors():
    from cgrad._engine import optim

    class State(dict):
        def __missing__(self, param):
            for t in tensors:
                t.data = cgrad.ones(3)
            cgrad.full((50_000,), 7.0)
            return {"step": 1, "exp_avg": m, "exp_avg_sq": v, "momentum_buffer": m}

    for rule, keys, numbers in (
        ("adam", ("exp_avg", "exp_avg_sq", None), ("step",)),
        ("sgd", ("momentum_buffer",), ()),
    ):
        tensors = [cgrad.zeros(50_000) for _ in range(4)]
        p, g, m, v = tensors
        p.grad = g
        with pytest.raises(RuntimeError, match="parameter 0 has shape"):
            optim.fused_step(
                optim.rule(rule), rule, [p], State(), None, keys, numbers, (0, 0.1, 0, 0, 0.9, 0.9)
            )
        assert all(t.shape == (3,) for t in tensors)


@pytest.mark.parametrize("loss", ["cross_entropy", "nll_loss"])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_classes_that_change_before_the_backward(loss, reduction):
    def backward(change, **kwargs):
        x = cgrad.zeros(1000, 10, requires_grad=True)
        classes = np.zeros(1000, np.int64)
        y = cgrad.from_numpy(classes)
        z = getattr(F, loss)(x, y, reduction=reduction, **kwargs).sum()
        change(classes, y, x, **kwargs)
        z.backward()
        return x.grad

    def out_of_range(classes, y, x, **kwargs):
        classes[:] = 2**40
        classes[::2] = -(2**40)

    assert backward(out_of_range).abs().sum().item() == 0       # rows without a class
    weight = cgrad.ones(10)
    assert backward(out_of_range, weight=weight).abs().sum().item() == 0

    def fewer(classes, y, x, **kwargs):
        y.data = cgrad.zeros(1, dtype=cgrad.int64)

    def narrow(classes, y, x, **kwargs):
        y.data = cgrad.zeros(1000, dtype=cgrad.int8)

    def light(classes, y, x, weight):
        weight.data = cgrad.ones(1)

    for change, kwargs in ((fewer, {}), (narrow, {}), (light, {"weight": weight})):
        try:
            grad = backward(change, **kwargs)
        except RuntimeError:
            continue
        assert grad.shape == (1000, 10)       # the graph has kept what it was made with


@pytest.mark.parametrize("replacement", [cgrad.ones(2), cgrad.ones(1, 1, 1, 2),
                                         cgrad.ones(1000, 10, dtype=cgrad.float64)])
def test_saved_values_of_losses_replaced_by_others(replacement):
    for function in (lambda x, t: cgrad.softmax(x, 1), lambda x, t: cgrad.log_softmax(x, 1),
                     lambda x, t: cgrad.logsumexp(x, 1), lambda x, t: F.mse_loss(x, t),
                     lambda x, t: F.cross_entropy(x, t[:, 0].long()),
                     lambda x, t: F.binary_cross_entropy(x, t),
                     lambda x, t: F.dropout(x, 0.5)):
        target = cgrad.zeros(1000, 10)
        leaf = cgrad.full((1000, 10), 0.5, requires_grad=True)
        x = leaf * 1.0
        y = function(x, target)
        z = y.sum()
        try:
            for t in (target, x, y):
                t.data = replacement.clone()
            z.backward()
        except RuntimeError:
            continue
        assert leaf.grad.shape == (1000, 10)


REDUCTIONS = [
    lambda t, k: t.sum(dim=k), lambda t, k: t.mean(dim=(k,)), lambda t, k: t.prod(dim=k),
    lambda t, k: t.amax(dim=k), lambda t, k: t.amin(dim=[k]), lambda t, k: t.any(dim=k),
    lambda t, k: t.var(dim=k), lambda t, k: t.std(dim=k), lambda t, k: t.argmax(dim=k),
    lambda t, k: t.cumsum(dim=k), lambda t, k: t.cumprod(dim=k), lambda t, k: t.logcumsumexp(k),
    lambda t, k: t.cummax(k), lambda t, k: t.sort(dim=k), lambda t, k: t.argsort(dim=k),
    lambda t, k: t.topk(2, dim=k), lambda t, k: t.kthvalue(2, dim=k), lambda t, k: t.median(dim=k),
    lambda t, k: t.mode(dim=k), lambda t, k: t.logsumexp(dim=k),
]


@pytest.mark.parametrize("reduce", REDUCTIONS)
@pytest.mark.parametrize("change", ["in place", "data"])
def test_dimension_that_changes_the_tensor(reduce, change):
    class Key:
        def __index__(self):
            if change == "in place":
                t.mul_(w)
            else:
                t.data = cgrad.ones(2)
            return 0

        def __lt__(self, other):
            return False

    w = cgrad.ones(1000, requires_grad=True)
    t = cgrad.ones(1000) * 1.0
    reduce(t, Key())
    t = cgrad.ones(1000, requires_grad=True) * 1.0
    with contextlib.suppress(TypeError, RuntimeError):
        reduce(t, Key())


def test_sorter_out_of_range():
    line, x = cgrad.arange(5.0), cgrad.ones(3)
    for wrong in (5, -1, 1 << 62):
        with pytest.raises(RuntimeError, match="sorter"):
            cgrad.searchsorted(line, x, sorter=cgrad.tensor([0, 1, 2, 3, wrong]))


# --- arguments that take the tensors' memory away while they are converted ------------------------

def replace_by_more(t):
    t.data = cgrad.ones(2, 2, dtype=t.dtype)


def replace_by_nothing(t):
    t.data = cgrad.zeros(0, 3, 0, dtype=t.dtype)


def change_and_replace(t):
    if t.dtype.is_floating_point:
        t.mul_(cgrad.ones((), dtype=t.dtype, requires_grad=True))
    t.data = cgrad.zeros(0, dtype=t.dtype)


class Treacherous:
    """A number that, asked for its value, changes the tensors of the same call."""

    def __init__(self, value, tensors, attack):
        self.value, self.tensors, self.attack = value, tensors, attack

    def strike(self):
        for t in self.tensors:
            self.attack(t)
        self.rows = [cgrad.full((3,), 1.5) for _ in range(20)]
        self.rows += [cgrad.zeros(2, 1, 1, 1, 1, 1, 0) for _ in range(20)]
        return self.value

    def __index__(self):
        return int(self.strike())

    __int__ = __index__

    def __float__(self):
        return float(self.strike())

    def __bool__(self):
        return bool(self.strike())


def treacherous(x, tensors, attack):
    if type(x) in (int, float, bool):
        return Treacherous(x, tensors, attack)
    if isinstance(x, (list, tuple)):
        return type(x)(treacherous(v, tensors, attack) for v in x)
    if isinstance(x, slice):
        return slice(*(treacherous(v, tensors, attack) for v in (x.start, x.stop, x.step)))
    return x


def tensors_in(x):
    if isinstance(x, cgrad.Tensor):
        yield x
    elif isinstance(x, (list, tuple)):
        for v in x:
            yield from tensors_in(v)


@pytest.mark.parametrize("attack", [replace_by_more, replace_by_nothing, change_and_replace])
@pytest.mark.parametrize("case", CASES, ids=repr)
def test_arguments_that_change_the_tensors(case, attack):
    dtype = "float32" if "float32" in case.dtypes else case.dtypes[0]
    for sample, arrays in draw_all(case, dtype):
        args, kwargs = arguments(cgrad, sample, arrays)
        tensors = [t for a in (*args, *kwargs.values()) for t in tensors_in(a)]
        args = [treacherous(a, tensors, attack) for a in args]
        kwargs = {k: treacherous(v, tensors, attack) for k, v in kwargs.items()}
        with contextlib.suppress(Exception), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            str(case.function(cgrad)(*args, **kwargs))
