"""Facts about dtypes and tensors, typed constructors, and memory behind tensors."""
from __future__ import annotations

import numpy as np
import pytest

import cgrad


@pytest.mark.parametrize("name", ["float32", "float64"])
def test_finfo(name):
    found, expected = cgrad.finfo(getattr(cgrad, name)), np.finfo(name)
    assert (found.bits, found.dtype) == (expected.bits, name)
    for field in ("eps", "max", "min", "tiny", "smallest_normal", "resolution"):
        assert getattr(found, field) == float(getattr(expected, field))
    assert name in repr(found) and found == cgrad.finfo(getattr(cgrad, name))


@pytest.mark.parametrize("name", ["uint8", "int8", "int16", "int32", "int64"])
def test_iinfo(name):
    found, expected = cgrad.iinfo(getattr(cgrad, name)), np.iinfo(name)
    assert (found.bits, found.min, found.max) == (expected.bits, expected.min, expected.max)


def test_limits_of_the_wrong_kind_are_refused():
    assert cgrad.finfo().dtype == "float32"
    with pytest.raises(TypeError, match="finfo"):
        cgrad.finfo(cgrad.int8)
    for wrong in (cgrad.float32, cgrad.bool):
        with pytest.raises(TypeError, match="iinfo"):
            cgrad.iinfo(wrong)


def test_promotion():
    assert cgrad.promote_types(cgrad.uint8, cgrad.int8) is cgrad.int16
    assert cgrad.promote_types(cgrad.int64, cgrad.float32) is cgrad.float32
    x = cgrad.ones(2, dtype=cgrad.int16)
    assert cgrad.result_type(x, 1) is cgrad.int16
    assert cgrad.result_type(x, 1.5) is cgrad.float32
    assert cgrad.result_type(x, cgrad.tensor(1, dtype=cgrad.int64)) is cgrad.int16
    assert cgrad.result_type(1, True) is cgrad.int64
    assert cgrad.can_cast(cgrad.int64, cgrad.int8) and cgrad.can_cast(cgrad.int8, cgrad.float32)
    assert not cgrad.can_cast(cgrad.float32, cgrad.int64)
    assert not cgrad.can_cast(cgrad.int8, cgrad.bool)
    with pytest.raises(TypeError, match="result_type"):
        cgrad.result_type(x, "a")


def test_typed_constructors():
    for name, kind in (("FloatTensor", "float32"), ("LongTensor", "int64"), ("BoolTensor", "bool"),
                       ("ByteTensor", "uint8"), ("DoubleTensor", "float64")):
        make = getattr(cgrad, name)
        x = make([[1, 0]])
        assert x.tolist() == [[1, 0]] and x.dtype is getattr(cgrad, kind)
        assert make(2, 3).shape == (2, 3) and make().shape == (0,)
        assert isinstance(x, make) and not isinstance(x, cgrad.ShortTensor)
        assert cgrad.typename(x) == f"cgrad.{name}" and make(x.shape).shape == (1, 2)
        assert cgrad.tensor([[1, 0]]).type(make).equal(x)
    assert cgrad.typename(3) == "int"
    with pytest.raises(ValueError, match="invalid type: 'str'"):
        x.type(str)


def test_default_tensor_type():
    try:
        cgrad.set_default_tensor_type(cgrad.DoubleTensor)
        assert cgrad.ones(1).dtype is cgrad.float64
    finally:
        cgrad.set_default_tensor_type("cgrad.FloatTensor")
    with pytest.raises(TypeError, match="floating"):
        cgrad.set_default_tensor_type(cgrad.IntTensor)


def test_facts_about_tensors():
    x = cgrad.ones(2, 3)
    assert cgrad.get_device(x) == -1 and x.is_cpu and not x.is_quantized
    assert cgrad.is_same_size(x, x + 1) and not x.is_same_size(x.t())
    assert cgrad.is_nonzero(cgrad.tensor([2])) and not cgrad.is_nonzero(cgrad.tensor(0.0))
    with pytest.raises(RuntimeError, match="more than one"):
        x.is_nonzero()
    assert x.is_set_to(x.view(2, 3)) and not x.is_set_to(x.clone()) and not x.is_set_to(x.t())
    assert x.dim_order() == (0, 1) and x.t().dim_order() == (1, 0)
    assert x.layout is cgrad.strided and repr(cgrad.channels_last) == "cgrad.channels_last"
    assert x.pin_memory() is x and not x.is_pinned() and not x.is_shared() and x.to_dense() is x
    with pytest.raises(RuntimeError, match="share_memory_"):
        x.share_memory_()
    assert x.H.shape == (3, 2) and x.mH.shape == (3, 2)
    for wrong in (cgrad.ones(3), cgrad.ones(1, 2, 3)):
        with pytest.raises(RuntimeError, match="matrices"):
            _ = wrong.H


def test_storage():
    x = cgrad.arange(6, dtype=cgrad.int32)
    y = x[2:].view(2, 2)
    assert x.untyped_storage().data_ptr() == y.untyped_storage().data_ptr() == x.data_ptr()
    assert y.untyped_storage().nbytes() == 24 and len(y.storage()) == 6
    assert y.storage().tolist() == list(range(6))
    assert bytes(y.untyped_storage().tolist()) == np.arange(6, dtype=np.int32).tobytes()


def test_resize():
    x = cgrad.arange(6)
    y = x.view(2, 3)
    assert x.resize_(2, 2) is x and x.tolist() == [[0, 1], [2, 3]]
    x[0, 0] = 7
    assert y[0, 0] == 7                                    # still the same memory
    assert x.resize_(8)[:6].tolist() == [7, 1, 2, 3, 4, 5]
    assert x.resize_as_(y).tolist() == y.tolist()
    with pytest.raises(RuntimeError, match="resize_"):
        cgrad.ones(2, requires_grad=True).resize_(3)
    with pytest.raises(RuntimeError, match="negative"):
        x.resize_(-1)


def test_set():
    x, y = cgrad.zeros(2), cgrad.arange(6.0)
    x.set_(y)
    x[0] = 9
    assert y[0] == 9
    assert x.set_(y, 1, (2, 2), (2, 1)).tolist() == [[1, 2], [3, 4]]
    assert x.set_(y.storage(), 4, (2,)).tolist() == [4, 5]
    assert x.set_().numel() == 0
    with pytest.raises(RuntimeError, match="set_"):
        x.set_(cgrad.zeros(2, dtype=cgrad.int8))
    with pytest.raises(RuntimeError, match="out of bounds"):
        x.set_(y, 5, (2,))


def test_functions_of_single_elements():
    x = cgrad.arange(4).view(2, 2)
    assert x.apply_(lambda a: a * a) is x and x.tolist() == [[0, 1], [4, 9]]
    assert x.map_(cgrad.tensor([1, 2]), lambda a, b: a - b).tolist() == [[-1, -1], [3, 7]]
    with pytest.raises(TypeError, match="apply_"):
        cgrad.ones(2, requires_grad=True).apply_(abs)


def test_bytes_read_as_another_type():
    x = cgrad.tensor([[1.0, -2.0], [0.5, 4.0]])
    bits = x.view(cgrad.int32)
    assert bits.tolist() == np.array(x.tolist(), np.float32).view(np.int32).tolist()
    assert x.view(cgrad.uint8).shape == (2, 8) and x.view(cgrad.float64).shape == (2, 1)
    bits[0, 0] = 0
    assert x[0, 0] == 0
    with pytest.raises(RuntimeError, match="divisible"):
        cgrad.ones(3).view(cgrad.float64)
    with pytest.raises(RuntimeError, match="must be 1"):
        x.t().view(cgrad.int64)
    with pytest.raises(RuntimeError, match="0"):
        cgrad.ones(()).view(cgrad.int64)
    assert not cgrad.ones(2, requires_grad=True).view(cgrad.int32).requires_grad


def test_memory_of_other_objects():
    data = bytearray(np.arange(4, dtype=np.int16).tobytes())
    x = cgrad.frombuffer(data, dtype=cgrad.int16, count=2, offset=2)
    assert x.tolist() == [1, 2]
    x[0] = 5
    assert data[2] == 5
    for options in ({"count": 0}, {"offset": 9}, {"count": 5}, {"offset": 1}):
        with pytest.raises(ValueError, match="frombuffer"):
            cgrad.frombuffer(data, dtype=cgrad.int16, **options)
    array = np.zeros(2, np.float32)
    assert cgrad.asarray(array).data_ptr() == array.ctypes.data
    assert cgrad.asarray(array, copy=True).data_ptr() != array.ctypes.data
    assert cgrad.asarray([1, 2], dtype=cgrad.float64, requires_grad=True).requires_grad
    with pytest.raises(ValueError, match="asarray"):
        cgrad.asarray([1.0], copy=False)


def test_empty_of_any_geometry():
    x = cgrad.empty_strided((2, 3), (1, 2), dtype=cgrad.int8)
    assert x.stride() == (1, 2) and x.dtype is cgrad.int8
    assert cgrad.empty_permuted((2, 3, 4), (0, 2, 1)).stride() == (12, 1, 3)
    assert x.new_empty_strided((2,), (3,)).stride() == (3,)
    assert x.new(2, 2).dtype is cgrad.int8 and x.new([1, 2]).tolist() == [1, 2]
    for wrong in (((2,), (1, 1)), ((2,), (-1,))):
        with pytest.raises(RuntimeError, match="empty_strided"):
            cgrad.empty_strided(*wrong)
    with pytest.raises(RuntimeError, match="physical_layout"):
        cgrad.empty_permuted((2, 3), (0, 0))


@pytest.mark.parametrize("number", [0.5, -0.25, float("nan"), 2])
def test_any_number_but_zero_is_true(number):
    x = cgrad.zeros(2, dtype=cgrad.bool)
    first = cgrad.tensor([0])
    for y in (x.clone().fill_(number), cgrad.full((2,), number, dtype=cgrad.bool),
              cgrad.full_like(x, number), x.new_full((2,), number)):
        assert y.tolist() == [True, True]
    assert x.scatter(0, first, number).tolist() == [True, False]
    assert x.index_fill(0, first, number).tolist() == [True, False]


def test_ldexp_has_the_range_of_its_input():
    x = cgrad.tensor([1.0, 3.0], dtype=cgrad.float64)
    assert cgrad.ldexp(x, cgrad.tensor([200, -200])).tolist() == [2.0**200, 3 * 2.0**-200]
    assert cgrad.ldexp(x[0], cgrad.tensor([3])).dtype is cgrad.float64


@pytest.mark.parametrize("dtypes, shapes, expected", [
    (("float32", "float64", "int64"), ((2,), (), (2,)), "float32"),
    (("float64", "int64", "float32"), ((), (2,), ()), "float64"),
    (("uint8", "bool", "int64"), ((2,), (2,), ()), "uint8"),
    (("int64", "bool", "uint8"), ((), (2,), ()), "int64"),
    (("bool", "int32", "float32"), ((2,), (2,), (2,)), "float32")])
def test_three_tensors_are_promoted_together(dtypes, shapes, expected):
    """A product of a number and integers has not the dtype of the number before it is added."""
    tensors = [cgrad.ones(shape, dtype=getattr(cgrad, dtype))
               for dtype, shape in zip(dtypes, shapes)]
    assert cgrad.addcmul(*tensors).dtype is getattr(cgrad, expected)
    if expected.startswith("float"):
        assert cgrad.addcdiv(*tensors).dtype is getattr(cgrad, expected)
