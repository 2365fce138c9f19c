"""save and load: round trips, the layout, atomic replacement, damaged and hostile files."""
import contextlib
import io
import json
import math
import os
import stat
import struct
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cgrad
from cgrad import nn
from cgrad.serialization import FileFormatError

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64"]


def through_bytes(obj):
    file = io.BytesIO()
    cgrad.save(obj, file)
    file.seek(0)
    return cgrad.load(file)


def equal(a, b):
    if isinstance(a, cgrad.Tensor):
        return (
            isinstance(b, cgrad.Tensor)
            and a.dtype == b.dtype
            and a.shape == b.shape
            and np.array_equal(a.detach().numpy(), b.detach().numpy())
        )
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        # list: the order counts too
        return list(a) == list(b) and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b or (a != a and b != b)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (2, 0, 3), (0,), (2, 3, 4)])
def test_tensors(dtype, shape):
    values = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    tensor = cgrad.from_numpy(values)
    assert equal(through_bytes(tensor), tensor)


leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    | st.sampled_from(DTYPES).map(lambda name: cgrad.ones(2, 3).to(getattr(cgrad, name)))
)  # fmt: skip
keys = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner)
    | st.lists(inner).map(tuple)
    | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@given(trees)
def test_any_nesting(tree):
    assert equal(through_bytes(tree), tree)


def test_numbers_keep_kind_and_value():
    values = [1, 1.0, True, -0.0, 2**70, 0.1, 5e-324, math.inf, -math.inf]
    loaded = through_bytes([*values, math.nan])
    assert [type(v) for v in loaded[:-1]] == [type(v) for v in values]
    assert loaded[:-1] == values and math.isnan(loaded[-1])
    assert math.copysign(1, loaded[3]) == -1


def test_containers_come_back_as_plain_ones():
    loaded = through_bytes(OrderedDict(b=(1, [2]), a=cgrad.ones(2).shape))
    assert type(loaded) is dict and list(loaded) == ["b", "a"]
    assert loaded["b"] == (1, [2]) and loaded["a"] == (2,)


def test_special_values_of_tensors():
    x = cgrad.tensor([math.nan, math.inf, -0.0, 1e-40])
    loaded = through_bytes(x)
    assert loaded.numpy().tobytes() == x.numpy().tobytes()


def test_non_contiguous_tensors():
    x = cgrad.arange(24.0).reshape(4, 6)
    for view in (x.t(), x[1:3, ::2], x[:, 1], x[0].expand(3, 6)):
        assert equal(through_bytes(view), view.contiguous())


def test_requires_grad_is_kept():
    x = cgrad.ones(2, requires_grad=True)
    loaded = through_bytes({"x": x, "same": x.detach(), "p": nn.Parameter(cgrad.ones(1))})
    assert loaded["x"].requires_grad and loaded["x"].is_leaf
    assert not loaded["same"].requires_grad and loaded["p"].requires_grad
    with cgrad.no_grad():
        loaded["x"].fill_(3)
    assert loaded["same"].tolist() == [3, 3]


def test_shared_tensors_stay_shared():
    net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    net[1].weight = net[0].weight
    state = net.state_dict()
    file = io.BytesIO()
    cgrad.save(state, file)
    assert file.getbuffer().nbytes < 8 + 400
    file.seek(0)
    loaded = cgrad.load(file)
    assert list(loaded) == ["0.weight", "1.weight"]
    loaded["0.weight"].fill_(4)
    assert loaded["1.weight"].tolist() == [[4, 4], [4, 4]]
    # Another shape or place in the same memory is another tensor.
    x = cgrad.arange(4)
    loaded = through_bytes([x, x.reshape(2, 2), x[:2], x[2:]])
    assert [t.tolist() for t in loaded] == [[0, 1, 2, 3], [[0, 1], [2, 3]], [0, 1], [2, 3]]


def test_names_never_collide():
    tree = {"a": {"b": cgrad.zeros(1)}, "a.b": cgrad.ones(1), "__metadata__": cgrad.ones(2)}
    tree["a.b#2"] = cgrad.ones(3)
    assert equal(through_bytes(tree), tree)


def test_a_checkpoint_round_trip(tmp_path):
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    optimizer = cgrad.optim.Adam(net.parameters(), lr=0.1)
    net(cgrad.ones(2, 3)).sum().backward()
    optimizer.step()
    path = tmp_path / "checkpoint.safetensors"
    cgrad.save(
        {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}, path
    )
    loaded = cgrad.load(path)
    assert loaded["epoch"] == 3
    other = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    other.load_state_dict(loaded["model"])
    x = cgrad.ones(1, 3)
    assert other(x).item() == net(x).item()
    assert loaded["optimizer"]["param_groups"][0]["betas"] == (0.9, 0.999)
    assert loaded["optimizer"]["state"][0]["step"].item() == 1


# -- the layout ---------------------------------------------------------------------------------


def layout(data):
    length = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def test_the_file_is_a_safetensors_file():
    file = io.BytesIO()
    cgrad.save({"small": cgrad.tensor([True]), "w": cgrad.tensor([[1.0], [2.0]])}, file)
    header, body = layout(file.getvalue())
    assert (len(file.getvalue()) - len(body)) % 8 == 0
    assert set(header) == {"__metadata__", "small", "w"}
    assert all(isinstance(value, str) for value in header["__metadata__"].values())
    assert header["w"] == {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]}
    assert header["small"] == {"dtype": "BOOL", "shape": [1], "data_offsets": [8, 9]}
    assert body == struct.pack("<ff?", 1, 2, True)


def make_file(header, body=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def entry(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def load_bytes(data):
    return cgrad.load(io.BytesIO(data))


def test_files_of_other_writers():
    header = {
        "__metadata__": {"format": "pt"},
        "b": entry(shape=(2,), offsets=(4, 12)),
        "a": entry("I32", ()),
    }
    loaded = load_bytes(make_file(header, struct.pack("<iff", 7, 1, 2)))
    assert list(loaded) == ["b", "a"]
    assert loaded["a"].dtype == cgrad.int32 and loaded["a"].item() == 7
    assert loaded["b"].tolist() == [1, 2]
    assert load_bytes(make_file({})) == {}
    assert load_bytes(make_file(b"{}      ")) == {}


def test_half_precision_becomes_float32():
    values = np.array([1.5, -2.0, np.inf, 6e-8], dtype=np.float16)
    loaded = load_bytes(make_file({"h": entry("F16", (4,), (0, 8))}, values.tobytes()))
    assert loaded["h"].dtype == cgrad.float32
    np.testing.assert_array_equal(loaded["h"].numpy(), values.astype(np.float32))
    bits = np.array([1.0, -0.5, np.inf], dtype=np.float32).view(np.uint32) >> 16
    data = bits.astype("<u2").tobytes()
    loaded = load_bytes(make_file({"b": entry("BF16", (3,), (0, 6))}, data))
    assert loaded["b"].tolist() == [1.0, -0.5, math.inf]


def test_bool_bytes_other_than_one():
    loaded = load_bytes(make_file({"b": entry("BOOL", (3,), (0, 3))}, b"\x00\x02\xff"))
    assert loaded["b"].tolist() == [False, True, True] and int(loaded["b"].sum()) == 2


def test_agrees_with_the_safetensors_package():
    package = pytest.importorskip("safetensors.numpy")
    file = io.BytesIO()
    cgrad.save({"w": cgrad.ones(2, 3), "b": cgrad.arange(3)}, file)
    loaded = package.load(file.getvalue())
    np.testing.assert_array_equal(loaded["w"], np.ones((2, 3)))
    theirs = package.save({"x": np.arange(4, dtype=np.int16)})
    assert load_bytes(theirs)["x"].tolist() == [0, 1, 2, 3]


# -- files --------------------------------------------------------------------------------------


def test_replacing_keeps_permissions(tmp_path):
    path = tmp_path / "model"
    cgrad.save(1, path)
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
    path.chmod(0o640)
    cgrad.save(2, str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert cgrad.load(path) == 2 and os.listdir(tmp_path) == ["model"]


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model"
    cgrad.save({"x": cgrad.ones(2)}, path)
    with pytest.raises(TypeError):
        cgrad.save({"x": cgrad.ones(2), "y": object()}, path)

    def broken(descriptor):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="no space left"):
        cgrad.save({"x": cgrad.zeros(2)}, path)
    assert cgrad.load(path)["x"].tolist() == [1, 1]
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs symbolic links")
def test_saving_through_a_symbolic_link(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    cgrad.save(1, target)
    link.symlink_to(target)
    cgrad.save(2, link)
    assert link.is_symlink() and cgrad.load(target) == 2


def test_saving_to_a_device():
    cgrad.save([cgrad.ones(3)], os.devnull)
    assert not os.path.isfile(os.devnull)


def test_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError):
        cgrad.load(tmp_path / "none")
    with pytest.raises(FileNotFoundError):
        cgrad.save(1, tmp_path / "none" / "model")


def test_loading_from_where_a_file_stands():
    file = io.BytesIO()
    file.write(b"before")
    cgrad.save([1], file)
    file.seek(6)
    assert cgrad.load(file, map_location="cpu", weights_only=False) == [1]


# -- what cannot be saved -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "obj, message",
    [
        ({"a": [1, {2}]}, r"cannot save an object of type <class 'set'> at \['a'\]\[1\]"),
        (np.ones(2), "from_numpy"),
        ([np.float32(1)], r"at \[0\]; convert it by .*item"),
        (nn.Linear(1, 1), r"save its state_dict\(\)"),
        ({(1, 2): 3}, "dictionary key of type <class 'tuple'>"),
        (print, "cannot save an object of type"),
    ],
)
def test_other_objects_are_refused(obj, message):
    with pytest.raises(TypeError, match=message):
        cgrad.save(obj, io.BytesIO())


def test_depth():
    tree = 1
    for _ in range(100):
        tree = {"x": tree}
    assert through_bytes(tree) == tree
    loop = []
    loop.append(loop)
    for deep in ([tree], loop):
        with pytest.raises(ValueError, match="nested more than 100 deep"):
            cgrad.save(deep, io.BytesIO())


# -- damaged and hostile files ------------------------------------------------------------------

VALUE = struct.pack("<f", 1.0)

BAD_FILES = {
    "empty": (b"", "cut short"),
    "short": (b"\x01\x00", "cut short"),
    "header cut": (make_file({"x": entry()})[:-20], "cut short"),
    "huge header": (make_file({}, length=2**63), "claims"),
    "header beyond the end": (make_file({}, length=1000), "cut short"),
    "zip": (b"PK\x03\x04" + b"\0" * 20, "zip archive"),
    "pickle": (b"\x80\x04\x95" + b"\x01" * 20, "pickle"),
    "no JSON": (make_file(b"nonsense"), "the header is damaged"),
    "no UTF-8": (make_file(b'{"\xff": 1}'), "the header is damaged"),
    "no object": (make_file([1]), "not an object"),
    "NaN": (make_file(b'{"x": NaN}'), "NaN is not allowed"),
    "deep": (make_file(b"[" * 100_000), "the header is damaged"),
    "duplicate": (make_file(b'{"x": 1, "x": 2}'), "a key occurs twice"),
    "metadata": (make_file({"__metadata__": 3}), "__metadata__"),
    "entry": (make_file({"x": 3}), "must have dtype"),
    "missing field": (make_file({"x": {"dtype": "F32"}}), "must have dtype"),
    "dtype": (make_file({"x": entry("F8_E4M3")}, VALUE), "F8_E4M3"),
    "dtype is a list": (make_file({"x": entry([])}, VALUE), "dtype"),
    "shape is text": (make_file({"x": {**entry(), "shape": "1"}}, VALUE), "shape"),
    "negative shape": (make_file({"x": entry(shape=(-1,))}, VALUE), "shape"),
    "bool shape": (make_file({"x": entry(shape=(True,))}, VALUE), "shape"),
    "fractional shape": (make_file({"x": entry(shape=(1.0,))}, VALUE), "shape"),
    "wrong product": (make_file({"x": entry(shape=(2,))}, VALUE), "takes 8"),
    "overflowing product": (
        make_file({"x": entry("U8", (2**62, 4), (0, 0))}), "takes"
    ),
    "zero with a huge dimension": (
        make_file({"x": entry("U8", (0, 2**62), (0, 0))}), "takes"
    ),
    "many dimensions": (make_file({"x": entry(shape=(1,) * 9)}, VALUE), "9 dimensions"),
    "offsets out of range": (make_file({"x": entry()}, b"\0\0"), "data_offsets"),
    "offsets backwards": (make_file({"x": entry(offsets=(4, 0))}, VALUE), "data_offsets"),
    "negative offsets": (make_file({"x": entry(offsets=(-4, 0))}, VALUE), "data_offsets"),
    "three offsets": (make_file({"x": entry(offsets=(0, 2, 4))}, VALUE), "data_offsets"),
    "overlap": (
        make_file({"x": entry(), "y": entry(), "z": entry(offsets=(4, 8))}, VALUE * 2), "overlaps"
    ),
    "gap": (make_file({"x": entry(offsets=(4, 8))}, VALUE * 2), "gap"),
    "bytes at the end": (make_file({"x": entry()}, VALUE * 2), "describes 4 bytes of data, 8"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_FILES)
def test_damaged_files(name, tmp_path):
    data, message = BAD_FILES[name]
    with pytest.raises(FileFormatError, match=message):
        load_bytes(data)
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match=message):
        cgrad.load(path)


@pytest.mark.parametrize(
    "structure",
    [
        {}, {"tensor": "none"}, {"tensor": []}, {"dict": 3}, {"dict": [[1]]},
        {"dict": [[[1], 2]]}, {"tuple": 3}, {"float": "one"}, {"float": []}, {"code": "1 + 1"},
        {"a": 1, "b": 2}, {"tensor": "i", "requires_grad": True},
    ],
)  # fmt: skip
def test_damaged_structures(structure):
    header = {"__metadata__": {"cgrad": json.dumps(structure)}, "i": entry("I32")}
    with pytest.raises(FileFormatError, match="the structure is damaged"):
        load_bytes(make_file(header, VALUE))


@pytest.mark.parametrize("text", ["", "[", "[" * 100_000, 3, None])
def test_structures_that_are_no_json(text):
    with pytest.raises(FileFormatError, match="the structure is damaged"):
        load_bytes(make_file({"__metadata__": {"cgrad": text}}))


def test_every_cut_and_every_flipped_byte_is_an_error_or_harmless():
    file = io.BytesIO()
    cgrad.save({"w": cgrad.ones(2), "t": (1, "text", math.nan)}, file)
    data = file.getvalue()
    for end in range(len(data)):
        with pytest.raises(FileFormatError):
            load_bytes(data[:end])
    rng = np.random.default_rng(0)
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= int(rng.integers(1, 256))
        with contextlib.suppress(FileFormatError):
            load_bytes(bytes(changed))
