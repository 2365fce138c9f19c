"""save and load: round trips, the layout, atomic replacement, damaged and hostile files."""
import argparse
import io
import json
import math
import os
import signal
import stat
import struct
import subprocess
import sys
import textwrap
import time
from collections import Counter, OrderedDict, defaultdict, namedtuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cgrad
from cgrad import nn
from safetensors_files import entry, load_bytes, make_file

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


def test_kinds_of_containers():
    Pair = namedtuple("Pair", "a b")
    loaded = through_bytes(OrderedDict(b=(1, [2]), a=cgrad.ones(2).shape, c=Pair(1, 2),
                                       d=defaultdict(list, x=[1]), e=Counter("aab")))
    assert type(loaded) is OrderedDict and list(loaded) == ["b", "a", "c", "d", "e"]
    assert loaded["b"] == (1, [2]) and loaded["a"] == (2,) and type(loaded["a"]) is cgrad.Size
    assert type(loaded["c"]) is tuple and type(loaded["d"]) is dict
    assert type(loaded["e"]) is Counter and loaded["e"]["a"] == 2
    assert through_bytes({(1, "a"): 2, b"x": frozenset([1, 2]), 2: {3, (4,)}}) == {
        (1, "a"): 2, b"x": frozenset([1, 2]), 2: {3, (4,)}}


def test_other_plain_values():
    values = [b"\x00\xff", 1 + 2j, complex(math.inf, -0.0), cgrad.float64, cgrad.device("cpu"),
              10**5000, -2**63 - 1, np.float32(0.1), np.int8(-3), np.bool_(True), np.float64(2.5)]
    for value in values:
        found = through_bytes([value])[0]
        assert type(found) is type(value) and found == value
    assert math.isnan(through_bytes(np.float32("nan")))
    arrays = [np.arange(6).reshape(2, 3).T, np.ones(2, ">f4"), np.zeros((0, 2), bool)]
    for array, found in zip(arrays, through_bytes(arrays)):
        assert isinstance(found, np.ndarray) and found.shape == array.shape
        assert found.dtype.name == array.dtype.name and (found == array).all()
    assert type(through_bytes(np.str_("a"))) is str


def test_parameters_stay_parameters():
    loaded = through_bytes({"p": nn.Parameter(cgrad.ones(2)),
                            "q": nn.Parameter(cgrad.arange(2), requires_grad=False)})
    assert type(loaded["p"]) is nn.Parameter and loaded["p"].requires_grad
    assert type(loaded["q"]) is nn.Parameter and not loaded["q"].requires_grad


def test_views_stay_views():
    x = cgrad.arange(12.0).reshape(3, 4)
    loaded = through_bytes(
        {"row": x[1], "x": x, "t": x.t(), "part": x[::2, 1:3], "same": x.detach()})
    loaded["x"].mul_(2)
    for name, view in {"row": x[1], "t": x.t(), "part": x[::2, 1:3], "same": x}.items():
        assert equal(loaded[name], 2 * view)
    # What they are views of is not saved itself.
    y = cgrad.arange(10.0)
    loaded = through_bytes([y[2:6], y[4:8], y[9:]])
    loaded[0][2] = -1
    assert [t.tolist() for t in loaded] == [[2, 3, -1, 5], [-1, 5, 6, 7], [9]]
    # Parts that do not overlap are written apart, and no more than is needed.
    file = io.BytesIO()
    cgrad.save([cgrad.zeros(100_000)[:2], cgrad.zeros(1).expand(10**12)], file)
    assert file.tell() < 1000
    file.seek(0)
    assert cgrad.load(file)[1].shape == (10**12,)
    # Memory that is seen as two types is written twice.
    z = cgrad.ones(2)
    assert equal(through_bytes([z, z.view(cgrad.int32)]), [z, z.view(cgrad.int32)])
    a = np.arange(4.0)
    loaded = through_bytes([a, cgrad.from_numpy(a)])
    loaded[1].zero_()
    assert isinstance(loaded[0], np.ndarray) and not loaded[0].any()


@given(st.data())
def test_any_views(data):
    base = cgrad.arange(24)
    def view(_):
        dims = data.draw(st.integers(0, 3))
        size = [data.draw(st.integers(0, 3)) for _ in range(dims)]
        stride = [data.draw(st.integers(0, 4)) for _ in range(dims)]
        return base.as_strided(size, stride, data.draw(st.integers(0, 2)))
    views = [view(i) for i in range(data.draw(st.integers(1, 4)))]
    loaded = through_bytes(views)
    assert equal(loaded, views)
    if views[0].numel():                    # written through one of them, seen through all
        for x in (loaded[0], views[0]):
            x.as_strided((1,), (1,)).fill_(-7)
        assert equal(loaded, views)


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
        ({"a": [1, slice(2)]}, r"cannot save an object of type <class 'slice'> at \['a'\]\[1\]"),
        (np.ones(2, complex), "this is complex128"),
        ([np.uint16(1)], r"at \[0\]; convert it by .*item"),
        (argparse.Namespace(lr=1), r"save vars\(...\) of it"),
        (nn.Linear(1, 1), r"save its state_dict\(\)"),
        ({cgrad.ones(1): 3}, "dictionary key of type <class '.*Tensor'>"),
        ({"a": {print: 3}}, r"dictionary key of type <class 'builtin.*'> at \['a'\]"),
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


# -- interruptions ------------------------------------------------------------------------------


def run(program, *arguments, **options):
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
def test_a_kill_leaves_a_whole_file(tmp_path):
    path = tmp_path / "checkpoint"
    process = run("""
        import sys, cgrad
        for i in range(100_000):
            cgrad.save({"i": i, "w": cgrad.full((20_000,), float(i))}, sys.argv[1])
            print(i, flush=True)
    """, path)
    for _ in range(5):
        process.stdout.readline()
    time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    loaded = cgrad.load(path)
    assert loaded["i"] >= 4 and (loaded["w"] == loaded["i"]).all()


@pytest.mark.skipif(os.name != "posix", reason="needs limits")
def test_a_full_disk_leaves_the_old_file(tmp_path):
    path = tmp_path / "checkpoint"
    cgrad.save("old", path)
    process = run("""
        import resource, signal, sys, cgrad
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            cgrad.save(cgrad.ones(100_000), sys.argv[1])
        except OSError as error:
            print("OSError")
    """, path)
    out, err = process.communicate(timeout=60)
    assert (out, err) == ("OSError\n", "")
    assert cgrad.load(path) == "old" and [p.name for p in tmp_path.iterdir()] == ["checkpoint"]


# -- arguments ----------------------------------------------------------------------------------


def test_arguments_of_load_and_save(tmp_path):
    path = tmp_path / "file.pt"
    cgrad.save(cgrad.ones(2), path, pickle_protocol=4, _use_new_zipfile_serialization=False)
    for options in (dict(map_location="cpu"), dict(map_location=cgrad.device("cpu")),
                    dict(map_location=lambda storage, place: storage), dict(weights_only=False),
                    dict(weights_only=True, mmap=True), dict(map_location={"cuda:0": "cpu"}),
                    dict(pickle_module=None, encoding="latin1")):
        assert cgrad.load(path, **options).tolist() == [1, 1]
    assert cgrad.load(str(path), "cpu").tolist() == [1, 1]
    with pytest.raises(RuntimeError, match="CPU only"):
        cgrad.load(path, map_location="cuda")
    with pytest.raises(TypeError, match="binary mode"):
        cgrad.load(io.StringIO("x"))
    with pytest.raises(AttributeError, match="must be a path or have a method 'read'"):
        cgrad.load(3)


def test_safe_globals():
    serialization = cgrad.serialization
    serialization.add_safe_globals([dict])
    with serialization.safe_globals([set, dict]):
        assert serialization.get_safe_globals() == [dict, set]
    assert serialization.get_safe_globals() == [dict]
    serialization.clear_safe_globals()
    assert serialization.get_safe_globals() == []
