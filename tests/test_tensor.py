"""The Tensor as a Python object: attributes, operators, conversion, iteration, copies, identity.

Printing is in test_printing.py, exchange with NumPy and others in test_interop.py.
"""

import copy
import gc
import io
import operator
import pickle
import weakref

import numpy as np
import pytest

import cgrad


def values(t):
    return t.tolist()


# --- Attributes ------------------------------------------------------------------------------


def test_attributes():
    t = cgrad.zeros(2, 3, dtype=cgrad.float64)
    assert t.shape == (2, 3) and isinstance(t.shape, tuple)
    assert tuple(t.size()) == (2, 3) and t.size(1) == t.size(-1) == 3
    assert t.ndim == t.dim() == 2
    assert t.numel() == t.nelement() == 6
    assert t.dtype == cgrad.float64
    assert t.element_size() == t.itemsize == 8 and t.nbytes == 48
    assert t.stride() == (3, 1) and t.stride(0) == 3
    assert t.storage_offset() == 0 and t[1].storage_offset() == 3
    assert t.is_contiguous() and not t.t().is_contiguous()
    assert str(t.device) == "cpu"
    assert t.is_floating_point() and not cgrad.zeros(1, dtype=cgrad.int64).is_floating_point()
    assert isinstance(t, cgrad.Tensor) and cgrad.is_tensor(t) and not cgrad.is_tensor(1.0)


def test_attributes_of_a_scalar():
    t = cgrad.tensor(1.5)
    assert t.shape == () and t.ndim == 0 and t.numel() == 1 and t.stride() == ()


def test_shape_prints_and_compares_like_a_tuple():
    shape = cgrad.zeros(2, 3).shape
    assert shape == (2, 3) and shape[0] == 2 and list(shape) == [2, 3]
    assert shape.numel() == 6
    assert cgrad.zeros(shape).shape == shape


def test_transposes():
    t = cgrad.arange(6).reshape(2, 3)
    assert values(t.T) == values(t.t()) == values(t.mT) == [[0, 3], [1, 4], [2, 5]]
    assert t.T.data_ptr() == t.data_ptr()
    batch = cgrad.arange(12).reshape(2, 2, 3)
    assert batch.mT.shape == (2, 3, 2)
    with pytest.raises(RuntimeError):
        _ = cgrad.zeros(3).mT


def test_data_shares_memory_and_is_detached():
    x = cgrad.tensor([1.0, 2.0], requires_grad=True)
    d = x.data
    assert not d.requires_grad and d.data_ptr() == x.data_ptr()
    d[0] = 5.0
    assert values(x) == [5.0, 2.0] and x.requires_grad
    x.data = cgrad.tensor([7.0, 8.0, 9.0])
    assert values(x) == [7.0, 8.0, 9.0] and x.requires_grad and x.is_leaf


@pytest.mark.parametrize("name", ["shape", "dtype", "grad_fn", "is_leaf", "ndim"])
def test_read_only_attributes(name):
    with pytest.raises(AttributeError):
        setattr(cgrad.zeros(2), name, None)


def test_own_attributes():
    t = cgrad.zeros(2)
    t.label = "weights"
    assert t.label == "weights" and t.__dict__ == {"label": "weights"}
    del t.label
    with pytest.raises(AttributeError, match="label"):
        _ = t.label


# --- Operators -------------------------------------------------------------------------------

BINARY = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.pow,
]
COMPARE = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]


@pytest.mark.parametrize("op", BINARY + COMPARE, ids=lambda op: op.__name__)
def test_operators_agree_with_numpy(op):
    a, b = np.array([1.0, 2.5, -3.0]), np.array([2.0, 2.5, 4.0])
    s, t = cgrad.from_numpy(a), cgrad.from_numpy(b)
    np.testing.assert_allclose(op(s, t).numpy(), op(a, b))
    np.testing.assert_allclose(op(t, 2).numpy(), op(b, 2))
    np.testing.assert_allclose(op(t, 1.5).numpy(), op(b, 1.5))
    np.testing.assert_allclose(op(2, t).numpy(), op(2, b))
    np.testing.assert_allclose(op(1.5, t).numpy(), op(1.5, b))


@pytest.mark.parametrize("op", BINARY, ids=lambda op: op.__name__)
def test_reflected_operators_are_differentiable(op):
    x = cgrad.tensor([1.5, 2.5], dtype=cgrad.float64, requires_grad=True)
    for result in (op(x, 2.0), op(2.0, x)):
        assert result.requires_grad
    if op in (operator.floordiv, operator.mod):
        return
    (g,) = cgrad.autograd.grad(op(2.0, x).sum(), x)
    h = 1e-6
    numeric = [(op(2.0, v + h) - op(2.0, v - h)) / (2 * h) for v in (1.5, 2.5)]
    np.testing.assert_allclose(values(g), numeric, rtol=1e-6)


def test_unary_operators():
    t = cgrad.tensor([1.0, -2.0])
    assert values(-t) == [-1.0, 2.0]
    assert values(+t) == [1.0, -2.0]
    assert values(abs(t)) == [1.0, 2.0]
    assert values(~cgrad.tensor([True, False])) == [False, True]
    assert values(~cgrad.tensor([0, 5])) == [-1, -6]


def test_bitwise_operators():
    a, b = cgrad.tensor([True, True, False]), cgrad.tensor([True, False, False])
    assert values(a & b) == [True, False, False]
    assert values(a | b) == [True, True, False]
    assert values(a ^ b) == [False, True, False]
    assert values(cgrad.tensor([6]) & 3) == [2] and values(3 | cgrad.tensor([4])) == [7]


def test_matmul_operator():
    a = cgrad.arange(6.0).reshape(2, 3)
    assert values(a @ cgrad.ones(3)) == [3.0, 12.0]
    with pytest.raises((TypeError, RuntimeError)):
        _ = a @ 2.0


def test_comparison_gives_bool_tensors():
    t = cgrad.tensor([1.0, 2.0])
    for result in (t == t, t != 1, t > 1.5, t >= cgrad.ones(2)):
        assert result.dtype == cgrad.bool
    assert (t == None) is False or not cgrad.is_tensor(t == None)  # noqa: E711
    assert t != "text"


@pytest.mark.parametrize("op", [*BINARY, *COMPARE[2:]], ids=lambda op: op.__name__)
@pytest.mark.parametrize("other", ["text", None, {}, object()])
def test_operators_with_strangers(op, other):
    with pytest.raises(TypeError):
        op(cgrad.ones(2), other)


def test_reflected_method_of_a_stranger_is_used():
    class Stranger:
        def __radd__(self, other):
            return "mine"

    assert cgrad.ones(2) + Stranger() == "mine"


def test_numpy_scalars_and_arrays_as_operands():
    t = cgrad.ones(2)
    assert (t * np.float32(2.0)).tolist() == [2.0, 2.0]
    assert isinstance(t * np.float64(2.0), cgrad.Tensor)
    assert isinstance(np.float64(2.0) * t, cgrad.Tensor)
    x = cgrad.ones(2, requires_grad=True)
    y = np.float64(3.0) * x
    assert isinstance(y, cgrad.Tensor) and y.requires_grad


def test_inplace_operators_keep_identity():
    t = cgrad.ones(2)
    same = t
    t += 1
    t *= 3
    t -= 1
    t /= 5
    t **= 2
    t //= 1
    t %= 2
    assert t is same and values(t) == [1.0, 1.0]


# --- Truth, numbers, iteration ---------------------------------------------------------------


def test_truth_value():
    assert cgrad.tensor(1.0) and cgrad.tensor([[2]]) and not cgrad.tensor(0)
    assert bool(cgrad.tensor(float("nan")))
    for size in (2, 5):
        with pytest.raises(RuntimeError, match="(?i)bool.*more than one value is ambiguous"):
            bool(cgrad.ones(size))
    with pytest.raises(RuntimeError, match="(?i)bool.*no values is ambiguous"):
        bool(cgrad.ones(0))


def test_truth_value_of_a_compared_pair_in_if():
    with pytest.raises(RuntimeError, match="ambiguous"):
        if cgrad.ones(2) == cgrad.ones(2):
            pass


def test_item():
    assert cgrad.tensor([[1.5]]).item() == 1.5
    assert type(cgrad.tensor(2).item()) is int
    assert type(cgrad.tensor(2.0).item()) is float
    assert cgrad.tensor(True).item() is True
    assert type(cgrad.tensor(3, dtype=cgrad.uint8).item()) is int
    for size in (0, 2):
        with pytest.raises(RuntimeError, match=rf"(?i){size} elements"):
            cgrad.ones(size).item()


def test_numbers():
    t = cgrad.tensor([2.75])
    assert int(t) == 2 and float(t) == 2.75
    assert complex(t) == 2.75 + 0j
    assert float(cgrad.tensor(True)) == 1.0
    assert operator.index(cgrad.tensor(3)) == 3
    assert list(range(5))[cgrad.tensor(2)] == 2
    with pytest.raises(TypeError):
        operator.index(cgrad.tensor(3.0))
    with pytest.raises((TypeError, RuntimeError, ValueError)):
        int(cgrad.ones(2))
    with pytest.raises((TypeError, RuntimeError, ValueError)):
        float(cgrad.ones(2))
    assert f"{cgrad.tensor(2.5):.3f}" == "2.500"


def test_int_of_what_has_no_integer():
    with pytest.raises((ValueError, OverflowError, RuntimeError)):
        int(cgrad.tensor(float("nan")))
    with pytest.raises((ValueError, OverflowError, RuntimeError)):
        int(cgrad.tensor(float("inf")))


def test_tolist():
    assert values(cgrad.tensor([[1, 2], [3, 4]])) == [[1, 2], [3, 4]]
    assert values(cgrad.tensor([[1, 2], [3, 4]]).t()) == [[1, 3], [2, 4]]
    assert values(cgrad.tensor(1.5)) == 1.5
    assert values(cgrad.zeros(2, 0)) == [[], []]
    assert values(cgrad.tensor([True])) == [True]
    assert values(cgrad.ones(1, requires_grad=True)) == [1.0]


def test_length_and_iteration():
    t = cgrad.arange(6).reshape(3, 2)
    assert len(t) == 3
    assert [values(row) for row in t] == [[0, 1], [2, 3], [4, 5]]
    first, second, _third = t
    assert values(first) == [0, 1] and values(second) == [2, 3]
    assert [values(row) for row in reversed(list(t))] == [[4, 5], [2, 3], [0, 1]]
    assert list(cgrad.zeros(0, 3)) == []
    with pytest.raises(TypeError, match="0-d"):
        len(cgrad.tensor(1.0))
    with pytest.raises(TypeError, match="0-d"):
        iter(cgrad.tensor(1.0))


def test_iteration_is_differentiable():
    x = cgrad.tensor([1.0, 2.0, 3.0], requires_grad=True)
    total = sum(v * i for i, v in enumerate(x))
    total.backward()
    assert values(x.grad) == [0.0, 1.0, 2.0]


def test_membership():
    t = cgrad.tensor([1.0, 2.0])
    assert 2.0 in t and 3.0 not in t
    assert cgrad.tensor(1.0) in t


# --- Identity and life -----------------------------------------------------------------------


def test_hash_is_identity():
    a, b = cgrad.ones(2), cgrad.ones(2)
    table = {a: "a", b: "b"}
    assert table[a] == "a" and table[b] == "b" and len({a, b, a}) == 2
    assert hash(a) != hash(b)
    a.add_(1)
    assert table[a] == "a"


def test_weak_references():
    t = cgrad.ones(2)
    ref = weakref.ref(t)
    assert ref() is t
    del t
    gc.collect()
    assert ref() is None


def test_subclass():
    class Named(cgrad.Tensor):
        def total(self):
            return self.sum().item()

    t = cgrad.ones(3).as_subclass(Named)
    assert type(t) is Named and isinstance(t, cgrad.Tensor) and t.total() == 3.0
    assert repr(t).startswith("Named([1., 1., 1.]")
    assert (t * 2).tolist() == [2.0, 2.0, 2.0]


def test_cyclic_references_are_collected():
    t = cgrad.ones(2)
    t.me = t
    ref = weakref.ref(t)
    del t
    gc.collect()
    assert ref() is None


# --- Copies ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda: cgrad.tensor([[1.0, 2.0], [3.0, 4.0]]),
        lambda: cgrad.tensor(5, dtype=cgrad.int16),
        lambda: cgrad.tensor([True, False]),
        lambda: cgrad.zeros(0, 3, dtype=cgrad.float64),
        lambda: cgrad.arange(6).reshape(2, 3).t(),
        lambda: cgrad.arange(10)[2:8:3],
        lambda: cgrad.tensor([1.0], requires_grad=True),
        lambda: cgrad.ones(1).expand(4),
    ],
)
@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_pickle(make, protocol):
    t = make()
    back = pickle.loads(pickle.dumps(t, protocol))
    assert type(back) is cgrad.Tensor
    assert back.tolist() == t.tolist() and back.dtype == t.dtype and back.shape == t.shape
    assert back.requires_grad == t.requires_grad


def test_pickle_of_a_small_view_is_small():
    view = cgrad.zeros(100_000)[:4]
    stream = io.BytesIO()
    pickle.dump(view, stream)
    assert stream.tell() < 2_000 or len(pickle.loads(stream.getvalue())) == 4


def test_deepcopy():
    x = cgrad.tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    y = copy.deepcopy(x)
    assert values(y) == values(x) and y.requires_grad and y.is_leaf
    assert y.data_ptr() != x.data_ptr()
    assert values(y.grad) == [2.0, 4.0] and y.grad.data_ptr() != x.grad.data_ptr()
    a, b = copy.deepcopy([x, x])
    assert a is b
    with pytest.raises(RuntimeError, match="(?i)deepcopy"):
        copy.deepcopy(x * 2)


def test_shallow_copy():
    x = cgrad.tensor([1.0, 2.0])
    y = copy.copy(x)
    assert values(y) == [1.0, 2.0] and y is not x
    assert y.data_ptr() == x.data_ptr()


# --- Construction ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1, "int64"),
        (1.0, "float32"),
        (True, "bool"),
        ([1, 2.0], "float32"),
        ([True, 2], "int64"),
        ([[1], [2]], "int64"),
        ([], "float32"),
        (np.float64(1.0), "float64"),
        (np.array([1.0]), "float64"),
        (np.array([1], np.int16), "int16"),
    ],
)
def test_dtype_of_new_tensors(data, dtype):
    assert cgrad.tensor(data).dtype == getattr(cgrad, dtype)


def test_tensor_copies_its_data():
    array = np.array([1.0, 2.0])
    t = cgrad.tensor(array)
    array[0] = 9.0
    assert values(t) == [1.0, 2.0]
    nested = cgrad.tensor([cgrad.tensor(1.0), cgrad.tensor(2.0)])
    assert values(nested) == [1.0, 2.0]


def test_casts():
    t = cgrad.tensor([1.7, -1.7])
    assert values(t.int()) == [1, -1] and t.int().dtype == cgrad.int32
    assert t.long().dtype == cgrad.int64 and t.double().dtype == cgrad.float64
    assert t.bool().tolist() == [True, True] and t.to(cgrad.uint8).dtype == cgrad.uint8
    assert t.float() is t and t.to(cgrad.float32) is t
    assert t.type_as(cgrad.ones(1, dtype=cgrad.float64)).dtype == cgrad.float64
    x = cgrad.ones(2, requires_grad=True)
    x.double().sum().backward()
    assert x.grad.dtype == cgrad.float32
