"""Exchange of memory with NumPy, the buffer protocol and DLPack: shared both ways, or refused."""

import ctypes
import gc
import sys
import weakref

import numpy as np
import pytest

import cgrad

DTYPES = ["float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"]


def address(array):
    return array.__array_interface__["data"][0]


# --- numpy() ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy_shares_memory(dtype):
    t = cgrad.zeros(2, 3, dtype=getattr(cgrad, dtype))
    a = t.numpy()
    assert type(a) is np.ndarray and a.dtype == np.dtype(dtype)
    assert a.shape == (2, 3) and address(a) == t.data_ptr()
    a[0, 1] = 1
    assert t[0, 1].item() == 1
    t[1, 2] = 1
    assert a[1, 2] == 1


@pytest.mark.parametrize(
    "view",
    [
        lambda t: t.t(),
        lambda t: t[1:, ::2],
        lambda t: t[:, 1],
        lambda t: t[1, 2],
        lambda t: t.expand(2, 3, 4),
        lambda t: t[:0],
        lambda t: t.unsqueeze(1).permute(2, 0, 1),
    ],
)
def test_numpy_of_a_view_has_its_strides(view):
    t = cgrad.arange(12).reshape(3, 4)
    v = view(t)
    a = v.numpy()
    assert a.shape == tuple(v.shape) and a.tolist() == v.tolist()
    if v.numel() > 1:
        assert address(a) == v.data_ptr()
        assert a.strides == tuple(s * 8 for s in v.stride())


def test_numpy_of_a_tensor_that_requires_grad():
    x = cgrad.ones(2, requires_grad=True)
    for convert in (lambda: x.numpy(), lambda: (x * 2).numpy(), lambda: np.asarray(x)):
        with pytest.raises(RuntimeError, match=r"requires grad.*detach\(\)\.numpy\(\)"):
            convert()
    assert x.detach().numpy().tolist() == [1.0, 1.0]
    assert x.numpy(force=True).tolist() == [1.0, 1.0]
    with cgrad.no_grad():
        assert (x * 2).numpy().tolist() == [2.0, 2.0]


def test_array_keeps_the_memory_alive():
    t = cgrad.arange(1000)
    v = t[10:20]
    a = v.numpy()
    b = t.numpy()
    del t, v
    gc.collect()
    cgrad._engine.memory.empty_cache()
    junk = [cgrad.zeros(1000, dtype=cgrad.int64) for _ in range(10)]
    assert a.tolist() == list(range(10, 20))
    assert b[-1] == 999
    del junk


def test_change_through_the_array_is_seen_by_autograd_inputs():
    x = cgrad.ones(2, requires_grad=True)
    x.detach().numpy()[:] = [2.0, 3.0]
    (x * x).sum().backward()
    assert x.grad.tolist() == [4.0, 6.0]


# --- __array__ -------------------------------------------------------------------------------


def test_asarray_shares_and_array_copies():
    t = cgrad.tensor([1.0, 2.0])
    shared, copied = np.asarray(t), np.array(t)
    t[0] = 5.0
    assert shared.tolist() == [5.0, 2.0] and copied.tolist() == [1.0, 2.0]


def test_array_dtype_and_copy():
    t = cgrad.tensor([1.5, 2.5])
    assert np.asarray(t, dtype=np.float64).dtype == np.float64
    assert np.asarray(t, dtype=np.int32).tolist() == [1, 2]
    assert t.__array__().dtype == np.float32
    assert t.__array__(np.float64).dtype == np.float64
    assert address(np.array(t, copy=False)) == t.data_ptr()
    assert address(np.array(t, copy=True)) != t.data_ptr()
    with pytest.raises(ValueError, match="(?i)copy"):
        np.asarray(t, dtype=np.float64, copy=False)


def test_numpy_functions_take_tensors():
    t = cgrad.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert np.linalg.det(np.asarray(t)) == pytest.approx(-2.0)
    np.testing.assert_array_equal(t, [[1.0, 2.0], [3.0, 4.0]])
    assert np.stack([t, t]).shape == (2, 2, 2)


def test_array_times_tensor_is_no_object_array():
    x = cgrad.ones(2, dtype=cgrad.float64, requires_grad=True)
    try:
        result = np.ones(2) * x
    except (TypeError, RuntimeError):
        return
    assert isinstance(result, cgrad.Tensor) and result.requires_grad and result.shape == (2,)


# --- from_numpy, tensor, as_tensor -----------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_from_numpy_shares_memory(dtype):
    a = np.zeros((2, 3), dtype)
    t = cgrad.from_numpy(a)
    assert t.dtype == getattr(cgrad, dtype) and t.data_ptr() == address(a)
    a[0, 0] = 1
    t[1, 1] = 1
    assert t[0, 0].item() == 1 and a[1, 1] == 1
    assert not t.requires_grad and t.is_leaf
    assert address(t.numpy()) == address(a)


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a.T,
        lambda a: a[1:, ::2],
        lambda a: a[:, 0],
        lambda a: a[0, 0, ...],
        lambda a: np.broadcast_to(a, (2, 3, 4)).copy()[:, ::2, ::3],
        lambda a: a[:, :0],
        lambda a: a[None, :, None],
        np.asfortranarray,
    ],
)
def test_from_numpy_of_views(view):
    a = view(np.arange(12.0).reshape(3, 4))
    t = cgrad.from_numpy(np.asarray(a))
    assert t.tolist() == a.tolist() and tuple(t.shape) == a.shape
    np.testing.assert_array_equal((t * 2).numpy(), a * 2)
    assert t.sum().item() == a.sum()


def test_from_numpy_keeps_the_array_alive():
    a = np.arange(1000)
    alive = weakref.ref(a)
    t = cgrad.from_numpy(a)
    v = t[5:]
    del a, t
    gc.collect()
    assert alive() is not None and v[0].item() == 5
    del v
    gc.collect()
    assert alive() is None


def test_memory_shared_with_numpy_counts_versions():
    a = np.ones(2)
    x = cgrad.from_numpy(a).requires_grad_()
    y = (x * x).sum()
    y.backward()
    assert x.grad.tolist() == [2.0, 2.0]
    with cgrad.no_grad():
        x.sub_(0.5 * x.grad)
    assert a.tolist() == [0.0, 0.0]


def test_overlapping_arrays():
    a = np.arange(6.0)
    windows = np.lib.stride_tricks.sliding_window_view(a, 3, writeable=True)
    t = cgrad.from_numpy(windows)
    assert t.tolist() == windows.tolist()
    np.testing.assert_array_equal((t + 1).numpy(), windows + 1)
    assert t.sum().item() == windows.sum()


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0, 3)])
def test_zero_size_arrays(shape):
    a = np.zeros(shape)
    for make in (cgrad.from_numpy, cgrad.tensor, cgrad.as_tensor):
        t = make(a)
        assert tuple(t.shape) == shape and t.sum().item() == 0.0
        assert t.numpy().shape == shape


def test_zero_dimensional_arrays():
    a = np.array(3.0)
    t = cgrad.from_numpy(a)
    a[()] = 4.0
    assert t.item() == 4.0 and t.shape == ()


def test_as_tensor_shares_where_it_can():
    a = np.zeros(3)
    assert cgrad.as_tensor(a).data_ptr() == address(a)
    assert cgrad.as_tensor(a, dtype=cgrad.float32).dtype == cgrad.float32
    t = cgrad.zeros(3)
    assert cgrad.as_tensor(t) is t
    assert cgrad.as_tensor([1, 2]).tolist() == [1, 2]


def test_negative_strides():
    a = np.arange(6.0)[::-1]
    with pytest.raises(ValueError, match=r"(?i)negative.*cop"):
        cgrad.from_numpy(a)


@pytest.mark.parametrize("dtype", [">f8", ">i4", ">f4", ">i2"])
def test_foreign_byte_order(dtype):
    if sys.byteorder == "big":
        dtype = "<" + dtype[1:]
    with pytest.raises(ValueError, match=r"(?i)byte order"):
        cgrad.from_numpy(np.arange(3).astype(dtype))


def test_strides_that_are_no_multiple_of_the_element():
    records = np.zeros(4, dtype=[("value", "f4"), ("flag", "i1")])
    with pytest.raises(ValueError, match=r"(?i)stride|align"):
        cgrad.from_numpy(records["value"])


@pytest.mark.parametrize(
    "array",
    [
        np.array([object()]),
        np.array(["a"]),
        np.array([b"a"]),
        np.array(["2020-01-01"], "M8[D]"),
        np.zeros(2, dtype=[("a", "f4")]),
    ],
    ids=["object", "str", "bytes", "datetime", "record"],
)
@pytest.mark.parametrize("make", [cgrad.from_numpy, cgrad.tensor, cgrad.as_tensor])
def test_arrays_of_other_types(array, make):
    with pytest.raises(TypeError, match=r"(?i)\btype\b|dtype"):
        make(array)


@pytest.mark.parametrize("dtype", ["complex128", "uint64", "float16"])
def test_numeric_types_cgrad_does_not_have(dtype):
    with pytest.raises(TypeError, match=dtype):
        cgrad.from_numpy(np.ones(2, dtype))


def test_read_only_arrays_are_never_written():
    a = np.arange(3.0)
    a.flags.writeable = False
    copy = cgrad.tensor(a)
    copy[0] = 7.0
    t = cgrad.from_numpy(a)
    assert t.data_ptr() == address(a) and (t + 1).tolist() == [1.0, 2.0, 3.0]
    for change in (
        lambda: t.add_(1.0),
        lambda: t.__setitem__(0, 5.0),
        lambda: t.zero_(),
        lambda: t[1:].mul_(2.0),
        lambda: t.detach().fill_(1.0),
        lambda: t.view(3, 1).copy_(cgrad.ones(3, 1)),
        lambda: cgrad.exp(cgrad.ones(3, dtype=cgrad.float64), out=t),
    ):
        with pytest.raises(RuntimeError, match="(?i)read-only"):
            change()
    assert not t.numpy().flags.writeable
    assert memoryview(t).readonly
    with pytest.raises((TypeError, BufferError)):
        (ctypes.c_double * 3).from_buffer(t)
    assert a.tolist() == [0.0, 1.0, 2.0]


def test_gradients_with_respect_to_a_read_only_array():
    a = np.arange(3.0)
    a.flags.writeable = False
    x = cgrad.from_numpy(a).requires_grad_()
    for _ in range(2):
        (x * x).sum().backward()
    assert x.grad.tolist() == [0.0, 4.0, 8.0]
    (x * 2.0).backward(cgrad.from_numpy(a))
    assert x.grad.tolist() == [0.0, 6.0, 12.0]


@pytest.mark.parametrize("value", [[1, 2], 3.0, None, "text"])
def test_from_numpy_wants_an_array(value):
    with pytest.raises(TypeError, match="(?i)ndarray"):
        cgrad.from_numpy(value)


# --- Buffer protocol -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "code"),
    [("float32", "f"), ("float64", "d"), ("int8", "b"), ("int32", "i"), ("uint8", "B")],
)
def test_memoryview(dtype, code):
    t = cgrad.zeros(2, 3, dtype=getattr(cgrad, dtype))
    view = memoryview(t)
    assert view.shape == (2, 3) and view.format == code and not view.readonly
    assert view.strides == (3 * view.itemsize, view.itemsize)
    view[1, 2] = 1
    assert t[1, 2].item() == 1


def test_memoryview_of_strided_and_scalar_tensors():
    t = cgrad.arange(6).reshape(2, 3)
    assert memoryview(t.t()).tolist() == [[0, 3], [1, 4], [2, 5]]
    assert memoryview(t[:, ::2]).tolist() == [[0, 2], [3, 5]]
    assert memoryview(cgrad.tensor(2.5)).tolist() == 2.5
    assert bytes(cgrad.tensor([1, 2], dtype=cgrad.uint8)) == b"\x01\x02"


def test_memoryview_keeps_the_memory_alive():
    view = memoryview(cgrad.arange(100))
    gc.collect()
    junk = cgrad.zeros(100, dtype=cgrad.int64)
    assert view[99] == 99
    del junk


def test_memoryview_of_a_tensor_that_requires_grad():
    with pytest.raises((BufferError, RuntimeError), match="requires? grad"):
        memoryview(cgrad.ones(2, requires_grad=True))


def test_contiguous_buffer_is_not_given_for_strided_memory():
    t = cgrad.arange(6).reshape(2, 3).t()
    with pytest.raises((BufferError, TypeError, ValueError)):
        (ctypes.c_char * 48).from_buffer(t)


def test_ctypes():
    t = cgrad.zeros(4, dtype=cgrad.float64)
    array = (ctypes.c_double * 4).from_buffer(t)
    array[2] = 5.0
    assert t.tolist() == [0.0, 0.0, 5.0, 0.0]
    pointer = ctypes.cast(t.data_ptr(), ctypes.POINTER(ctypes.c_double))
    assert pointer[2] == 5.0


# --- DLPack ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_dlpack_to_numpy(dtype):
    t = cgrad.zeros(2, 3, dtype=getattr(cgrad, dtype))
    a = np.from_dlpack(t)
    assert a.dtype == np.dtype(dtype) and a.shape == (2, 3)
    t[1, 1] = 1
    assert a[1, 1] == 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_dlpack_from_numpy(dtype):
    a = np.zeros((2, 3), dtype)
    t = cgrad.from_dlpack(a)
    assert t.dtype == getattr(cgrad, dtype)
    t[1, 1] = 1
    assert a[1, 1] == 1


def test_dlpack_of_views():
    t = cgrad.arange(12).reshape(3, 4)
    for v in (t.t(), t[1:, ::2], t[:0], t[1, 1]):
        assert np.from_dlpack(v).tolist() == v.tolist()
    a = np.arange(12.0).reshape(3, 4)
    assert cgrad.from_dlpack(a.T[1:]).tolist() == a.T[1:].tolist()


def test_dlpack_lifetimes():
    a = np.from_dlpack(cgrad.arange(1000))
    gc.collect()
    junk = cgrad.zeros(1000, dtype=cgrad.int64)
    assert a[999] == 999
    source = np.arange(1000)
    count = sys.getrefcount(source)
    t = cgrad.from_dlpack(source)
    assert sys.getrefcount(source) > count
    del t
    gc.collect()
    assert sys.getrefcount(source) == count
    capsule = cgrad.ones(5).__dlpack__()
    del capsule  # never consumed: its destructor frees the tensor
    del junk


def test_dlpack_of_a_tensor_that_requires_grad():
    with pytest.raises((BufferError, RuntimeError), match="grad"):
        np.from_dlpack(cgrad.ones(2, requires_grad=True))


def test_dlpack_device():
    assert tuple(map(int, cgrad.ones(2).__dlpack_device__())) == (1, 0)


def test_dlpack_wants_a_producer():
    with pytest.raises((AttributeError, TypeError)):
        cgrad.from_dlpack([1, 2])


def test_dlpack_with_torch():
    torch = pytest.importorskip("torch")
    t = cgrad.arange(6.0).reshape(2, 3)
    other = torch.from_dlpack(t)
    other[0, 0] = 9.0
    assert t[0, 0].item() == 9.0
    back = cgrad.from_dlpack(torch.arange(6.0).reshape(2, 3).t())
    assert back.tolist() == [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
    with pytest.raises((TypeError, BufferError, RuntimeError), match="(?i)dtype|type"):
        cgrad.from_dlpack(torch.ones(2, dtype=torch.complex64))
