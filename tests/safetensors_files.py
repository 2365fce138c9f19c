"""Files in the safetensors layout, made by hand, and edits of files."""
import io
import json
import struct
import zlib

from hypothesis import strategies as st

import cgrad

VALUE = struct.pack("<f", 1.0)


def make_file(header, body=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def sealed(header, body=b""):
    """A file of our own kind, with the checksum it needs."""
    header["__metadata__"]["cgrad.crc32"] = "00000000"
    text = json.dumps(header, separators=(",", ":")).encode()
    digits = f"{zlib.crc32(body, zlib.crc32(text)):08x}".encode()
    return make_file(text.replace(b"00000000", digits, 1), body)


def entry(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def load_bytes(data):
    return cgrad.load(io.BytesIO(data))


edits = st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["flip", "insert", "delete", "copy"]),
                           st.binary(min_size=1, max_size=6)), min_size=1, max_size=4)


def edited(data, changes):
    """Bytes changed at some places."""
    for where, how, new in changes:
        place = int(where * len(data))
        if how == "flip":
            data = data[:place] + bytes(a ^ b for a, b in zip(data[place:], new)) \
                + data[place + len(new):]
        elif how == "insert":
            data = data[:place] + new + data[place:]
        elif how == "delete":
            data = data[:place] + data[place + len(new):]
        else:
            data = data[:place] + data[:len(new)] + data[place:]
    return data
