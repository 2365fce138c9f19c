"""Checkpoints of torch.save: read without PyTorch, safely."""
import contextlib
import io
import pickle
import pickletools
import struct
import zipfile
from collections import Counter, OrderedDict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cgrad
from cgrad.serialization import FileFormatError
from safetensors_files import edited, edits


class Global:
    """Pickled as a name and arguments, as PyTorch's pickler does."""

    def __init__(self, module, name, *args):
        self.module, self.name, self.args = module, name, args


class Persistent:
    def __init__(self, kind, key, n):
        self.kind, self.key, self.n = kind, key, n


class Writer(pickle._Pickler):
    def persistent_id(self, x):
        if isinstance(x, Persistent):
            return ("storage", Global("torch", x.kind), x.key, "cpu", x.n)
        return None

    def save(self, x, save_persistent_id=True):
        if isinstance(x, Global):
            self.write(b"c" + f"{x.module}\n{x.name}\n".encode())
            if x.args:
                super().save(x.args)
                self.write(b"R")
            return
        super().save(x, save_persistent_id)


def archive(obj, storages=(), compress=zipfile.ZIP_STORED, leave_out=(), **more):
    body = io.BytesIO()
    Writer(body, protocol=2).dump(obj)
    parts = {"data.pkl": body.getvalue(), "byteorder": b"little", "version": b"3\n",
             **{f"data/{k}": v for k, v in enumerate(storages)}, **more}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compress) as z:
        for name, data in parts.items():
            if name not in leave_out:
                z.writestr("archive/" + name, data)
    file.seek(0)
    return file


def tensor(kind, key, n, size, stride, offset=0, requires_grad=False):
    return Global("torch._utils", "_rebuild_tensor_v2", Persistent(kind, key, n), offset, size,
                  stride, requires_grad, OrderedDict())


FLOATS = np.arange(6, dtype="<f4").tobytes()


def test_tensors_and_containers():
    obj = {"m": OrderedDict(w=tensor("FloatStorage", "0", 6, (2, 3), (3, 1))),
           "t": tensor("FloatStorage", "0", 6, (3, 2), (1, 3)),
           "rest": [1, 2.5, None, True, "x", (1, 2)],
           "size": Global("torch", "Size", (2, 3)), "dtype": Global("torch", "float32"),
           "p": Global("torch._utils", "_rebuild_parameter",
                       tensor("FloatStorage", "0", 6, (1,), (1,), 5), True, OrderedDict())}
    found = cgrad.load(archive(obj, [FLOATS]))
    assert found["m"]["w"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["t"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert found["t"].data_ptr() == found["m"]["w"].data_ptr()       # views stay views
    assert found["rest"] == [1, 2.5, None, True, "x", (1, 2)]
    assert found["size"] == cgrad.Size([2, 3]) and found["dtype"] is cgrad.float32
    assert isinstance(found["p"], cgrad.nn.Parameter) and found["p"].tolist() == [5.0]


@pytest.mark.parametrize(("kind", "data", "expected", "dtype"), [
    ("HalfStorage", np.array([1.5, -2], "<f2"), [1.5, -2.0], "float32"),
    ("BFloat16Storage", np.array([0x3FC0, 0xC000], "<u2"), [1.5, -2.0], "float32"),
    ("DoubleStorage", np.array([1.5, -2], "<f8"), [1.5, -2.0], "float64"),
    ("LongStorage", np.array([3, -4], "<i8"), [3, -4], "int64"),
    ("IntStorage", np.array([3, -4], "<i4"), [3, -4], "int32"),
    ("ShortStorage", np.array([3, -4], "<i2"), [3, -4], "int16"),
    ("CharStorage", np.array([3, -4], "i1"), [3, -4], "int8"),
    ("ByteStorage", np.array([3, 250], "u1"), [3, 250], "uint8"),
    ("BoolStorage", np.array([0, 7], "u1"), [False, True], "bool"),
])
def test_number_types(kind, data, expected, dtype):
    found = cgrad.load(archive(tensor(kind, "0", 2, (2,), (1,)), [data.tobytes()]))
    assert found.tolist() == expected and found.dtype is getattr(cgrad, dtype)


def test_empty_and_scalar():
    found = cgrad.load(archive([tensor("FloatStorage", "0", 0, (0, 3), (3, 1)),
                                tensor("FloatStorage", "1", 1, (), ())],
                               [b"", struct.pack("<f", 7.0)]))
    assert found[0].shape == (0, 3) and found[1].item() == 7.0


class Evil:
    def __reduce__(self):
        return (print, ("run",))


@pytest.mark.parametrize(("file", "match"), [
    (lambda: archive(Global("os", "system", "true")), "os.system"),
    (lambda: archive(Evil()), "print"),
    (lambda: archive(Global("torch._utils", "_rebuild_sparse_tensor", 1)), "sparse"),
    (lambda: archive(Global("builtins", "getattr", 1, "x")), "builtins.getattr"),
    (lambda: archive(tensor("FloatStorage", "0", 6, (2, 4), (3, 1)), [FLOATS]), "beyond"),
    (lambda: archive(tensor("FloatStorage", "0", 6, (2,), (2**61,)), [FLOATS]), "beyond"),
    (lambda: archive(tensor("FloatStorage", "0", 6, (2,), (1,), -1), [FLOATS]), "offset"),
    (lambda: archive(tensor("FloatStorage", "0", 6, (-2,), (1,)), [FLOATS]), "shape"),
    (lambda: archive(tensor("FloatStorage", "0", 6, (1,) * 9, (1,) * 9), [FLOATS]), "shape"),
    (lambda: archive(tensor("FloatStorage", "0", 60, (2,), (1,)), [FLOATS]), "24 bytes"),
    (lambda: archive(tensor("FloatStorage", "3", 6, (2,), (1,)), [FLOATS]), "data/3 is missing"),
    (lambda: archive(Persistent("FloatStorage", 0, 6), [FLOATS]), "no storage"),
    (lambda: archive([1], compress=zipfile.ZIP_DEFLATED), "compressed"),
    (lambda: archive([1], leave_out=["data.pkl"]), "no data.pkl"),
    (lambda: archive([1], byteorder=b"big"), "big-endian"),
    (lambda: archive([1], **{"data.pkl": b"\x80\x02]q\x00(K"}), "damaged"),
    (lambda: archive([1], **{"data.pkl": b"\x80\x02K\x01r\xff\xff\xff\xff."}), None),
    (lambda: archive([1], **{"data.pkl": b"("}), "damaged"),
    (lambda: io.BytesIO(archive([1]).getvalue()[:60]), "damaged"),
    (lambda: io.BytesIO(b"PK\x03\x04nothing"), "damaged"),
])
def test_hostile_files(file, match):
    if match is None:
        assert cgrad.load(file()) == 1             # a memo of four billion entries is one entry
        return
    with pytest.raises(FileFormatError, match=match):
        cgrad.load(file())


def raw(pickled, storages=(), **more):
    """An archive with a pickle that is given as bytes."""
    return archive(None, storages, **{"data.pkl": pickled}, **more)


EXPANDED = (b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
            b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQK\x00(\x8a\x06\x00\x00\x00\x00\x00\x01tp0\n0(K"
            b"\x00tp1\n0g0\ng1\n\x89NtR")     # 2**40 elements, all of them the only one stored


@pytest.mark.parametrize("before, after", [
    (b"\x80\x02ccollections\nOrderedDict\n(", b"tR."), (b"\x80\x02cbuiltins\nset\n(", b"tR."),
    (b"\x80\x02ccollections\nCounter\n(", b"tR."), (b"\x80\x02ctorch\nSize\n(", b"tR."),
    (b"\x80\x02", b"K\x00K\x01s."), (b"\x80\x02", b"(K\x00K\x01u."), (b"\x80\x02", b"K\x01a."),
    (b"\x80\x02", b"(K\x01e."), (b"\x80\x04", b"(K\x01\x90."),
    (b"\x80\x02cbuiltins\ncomplex\n(", b"tR."),
    (b"\x80\x02c_codecs\nencode\n(", b"X\x01\x00\x00\x00xtR."),
])
def test_tensors_with_more_places_than_can_be_visited(before, after):
    """A view of one element takes no memory; nothing may go through all of its places."""
    assert cgrad.load(raw(b"\x80\x02" + EXPANDED + b".", [FLOATS])).shape == (2**40,)
    with pytest.raises(FileFormatError):
        cgrad.load(raw(before + EXPANDED + after, [FLOATS]))


@pytest.mark.parametrize("pickled", [
    # The state of a function: its defaults.
    b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(NU\x0c__defaults__(K\x01td" b"tb.",
    b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}b.",
    b"\x80\x02ctorch\nFloatStorage\n}X\x04\x00\x00\x00nameK\x01sb.",
    b"\x80\x02ccollections\nOrderedDict\n)\x81.",                   # NEWOBJ
    b"\x80\x02(icollections\nOrderedDict\n.", b"\x80\x02(cos\nsystem\nU\x04trueo.",
    b"\x80\x02\x82\x01.",                                           # EXT1
    b"\x80\x05\x96" + b"\xff" * 7 + b"\x0f.", b"\x80\x05\x96\x00\x00\x00\x00\x10\x00\x00\x00.",
    b"\x80\x05\x8d" + b"\xff" * 7 + b"\x7f.", b"\x80\x05\x8e" + b"\xff" * 7 + b"\x7f.",
    b"\x80\x05\x95" + b"\xff" * 8 + b"N.", b"\x80\x02\x8b\xff\xff\xff\x7f.", b"\x80\x09N.",
    b"\x80\x02cnumpy\ndtype\n(U\x02O8tR.", b"\x80\x02cnumpy\ndtype\n(U\x02f8tR(K\x03U\x01>tb.",
    b"\x80\x02" + b"(" * 100_000 + b"t" * 100_000 + b"\x85" * 200_000,
])
def test_hostile_pickles(pickled):
    with pytest.raises(FileFormatError):
        cgrad.load(raw(pickled))
    assert cgrad.load(archive(tensor("FloatStorage", "0", 6, (2,), (1,)), [FLOATS])).shape == (2,)


def test_parts_that_lie_over_each_other():
    """Many entries of the same bytes do not make more memory than the file has."""
    n = 40
    body = archive([tensor("FloatStorage", str(i), 6, (2,), (1,)) for i in range(n)],
                   [FLOATS] * n).getvalue()
    assert len(cgrad.load(io.BytesIO(body))) == n
    data = archive([tensor("ByteStorage", "0", 2**20, (1,), (1,))] * 3, [bytes(2**20)]).getvalue()
    place = data.rindex(b"PK\x01\x02", 0, data.rindex(b"archive/data/0"))
    directory = data.rindex(b"PK\x01\x02")
    assert place == directory and len(cgrad.load(io.BytesIO(data))) == 3
    two = archive([tensor("FloatStorage", "0", 6, (2,), (1,)),
                   tensor("IntStorage", "0", 6, (2,), (1,))], [FLOATS])
    with pytest.raises(FileFormatError, match="one storage is 6 of FloatStorage and 6 of IntSt"):
        cgrad.load(two)


def test_a_part_that_lies_beyond_any_file():
    data = bytearray(archive([1]).getvalue())
    record = data.rindex(b"PK\x01\x02", 0, data.rindex(b"archive/data.pkl"))
    name, extra = struct.unpack_from("<HH", data, record + 28)
    end = data.rindex(b"PK\x05\x06")
    struct.pack_into("<I", data, end + 12, struct.unpack_from("<I", data, end + 12)[0] + 12)
    struct.pack_into("<H", data, record + 30, extra + 12)
    struct.pack_into("<I", data, record + 42, 2**32 - 1)           # the place is in the extra field
    data[record + 46 + name : record + 46 + name] = struct.pack("<HHQ", 1, 8, 2**63)
    with pytest.raises(FileFormatError, match="data.pkl is damaged"):
        cgrad.load(io.BytesIO(data))


def test_plain_values_of_older_programs():
    scalar = Global("numpy.core.multiarray", "scalar", Global("numpy", "dtype", "f8", 0, 1),
                    struct.pack("<d", 2.5))
    found = cgrad.load(archive(
        {"best": scalar, "raw": Global("_codecs", "encode", "\x00\xff", "latin1"),
         "c": Global("collections", "Counter", {"a": 2}),
         "z": Global("builtins", "complex", 1.0, 2.0), "f": Global("builtins", "frozenset", [1])}))
    assert found["best"] == 2.5 and isinstance(found["best"], np.float64)
    assert found["raw"] == b"\x00\xff" and found["c"] == Counter("aa") and found["z"] == 1 + 2j
    assert found["f"] == {1}


def legacy(obj, storages=(), keys=None, magic=0x1950A86A20F9469CFC6C, counts=None):
    """A file as torch.save wrote it before version 1.6."""
    file = io.BytesIO()
    keys = [str(i) for i in range(len(storages))] if keys is None else keys
    for part in (magic, 1001, {"little_endian": True, "protocol_version": 1001}, obj, keys):
        Writer(file, protocol=2).dump(part)
    for i, data in enumerate(storages):
        file.write(struct.pack("<q", len(data) // 4 if counts is None else counts[i]) + data)
    file.seek(0)
    return file


def test_legacy_files():
    found = cgrad.load(legacy(OrderedDict(
        w=tensor("FloatStorage", "0", 6, (2, 3), (3, 1)),
        t=Global("torch._utils", "_rebuild_tensor", Persistent("FloatStorage", "0", 6), 1, (2,),
                 (3,)), n=7), [FLOATS]))
    assert found["w"].tolist() == np.frombuffer(FLOATS, "f4").reshape(2, 3).tolist()
    found["w"].zero_()
    assert found["t"].tolist() == [0, 0] and found["n"] == 7


TWO = tensor("FloatStorage", "0", 6, (2,), (1,))


@pytest.mark.parametrize("file, match", [
    (lambda: legacy(1, magic=5), "unknown version|pickle file"),
    (lambda: legacy(TWO, [FLOATS], keys=["1"]), "list of sto"),
    (lambda: legacy(TWO, [FLOATS], keys=[0]), "list of stor"),
    (lambda: legacy(TWO, [FLOATS], counts=[5]), "6 .* has 5"),
    (lambda: legacy(TWO, [FLOATS[:-1]], counts=[6]),
     "6 elements has 23 bytes"),
    (lambda: legacy(tensor("FloatStorage", "0", 10**9, (2,), (1,)), [FLOATS]), "more than its"),
    (lambda: legacy(Global("os", "system", "true")), "os.system"),
])
def test_damaged_legacy_files(file, match):
    with pytest.raises(FileFormatError, match=match):
        cgrad.load(file())


SAMPLE = {"w": tensor("FloatStorage", "0", 6, (2, 3), (3, 1)), "n": [1, "two", 0.5]}


@given(edits)
def test_edited_archives(changes):
    whole = archive(SAMPLE, [FLOATS]).getvalue()
    with contextlib.suppress(FileFormatError):
        cgrad.load(io.BytesIO(edited(whole, changes)))


@given(edits)
def test_edited_legacy_files(changes):
    whole = legacy(SAMPLE, [FLOATS]).getvalue()
    with contextlib.suppress(FileFormatError):
        cgrad.load(io.BytesIO(edited(whole, changes)))


PARTS = [code.code.encode("latin1") for code in pickletools.opcodes if code.arg is None] + [
    b"K\x00", b"K\x01", b"J\xff\xff\xff\x7f", b"\x8a\x08" + b"\xff" * 7 + b"\x7f",
    b"G" + b"\x7f" * 8, b"U\x01a", b"X\x07\x00\x00\x00storage", b"q\x00", b"h\x00",
    b"r\xff\xff\xff\xff", b"ctorch\nSize\n",
    b"ctorch._utils\n_rebuild_tensor_v2\n", b"ctorch._utils\n_rebuild_parameter\n",
    b"ctorch\nFloatStorage\n", b"ctorch\nHalfStorage\n", b"ccollections\nOrderedDict\n",
    b"cbuiltins\nset\n", b"ccollections\nCounter\n", b"ctorch._tensor\n_rebuild_from_type_v2\n",
    b"ctorch\nTensor\n", b"cnumpy\ndtype\n", b"cnumpy.core.multiarray\nscalar\n", b"U\x02f8",
    b"c_codecs\nencode\n", b"X\x03\x00\x00\x00cpu", b"X\x01\x00\x00\x000", EXPANDED,
    b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x06tQ",
]


@given(st.lists(st.sampled_from(PARTS), max_size=25))
def test_any_pickle(parts):
    for file in (raw(b"\x80\x04" + b"".join(parts) + b".", [FLOATS]),):
        with contextlib.suppress(FileFormatError):
            cgrad.load(file)


def test_no_changed_byte_gives_other_values():
    """Archives carry checksums: what is read in spite of a change is what was written."""
    whole = archive({"w": tensor("FloatStorage", "0", 6, (2, 3), (3, 1)), "n": [1, "two"]},
                    [FLOATS]).getvalue()
    expected = str(cgrad.load(io.BytesIO(whole)))
    for place in range(len(whole)):
        for change in (1, 0x80, 0xFF):
            data = bytearray(whole)
            data[place] ^= change
            with contextlib.suppress(FileFormatError):
                assert str(cgrad.load(io.BytesIO(bytes(data)))) == expected


def test_files_of_torch():
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    file = io.BytesIO()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3,
                "weights": [model[0].weight], "half": torch.ones(2).half(),
                "view": torch.arange(6).reshape(2, 3).T, "kinds": {1, 2}}, file)
    file.seek(0)
    found = cgrad.load(file)
    for name, t in model.state_dict().items():
        np.testing.assert_array_equal(found["model"][name].numpy(), t.numpy())
    assert found["optimizer"]["param_groups"][0]["lr"] == 0.001
    assert found["epoch"] == 3 and found["kinds"] == {1, 2} and found["half"].tolist() == [1, 1]
    assert found["view"].tolist() == [[0, 3], [1, 4], [2, 5]] and found["weights"][0].requires_grad


def save(torch, obj, **options):
    file = io.BytesIO()
    torch.save(obj, file, **options)
    file.seek(0)
    return file


@pytest.mark.parametrize("new", [True, False])
def test_what_programs_save(new):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2),
                                torch.nn.LSTM(2, 3))
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 3])
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    named = torch.ones(2)
    named.label = "x"
    checkpoint = {
        "model": model.state_dict(), "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(), "epoch": 3, "best": np.float64(0.5), "none": None,
        "losses": [0.1, float("inf")], "shape": torch.Size([1, 2]), "dtype": torch.float64,
        "parameter": model[0].weight, "named": named, "device": torch.device("cpu"), "raw": b"ab",
        "grad": torch.ones(2, requires_grad=True), "bool": torch.tensor([True, False]),
        "bf16": torch.tensor([1.5, -2.0]).bfloat16(), "int8": torch.tensor([-3], dtype=torch.int8),
        "empty": torch.zeros(0, 3), "scalar": torch.tensor(2.0, dtype=torch.float64),
    }
    found = cgrad.load(save(torch, checkpoint, _use_new_zipfile_serialization=new))
    assert type(found["model"]) is OrderedDict
    for name, t in model.state_dict().items():
        np.testing.assert_array_equal(found["model"][name].numpy(), t.numpy())
    state = optimizer.state_dict()["state"]
    for i, entry in found["optimizer"]["state"].items():
        np.testing.assert_array_equal(entry["momentum_buffer"], state[i]["momentum_buffer"])
    assert found["scheduler"]["milestones"] == {2: 1, 3: 1} and found["epoch"] == 3
    assert found["best"] == 0.5 and found["none"] is None and found["losses"] == [0.1, np.inf]
    assert found["shape"] == (1, 2) and found["dtype"] is cgrad.float64 and found["raw"] == b"ab"
    assert isinstance(found["parameter"], cgrad.nn.Parameter) and found["grad"].requires_grad
    assert found["named"].tolist() == [1, 1] and found["bool"].tolist() == [True, False]
    assert found["bf16"].tolist() == [1.5, -2] and found["int8"].dtype is cgrad.int8
    assert found["empty"].shape == (0, 3) and found["scalar"].item() == 2
    ours = cgrad.nn.Sequential(cgrad.nn.Conv2d(1, 2, 3), cgrad.nn.BatchNorm2d(2),
                               cgrad.nn.LSTM(2, 3))
    ours.load_state_dict(found["model"])
    trained = cgrad.optim.SGD(ours.parameters(), 0.1, momentum=0.9)
    trained.load_state_dict(found["optimizer"])
    cgrad.optim.lr_scheduler.MultiStepLR(trained, [2, 3]).load_state_dict(found["scheduler"])
    back = io.BytesIO()                       # and what was loaded can be saved
    cgrad.save(found, back)
    back.seek(0)
    assert cgrad.load(back)["scheduler"] == found["scheduler"]


@pytest.mark.parametrize("obj", ["module", "function", "complex", "sparse"])
def test_what_is_not_read(obj):
    torch = pytest.importorskip("torch")
    values = {"module": torch.nn.Linear(1, 1), "function": torch.relu,
              "complex": torch.ones(1, dtype=torch.complex64),
              "sparse": torch.eye(2).to_sparse()}
    with pytest.raises(FileFormatError, match="only tensors and plain containers are read"):
        cgrad.load(save(torch, values[obj]))


def test_views_of_torch_share_memory():
    torch = pytest.importorskip("torch")
    x = torch.arange(6.0)
    for new in (True, False):
        found = cgrad.load(save(torch, [x, x[2:4], x.reshape(2, 3).t()],
                                _use_new_zipfile_serialization=new))
        found[0].zero_()
        assert not found[1].any() and not found[2].any()


def test_files_of_safetensors_for_torch(tmp_path):
    torch = pytest.importorskip("torch")
    package = pytest.importorskip("safetensors.torch")
    tensors = {"a": torch.randn(2, 3), "b": torch.arange(3), "h": torch.randn(3).half(),
               "bf": torch.randn(3).bfloat16(), "e": torch.zeros(0, 2), "s": torch.tensor(2.0)}
    package.save_file(tensors, tmp_path / "theirs", metadata={"format": "pt"})
    found = cgrad.load(tmp_path / "theirs")
    for name, t in tensors.items():
        np.testing.assert_array_equal(found[name].numpy(),
                                      t.float().numpy() if t.is_floating_point() else t.numpy())
    cgrad.save({"w": {"x": cgrad.ones(2)}, "n": 3}, tmp_path / "ours")
    assert package.load_file(tmp_path / "ours")["w.x"].tolist() == [1, 1]
    package.save_file({"u": torch.ones(2).to(torch.float8_e5m2)}, tmp_path / "theirs")
    with pytest.raises(FileFormatError, match="'u' has dtype 'F8_E5M2', which cgrad does not have"):
        cgrad.load(tmp_path / "theirs")
