"""Damaged and hostile files: an error, never a crash, a hang or a wrong number."""
import contextlib
import io
import json
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cgrad
from cgrad.serialization import FileFormatError
from safetensors_files import VALUE, edited, edits, entry, load_bytes, make_file, sealed

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
        {"tensor": "i", "requires_grad": 1}, {"tensor": "i", "more": 1},
        {"tensor": "i", "view": 3}, {"tensor": "i", "view": [[2], [1], 0]},
        {"tensor": "i", "view": [[1], [1], 1]}, {"tensor": "i", "view": [[1], [1], -1]},
        {"tensor": "i", "view": [[2**61] * 4, [0] * 4, 0]}, {"tensor": "i", "view": [[1], [], 0]},
        {"tensor": "i", "view": [["1"], [1], 0]}, {"array": "none"}, {"array": "i", "view": []},
        {"dict": [[1, 2], [1, 3]]}, {"OrderedDict": [[{"dict": []}, 1]]}, {"Counter": 3},
        {"set": [[]]}, {"set": "ab"}, {"Size": ["a"]}, {"int": "no"}, {"int": 3},
        {"bytes": "?"}, {"complex": [1]}, {"complex": ["a", 1]}, {"scalar": ["object", 1]},
        {"scalar": ["int8", 300]}, {"scalar": ["float32", "1"]}, {"scalar": 3},
        {"dtype": "nn"}, {"device": "nonsense"}, {"device": 3.5},
    ],
)  # fmt: skip
def test_damaged_structures(structure):
    header = {"__metadata__": {"cgrad": json.dumps(structure)}, "i": entry("I32")}
    with pytest.raises(FileFormatError, match="the structure is damaged"):
        load_bytes(sealed(header, VALUE))


@pytest.mark.parametrize("text", ["", "[", "[" * 100_000, 3, None])
def test_structures_that_are_no_json(text):
    with pytest.raises(FileFormatError, match="the structure is damaged"):
        load_bytes(sealed({"__metadata__": {"cgrad": text}}))


def example():
    file = io.BytesIO()
    cgrad.save({"w": cgrad.ones(2), "t": (1, "text", math.nan, 0.5)}, file)
    return file.getvalue()


def test_every_cut_and_every_changed_byte_is_an_error():
    data = example()
    for end in range(len(data)):
        with pytest.raises(FileFormatError):
            load_bytes(data[:end])
    for position in range(len(data)):
        for change in (1, 0x20, 0x80, 0xFF):
            changed = bytearray(data)
            changed[position] ^= change
            with pytest.raises(FileFormatError):
                load_bytes(bytes(changed))
    with pytest.raises(FileFormatError, match="damaged, or another program has changed it"):
        load_bytes(data[:-1] + b"\x01")
    with pytest.raises(FileFormatError, match="it has no checksum"):
        load_bytes(data.replace(b"crc32", b"crc33"))


@given(edits)
def test_no_edit_passes_unseen(changes):
    data = example()
    changed = edited(data, changes)
    if changed != data:
        with pytest.raises(FileFormatError):
            load_bytes(changed)


FOREIGN = make_file({"__metadata__": {"format": "pt"}, "b": entry(shape=(2,), offsets=(4, 12)),
                     "a": entry("I32", ())}, struct.pack("<iff", 7, 1, 2))


@given(edits)
def test_edited_files_of_other_writers(changes):
    with contextlib.suppress(FileFormatError):
        found = load_bytes(edited(FOREIGN, changes))
        assert isinstance(found, dict) and all(t.numel() <= 12 for t in found.values())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["F32", "I32", "tensor", "i", [0, 4], [1], "int8"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["tensor", "view", "dict", "tuple", "float", "int", "scalar", "bytes",
                         "set", "Size", "array", "OrderedDict", "Counter", "complex", "dtype",
                         "device", "requires_grad", "parameter", "shape", "data_offsets"]),
        inner, max_size=3), max_leaves=8)


@given(json_values)
def test_any_structure(structure):
    header = {"__metadata__": {"cgrad": json.dumps(structure)}, "i": entry("I32")}
    with contextlib.suppress(FileFormatError):
        load_bytes(sealed(header, VALUE))


@given(json_values)
def test_any_header(value):
    for header in (value, {"x": value}, {"x": {**entry(), "shape": value}},
                   {"x": {**entry(), "data_offsets": value}}, {"__metadata__": value}):
        with contextlib.suppress(FileFormatError):
            load_bytes(make_file(header, VALUE))
