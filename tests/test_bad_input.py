"""Mistakes: each raises the class PyTorch (or Python) raises, names the operation and the shapes,
and leaves the process and the operands as they were.

A row is: the call, the exception, and what the message must contain. A word is matched without
regard to case; a tuple is a shape, however it is written (``[2, 3]``, ``(2, 3)``, ``2x3``).
"""

import gc
import inspect
import re

import numpy as np
import pytest

import cgrad
from cgrad.nn import functional as F

INT = cgrad.int64
BIG = 2**62


def ones(*shape, dtype=cgrad.float32):
    return cgrad.ones(shape, dtype=dtype)


def nested(depth):
    """Lists in lists; 0: a list in itself."""
    inner = outer = []
    for _ in range(depth):
        outer = [outer]
    if not depth:
        inner.append(inner)
    return outer


def longs(*values):
    return cgrad.tensor(values, dtype=INT)


def check(call, error, *needles):
    with pytest.raises(error) as caught:
        call()
    message = str(caught.value)
    for needle in needles:
        if isinstance(needle, tuple):
            pattern = r"\s*[,x]\s*".join(map(str, needle))
        else:
            pattern = re.escape(str(needle))
        assert re.search(pattern, message, re.IGNORECASE), f"{needle!r} not in {message!r}"


def rows(*table):
    return pytest.mark.parametrize("row", table, ids=[f"{i}-{r[2]}" for i, r in enumerate(table)])


# --- Shapes ----------------------------------------------------------------------------------


@rows(
    (lambda: ones(2, 3) + ones(4), RuntimeError, "add", (2, 3), (4,)),
    (lambda: ones(2, 3) * ones(3, 2), RuntimeError, "mul", (2, 3), (3, 2)),
    (lambda: ones(2, 3) < ones(4), RuntimeError, "lt", (2, 3), (4,)),
    (lambda: cgrad.maximum(ones(2), ones(3)), RuntimeError, "maximum", (2,), (3,)),
    (lambda: ones(2, 3) @ ones(2, 3), RuntimeError, "matmul", (2, 3)),
    (lambda: cgrad.mm(ones(2, 3), ones(2, 3)), RuntimeError, "mm", (2, 3)),
    (lambda: ones(2).mm(ones(2)), RuntimeError, "mm", (2,)),
    (lambda: cgrad.bmm(ones(2, 3), ones(2, 3)), RuntimeError, "bmm", (2, 3)),
    (lambda: cgrad.bmm(ones(2, 3, 4), ones(2, 3, 4)), RuntimeError, "bmm", (2, 3, 4)),
    (lambda: cgrad.mv(ones(2, 3), ones(2)), RuntimeError, "mv", (2, 3)),
    (lambda: cgrad.dot(ones(2), ones(3)), RuntimeError, "dot", (2,), (3,)),
    (lambda: ones(3) @ cgrad.tensor(1.0), RuntimeError, "matmul"),
    (lambda: cgrad.matmul(ones(2, 3, 4), ones(3, 4, 5)), RuntimeError, "matmul", (2, 3, 4)),
    (lambda: F.linear(ones(2, 3), ones(4, 2)), RuntimeError, "linear", (2, 3), (4, 2)),
    (lambda: F.binary_cross_entropy_with_logits(ones(2, 3), ones(4)), ValueError, (2, 3), (4,)),
    (lambda: ones(6).view(4), RuntimeError, "view", "6", "4"),
    (lambda: ones(6).view(-1, -1), RuntimeError, "only one dimension can be inferred"),
    (lambda: ones(6).reshape(5, -1), RuntimeError, "reshape", (5, -1), "6"),
    (lambda: ones(0).view(-1, 0), RuntimeError, "view", (-1, 0)),
    (lambda: ones(2, 3).t().view(6), RuntimeError, "view", "reshape"),
    (lambda: ones(2, 3, 4).t(), RuntimeError, "t", "3"),
    (lambda: ones(2, 3).permute(0, 0), RuntimeError, "permute"),
    (lambda: ones(2, 3).permute(0), RuntimeError, "permute"),
    (lambda: ones(2, 3).expand(4, 3), RuntimeError, "expand", (4, 3), (2, 3)),
    (lambda: ones(2, 3).expand(3), RuntimeError, "expand", "(2)"),
    (lambda: ones(2, 3).flatten(1, 0), RuntimeError, "flatten"),
    (lambda: cgrad.cat([ones(2), ones(2, 2)]), RuntimeError, "cat", "dimensions"),
    (lambda: cgrad.cat([ones(2, 3), ones(2, 2)]), RuntimeError, "cat", "3", "2"),
    (lambda: cgrad.cat([]), (ValueError, RuntimeError), "cat", "non-empty"),
    (lambda: cgrad.cat([cgrad.tensor(1.0)] * 2), RuntimeError, "cat", "zero-dim"),
    (lambda: cgrad.stack([ones(2), ones(3)]), RuntimeError, "stack", "2", "3"),
    (lambda: cgrad.stack([]), RuntimeError, "stack", "non-empty"),
    (lambda: ones(5).split(0), RuntimeError, "split"),
    (lambda: ones(5).split([2, 2]), RuntimeError, "split", "5"),
    (lambda: ones(5).chunk(0), RuntimeError, "chunk"),
    (lambda: ones(2).copy_(ones(3)), RuntimeError, "copy", (2,), (3,)),
    (lambda: ones(2).fill_(ones(2)), RuntimeError, "fill", "0-d"),
    (lambda: ones(2).tril(), RuntimeError, "tril", "2"),
    (lambda: ones(0).max(), RuntimeError, "max", "dim"),
    (lambda: ones(0).argmax(), IndexError, "argmax", "dim"),
    (lambda: ones(0, 3).max(0), IndexError, "max", "non-zero"),
    (lambda: cgrad.zeros(-1), RuntimeError, "zeros", "negative"),
    (lambda: cgrad.zeros(2, -3), RuntimeError, "zeros", "negative"),
    (lambda: cgrad.tensor([[1, 2], [3]]), ValueError, "length 2", "1"),
    (lambda: cgrad.tensor(nested(0)), ValueError, "tensor", "too many dimensions"),
    (lambda: cgrad.tensor(nested(10**5)), ValueError, "tensor", "too many dimensions"),
    (lambda: F.cross_entropy(ones(2, 3), longs(0)), ValueError, "batch", "2", "1"),
)
def test_shape(row):
    check(*row)


# --- Axes and indices ------------------------------------------------------------------------

AXIS = "out of range"


@rows(
    (lambda: ones(2, 3).sum(2), IndexError, "sum", AXIS, "2"),
    (lambda: ones(2, 3).sum(-3), IndexError, "sum", AXIS, "-3"),
    (lambda: ones(2, 3).mean(5), IndexError, "mean", AXIS, "5"),
    (lambda: ones(2, 3).max(7), IndexError, "max", AXIS, "7"),
    (lambda: ones(2, 3).argmin(7), IndexError, "argmin", AXIS, "7"),
    (lambda: ones(2, 3).cumsum(3), IndexError, "cumsum", AXIS, "3"),
    (lambda: ones(2, 3).softmax(2), IndexError, "softmax", AXIS, "2"),
    (lambda: ones(2, 3).transpose(0, 2), IndexError, "transpose", AXIS, "2"),
    (lambda: ones(2, 3).permute(0, 2), IndexError, "permute", AXIS, "2"),
    (lambda: ones(2, 3).unsqueeze(4), IndexError, "unsqueeze", AXIS, "4"),
    (lambda: ones(2, 3).squeeze(2), IndexError, "squeeze", AXIS, "2"),
    (lambda: ones(2).flatten(1), IndexError, "flatten", AXIS, "1"),
    (lambda: ones(2).movedim(0, 3), IndexError, "movedim", AXIS, "3"),
    (lambda: ones(5).unbind(1), IndexError, "unbind", AXIS, "1"),
    (lambda: cgrad.cat([ones(2), ones(2)], 1), IndexError, "cat", AXIS, "1"),
    (lambda: cgrad.stack([ones(2), ones(2)], 5), IndexError, "stack", AXIS, "5"),
    (lambda: ones(2, 3).sum((0, 0)), RuntimeError, "sum", "multiple times"),
    (lambda: ones(2, 3).size(4), IndexError, AXIS),
)
def test_axis(row):
    check(*row)


@rows(
    (lambda: ones(2, 3)[2], IndexError, "index 2", "dimension 0", "size 2"),
    (lambda: ones(2, 3)[-3], IndexError, "index -3", "dimension 0", "size 2"),
    (lambda: ones(2, 3)[0, 3], IndexError, "index 3", "dimension 1", "size 3"),
    (lambda: ones(2, 3)[0, 0, 0], IndexError, "too many indices", "2"),
    (lambda: cgrad.tensor(1.0)[0], IndexError, "0-dim"),
    (lambda: ones(2, 3)[[0, 2]], IndexError, "index 2", "dimension 0", "size 2"),
    (lambda: ones(2, 3)[:, [-4]], IndexError, "index -4", "dimension 1", "size 3"),
    (lambda: ones(2, 3)[[0, 1], [0, 1, 2]], IndexError, "broadcast", "2", "3"),
    (lambda: ones(2, 3)[cgrad.tensor([0.5])], IndexError, "long", "bool"),
    (lambda: ones(2, 3)[1.5], (IndexError, TypeError), "float"),
    (lambda: ones(2, 3)["a"], (IndexError, TypeError), "str"),
    (lambda: ones(2, 3)[::-1], ValueError, "step must be greater than zero"),
    (lambda: ones(2, 3)[::0], ValueError, "step"),
    (lambda: ones(2, 3)[0:"a"], TypeError, "slice"),
    (lambda: ones(2, 3)[cgrad.tensor([True] * 3)], IndexError, "mask", (3,), (2, 3)),
    (lambda: ones(2, 3).index_select(0, longs(5)), IndexError, "index_select", "5"),
    (lambda: ones(2, 3).index_select(0, ones(1)), RuntimeError, "index_select", "int64"),
    (lambda: ones(2, 3).gather(1, longs([5])), (RuntimeError, IndexError), "gather", "5"),
    (lambda: ones(2, 3).gather(0, longs(0)), RuntimeError, "gather", "dimensions"),
    (lambda: ones(2, 3).gather(0, ones(1, 1)), RuntimeError, "gather", "int64"),
    (lambda: F.embedding(longs(5), ones(3, 2)), IndexError, "embedding", "5", "3"),
    (lambda: F.embedding(longs(-1), ones(3, 2)), IndexError, "embedding", "-1"),
    (lambda: F.cross_entropy(ones(2, 3), longs(0, 3)), IndexError, "target 3", "out of bounds"),
    (lambda: F.nll_loss(ones(2, 3), longs(0, -1)), IndexError, "target -1", "out of bounds"),
    (lambda: F.one_hot(longs(3), 2), RuntimeError, "one_hot", "num_classes"),
    (lambda: F.one_hot(longs(-1)), RuntimeError, "one_hot", "non-negative"),
)
def test_index(row):
    check(*row)


@rows(
    (lambda t: t.__setitem__(2, 1.0), IndexError, "index 2", "size 2"),
    (lambda t: t.__setitem__((0, 3), 1.0), IndexError, "index 3", "size 3"),
    (lambda t: t.__setitem__(0, ones(4)), RuntimeError, "4", "3"),
    (lambda t: t.__setitem__([0, 5], 1.0), IndexError, "index 5", "size 2"),
    (lambda t: t.__setitem__(cgrad.tensor([True] * 3), 1.0), IndexError, "mask", (3,)),
    (lambda t: t.__setitem__(t > 0, ones(4)), (RuntimeError, IndexError), "4", "6"),
    (lambda t: t.__setitem__(0, "a"), TypeError, "str"),
    (lambda t: t.__setitem__(0, None), TypeError, "None"),
)
def test_assignment_leaves_the_target_alone(row):
    change, *expected = row
    t = ones(2, 3)
    check(lambda: change(t), *expected)
    assert t.tolist() == [[1.0] * 3] * 2


def test_deleting_an_element():
    with pytest.raises(TypeError):
        del ones(2)[0]


# --- Dtypes ----------------------------------------------------------------------------------


@rows(
    (lambda: ones(2, dtype=cgrad.bool) - ones(2, dtype=cgrad.bool), RuntimeError, "bool", "^"),
    (lambda: -ones(2, dtype=cgrad.bool), RuntimeError, "bool", "~"),
    (lambda: ~ones(2), TypeError, "~", "float32"),
    (lambda: F.layer_norm(ones(2).int(), (2,)), NotImplementedError, "int32"),
    (lambda: ones(2) & ones(2), NotImplementedError, "and", "float"),
    (lambda: cgrad.gcd(ones(2), ones(2)), NotImplementedError, "gcd", "float32"),
    (lambda: ones(2, 2, dtype=cgrad.bool) @ ones(2, 2, dtype=cgrad.bool), NotImplementedError,
     "matmul", "bool"),
    (lambda: ones(2, dtype=INT) // 0, (RuntimeError, ZeroDivisionError), "zero"),
    (lambda: ones(2, dtype=INT) % 0, (RuntimeError, ZeroDivisionError), "zero"),
    (lambda: longs(1, 2).floor_divide_(longs(1, 0)), RuntimeError, "floor_divide", "zero"),
    (lambda: longs(1, 2).remainder_(0), RuntimeError, "remainder", "zero"),
    (lambda: longs(1, 2).fmod_(longs(0)), RuntimeError, "fmod", "zero"),
    (lambda: ones(2, dtype=INT) ** -1, RuntimeError, "negative integer powers"),
    (lambda: ones(2, dtype=cgrad.uint8) ** -1, RuntimeError, "pow", "negative integer powers"),
    (lambda: ones(2, dtype=INT).mean(), RuntimeError, "mean", "floating"),
    (lambda: ones(2, dtype=INT).var(), RuntimeError, "var", "floating"),
    (lambda: F.softmax(ones(2, dtype=INT), 0), (RuntimeError, NotImplementedError), "softmax"),
    (lambda: ones(2, dtype=INT).sqrt_(), RuntimeError, "sqrt", "int64"),
    (lambda: ones(2, dtype=INT).add_(1.5), RuntimeError, "can't be cast"),
    (lambda: ones(2, 3) @ ones(3, 4, dtype=cgrad.float64), RuntimeError, "dtype"),
    (lambda: cgrad.where(ones(2), ones(2), ones(2)), RuntimeError, "where", "bool"),
    (lambda: ones(2).masked_fill(ones(2), 1.0), RuntimeError, "masked_fill", "bool"),
    (lambda: F.cross_entropy(ones(2, 3), ones(2)), RuntimeError, "target", "float"),
    (lambda: F.embedding(ones(1), ones(3, 2)), RuntimeError, "embedding", "int"),
    (lambda: cgrad.rand(2, dtype=INT), (RuntimeError, NotImplementedError), "rand"),
    (lambda: cgrad.tensor(300, dtype=cgrad.uint8), (RuntimeError, OverflowError), "uint8"),
    (lambda: cgrad.tensor([1, 300], dtype=cgrad.int8), (RuntimeError, OverflowError), "int8"),
    (lambda: cgrad.tensor(2**63), (ValueError, RuntimeError, OverflowError), "overflow"),
)
def test_dtype(row):
    check(*row)


def test_nan_and_infinity_into_integers():
    nan, inf = float("nan"), float("inf")
    for value in (nan, inf, -inf):
        with pytest.raises((RuntimeError, ValueError, OverflowError)):
            cgrad.tensor(value, dtype=INT)
        with pytest.raises((RuntimeError, ValueError, OverflowError)):
            cgrad.full((2,), value, dtype=INT)
        with pytest.raises((RuntimeError, ValueError, OverflowError)):
            cgrad.zeros(2, dtype=INT).fill_(value)
    # A cast of stored values is C's: some integer, no exception; bool is defined.
    for dtype in (cgrad.int8, cgrad.int32, INT, cgrad.uint8):
        assert cgrad.tensor([nan, inf, -inf, 1e30]).to(dtype).dtype == dtype
    assert cgrad.tensor([nan, inf, 0.0]).bool().tolist() == [True, True, False]


@rows(
    (lambda: cgrad.zeros("a"), TypeError, "zeros", "str"),
    (lambda: cgrad.zeros(1.5), TypeError, "zeros", "float"),
    (lambda: cgrad.zeros(2, dtype="float99"), TypeError, "dtype", "float99"),
    (lambda: cgrad.zeros(2, foo=1), TypeError, "foo"),
    (lambda: ones(2).sum(foo=1), TypeError, "foo"),
    (lambda: ones(2).sum(dim="a"), TypeError, "str"),
    (lambda: ones(2).to(cgrad.float32, foo=1), TypeError, "foo"),
    (lambda: cgrad.add(ones(2)), TypeError, "other"),
    (lambda: ones(2).add("a"), TypeError, "add", "str"),
    (lambda: cgrad.Tensor.__format__(cgrad.tensor(True), 256), TypeError, "str"),
    (lambda: ones(2).add(None), TypeError, "add", "None"),
    (lambda: cgrad.exp(1.0), TypeError, "exp", "Tensor", "float"),
    (lambda: cgrad.exp([1.0]), TypeError, "exp", "Tensor", "list"),
    (lambda: cgrad.exp(ones(2), ones(2)), TypeError, "exp"),
    (lambda: ones(2).exp(1), TypeError, "exp"),
    (lambda: cgrad.cat(ones(2)), TypeError, "cat", "Tensor"),
    (lambda: cgrad.cat([1, 2]), TypeError, "cat", "int"),
    (lambda: cgrad.where(cgrad.tensor([True]), 1, "a"), TypeError, "where", "str"),
    (lambda: cgrad.full((2,), "a"), TypeError, "full", "str"),
    (lambda: ones(2).copy_([1, 2]), TypeError, "copy_", "list"),
    (lambda: ones(2).clamp("a"), TypeError, "clamp", "str"),
    (lambda: ones(2).clamp(), RuntimeError, "clamp", "min", "max"),
    (lambda: ones(2).requires_grad_("a"), TypeError, "requires_grad", "str"),
    (lambda: cgrad.tensor(), TypeError, "tensor"),
    (lambda: cgrad.tensor("text"), TypeError, "str"),
    (lambda: cgrad.tensor([1.0, "a"]), TypeError, "str"),
    (lambda: cgrad.tensor(None), (TypeError, RuntimeError), "None"),
    (lambda: cgrad.tensor({}), (TypeError, RuntimeError), "dict"),
    (lambda: cgrad.set_num_threads(0), RuntimeError, "positive"),
    (lambda: cgrad.manual_seed("a"), (TypeError, ValueError), "a"),
)
def test_kinds_of_arguments(row):
    check(*row)


def tensor_arguments():
    """Name, function, number of required arguments, and the place of one that must be a tensor."""
    for name in dir(cgrad):
        function = getattr(cgrad, name)
        if name[0] == "_" or not inspect.isroutine(function):
            continue
        try:
            parameters = inspect.signature(function).parameters.values()
        except ValueError:
            continue
        needed = [p for p in parameters if p.default is p.empty and p.kind < p.VAR_POSITIONAL]
        for i, parameter in enumerate(needed):
            if parameter.name in TENSORS or str(parameter.annotation) == "Tensor":
                yield name, function, len(needed), i


TENSORS = ("input", "other", "self", "mat1", "mat2", "index", "mask", "target", "weight")


def test_what_is_no_tensor_where_one_is_needed():
    found = list(tensor_arguments())
    assert len(found) > 400
    for name, function, needed, place in found:
        for wrong in (5, "text", None, [1.0]):
            arguments = [ones(3, 3) for _ in range(needed)]
            arguments[place] = wrong
            try:
                function(*arguments)
            except AttributeError as error:
                raise AssertionError(f"{name}, argument {place}: {wrong!r}") from error
            except (TypeError, RuntimeError, ValueError, IndexError, NotImplementedError):
                pass


@rows(
    (lambda: cgrad.arange(0, 5, 0), RuntimeError, "step"),
    (lambda: cgrad.arange(0, 5, -1), RuntimeError, "arange", "step"),
    (lambda: cgrad.arange(0, float("inf")), RuntimeError, "arange", "inf"),
    (lambda: cgrad.arange(float("nan")), RuntimeError, "arange", "nan"),
    (lambda: cgrad.linspace(0, 1, -1), RuntimeError, "linspace", "steps"),
    (lambda: cgrad.eye(-1), RuntimeError, "eye", "-1"),
    (lambda: cgrad.randint(5, 5, (2,)), RuntimeError, "randint", "5"),
    (lambda: cgrad.randperm(-1), RuntimeError, "randperm", "-1"),
    (lambda: F.dropout(ones(2), p=2.0), ValueError, "dropout", "2.0"),
    (
        lambda: F.cross_entropy(ones(2, 3), longs(0, 1), reduction="avg"),
        ValueError,
        "reduction",
        "avg",
    ),
)
def test_values_of_arguments(row):
    check(*row)


# --- Devices ---------------------------------------------------------------------------------


@rows(
    (lambda: cgrad.zeros(2, device="cuda"), RuntimeError, "cuda", "cpu"),
    (lambda: cgrad.zeros(2, device="cuda:0"), RuntimeError, "cuda", "cpu"),
    (lambda: cgrad.tensor([1.0], device="mps"), RuntimeError, "mps", "cpu"),
    (lambda: ones(2).to("cuda"), RuntimeError, "cuda", "cpu"),
    (lambda: ones(2).to(device="gpu"), RuntimeError, "gpu", "cpu"),
    (lambda: ones(2).to("bogus"), RuntimeError, "bogus", "cpu"),
    (lambda: ones(2).cuda(), RuntimeError, "cuda", "cpu"),
)
def test_device(row):
    check(*row)


def test_the_one_device_there_is():
    t = ones(2)
    assert t.to("cpu") is t and t.cpu() is t
    assert cgrad.zeros(2, device="cpu").tolist() == [0.0, 0.0]


# --- Sizes -----------------------------------------------------------------------------------


@rows(
    (lambda: cgrad.zeros(BIG, 4), RuntimeError, "overflow", BIG),
    (lambda: cgrad.empty(BIG, BIG), RuntimeError, "overflow", BIG),
    (lambda: cgrad.ones(2**31, 2**31, 4), RuntimeError, "overflow"),
    (lambda: cgrad.zeros(2**61, dtype=cgrad.float64), RuntimeError, "overflow"),
    (lambda: cgrad.zeros(2**64), (TypeError, RuntimeError, OverflowError), "zeros"),
    (lambda: cgrad.rand(BIG, BIG), RuntimeError, "overflow"),
    (lambda: cgrad.eye(2**40), RuntimeError, "overflow"),
    (lambda: cgrad.zeros(1).expand(BIG, 4), RuntimeError, "overflow"),
    (lambda: cgrad.zeros(10).view(BIG, BIG), RuntimeError, "view", "10"),
    (lambda: cgrad.zeros(10).reshape(BIG, -1), RuntimeError, "reshape", "10"),
    (lambda: cgrad.arange(BIG), (RuntimeError, MemoryError), "arange"),
)
def test_sizes_that_overflow(row):
    check(*row)


@pytest.mark.parametrize(
    "call",
    [
        lambda: cgrad.zeros(2**48),
        lambda: cgrad.empty(2**24, 2**24),
        lambda: cgrad.zeros(1).expand(2**48).clone(),
        lambda: cgrad.zeros(1).expand(2**48) + 1.0,
        lambda: cgrad.zeros(1, requires_grad=True).expand(2**48).exp(),
        lambda: cgrad.zeros(1).expand(2**48).contiguous(),
        lambda: cgrad.zeros(2**24, 1) * cgrad.zeros(2**24),
        lambda: cgrad.zeros(2**24, 1) @ cgrad.zeros(1, 2**24),
    ],
)
def test_allocation_failure_names_the_bytes(call):
    with pytest.raises((RuntimeError, MemoryError), match=rf"(?i){2**50}\s*bytes"):
        call()
    assert (ones(2) + 1).tolist() == [2.0, 2.0]


def test_allocation_failure_inside_backward():
    x = cgrad.zeros(1, requires_grad=True)
    y = x.expand(2**48)
    with pytest.raises((RuntimeError, MemoryError), match="(?i)bytes"):
        cgrad.autograd.grad((y[:1] * 2).sum(), y)
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3.0]


def test_huge_shapes_without_elements_are_fine():
    t = cgrad.zeros(BIG, 0)
    assert t.numel() == 0 and t.shape == (BIG, 0)


@rows(
    (lambda: cgrad.zeros([1] * 9), RuntimeError, "zeros", "8"),
    (lambda: ones(2).reshape([1] * 8 + [2]), RuntimeError, "reshape", "8"),
    (lambda: ones(*[1] * 8).unsqueeze(0), RuntimeError, "unsqueeze", "8"),
    (lambda: ones(*[1] * 8)[None], (RuntimeError, IndexError), "8"),
    (lambda: ones(2).expand([1] * 8 + [2]), RuntimeError, "expand", "8"),
    (lambda: cgrad.stack([ones(*[1] * 8)]), RuntimeError, "8"),
    (lambda: cgrad.from_numpy(np.zeros([1] * 9)), (RuntimeError, ValueError), "8"),
    (lambda: cgrad.tensor(np.zeros([1] * 12)), (RuntimeError, ValueError), "8"),
)
def test_more_than_eight_dimensions(row):
    check(*row)


def test_eight_dimensions_work():
    t = cgrad.arange(256.0).reshape([2] * 8)
    x = t.clone().requires_grad_()
    (x.permute(7, 6, 5, 4, 3, 2, 1, 0) * t).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), t.numpy().T)


# --- out= ------------------------------------------------------------------------------------


@rows(
    (lambda: cgrad.zeros(2, 3, out=ones(5)), RuntimeError, "zeros", (5,), (2, 3)),
    (lambda: cgrad.full((2,), 1, out=ones(3)), RuntimeError, "full", (3,), (2,)),
    (lambda: cgrad.empty(2, out=ones(3)), RuntimeError, "empty", (3,), (2,)),
    (lambda: cgrad.arange(3, out=ones(1, 3)), RuntimeError, "arange", (1, 3), (3,)),
    (lambda: cgrad.ones(2, dtype=INT, out=ones(2)), RuntimeError, "ones", "int64", "float32"),
    (lambda: cgrad.linspace(0, 1, 2, dtype=cgrad.float64, out=ones(2)), RuntimeError, "linspace",
     "float64", "float32"),
    (lambda: cgrad.arange(0, 4, 0.5, out=longs(1)), ValueError, "arange", "step"),
    (lambda: cgrad.mm(ones(2, 2), ones(2, 2), out=cgrad.ones(2, 2, dtype=cgrad.float64)),
     RuntimeError, "mm", "float32", "float64"),
    (lambda: cgrad.sort(longs(2, 1), out=(ones(2), longs(0, 0))), RuntimeError, "sort", "int64"),
    (lambda: cgrad.sort(ones(2), out=ones(2)), TypeError, "sort", "2 Tensors"),
    (lambda: cgrad.linalg.inv_ex(ones(2, 2), out=ones(2, 2)), TypeError, "inv_ex", "2 Tensors"),
)
def test_out(row):
    check(*row)


def test_out_is_given_back_in_the_type_of_the_result():
    out = ones(2), longs(0, 0)
    found = cgrad.sort(cgrad.tensor([2.0, 1.0]), out=out)
    assert found.values is out[0] and found.indices is out[1] and out[0].tolist() == [1.0, 2.0]
    wide = cgrad.zeros(2, dtype=cgrad.float64)
    assert cgrad.add(ones(2), 1, out=wide) is wide and wide.tolist() == [2.0, 2.0]
    assert cgrad.arange(0, 2, out=wide) is wide and wide.tolist() == [0.0, 1.0]


# --- The graph stays sound -------------------------------------------------------------------


def test_a_failed_operation_records_nothing():
    gc.collect()     # what earlier tests left in cycles must not go while this one counts
    x = cgrad.ones((2, 3), requires_grad=True)
    before = cgrad._engine.rows.live_rows()
    for call in (
        lambda: x + cgrad.ones(4),
        lambda: x @ x,
        lambda: x.view(4),
        lambda: x[5],
        lambda: cgrad.cat([x, cgrad.ones(3)]),
        lambda: x.sum(9),
        lambda: F.linear(x, cgrad.ones(2, 2)),
    ):
        with pytest.raises((RuntimeError, IndexError)):
            call()
    assert cgrad._engine.rows.live_rows() == before
    (x * 2).sum().backward()
    assert x.grad.tolist() == [[2.0] * 3] * 2
