"""Checkpoints of torch.save: read without PyTorch, safely."""
import contextlib
import io
import pickle
import struct
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

import cgrad
from cgrad.serialization import FileFormatError


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


def test_damaged_bytes_never_do_more_than_raise():
    whole = archive({"w": tensor("FloatStorage", "0", 6, (2, 3), (3, 1)), "n": [1, "two"]},
                    [FLOATS]).getvalue()
    rng = np.random.default_rng(0)
    for _ in range(300):
        data = bytearray(whole)
        for place in rng.integers(4, len(data), 3):
            data[place] = rng.integers(256)
        with contextlib.suppress(FileFormatError):
            cgrad.load(io.BytesIO(bytes(data)))


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
