"""Containers and plain values as JSON, and back.

JSON's own null, true, numbers, strings and arrays stand for themselves; everything else is an
object with one telling key: tensor, dict, tuple, float, ...
"""
from __future__ import annotations

import base64
import math
from collections import Counter, OrderedDict
from typing import Any

import numpy as np

import cgrad
from cgrad import Tensor
from cgrad.serialization._files import FileFormatError
from cgrad.serialization._views import Piece, make_view, share, whole_numbers

__all__ = ["Packer", "unpack"]

_MAX_DEPTH = 100  # of containers within containers
_KINDS = ("bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64")
_MAPPINGS = {"OrderedDict": OrderedDict, "Counter": Counter}


class Packer:
    """Turns an object into JSON values, and collects the arrays on the way."""

    def __init__(self) -> None:
        self._pieces: list[Piece] = []
        self._alive: list[Any] = []  # so that no address is used twice
        self._names: set[str] = set()

    def finish(self) -> dict[str, np.ndarray]:
        """The arrays to write by name; completes what :meth:`pack` returned."""
        return share(self._pieces, self._name)

    def pack(self, value: Any, path: tuple[Any, ...] = ()) -> Any:
        """The JSON value of an object, with names of tensors still to come."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, Tensor):
            return self._pack_tensor(value, path)
        if isinstance(value, np.generic):
            return self._pack_scalar(value, path)
        if isinstance(value, str):
            return str(value)
        if isinstance(value, int):
            return int(value) if -2**63 <= value < 2**64 else {"int": hex(value)}
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {"float": repr(float(value))}
        if isinstance(value, (dict, list, tuple, set, frozenset)):
            return self._pack_container(value, path)
        if isinstance(value, (bytes, bytearray)):
            return {"bytes": base64.b64encode(value).decode()}
        if isinstance(value, complex):
            return {"complex": [self.pack(value.real), self.pack(value.imag)]}
        if isinstance(value, cgrad.dtype):
            return {"dtype": value.name}
        if isinstance(value, cgrad.device):
            return {"device": str(value)}
        if isinstance(value, np.ndarray) and value.dtype.name in _KINDS:
            self._alive.append(value)
            native = value.astype(value.dtype.newbyteorder("="), copy=False)
            return self._add(native, {"array": None}, path)
        raise TypeError(f"cannot save an object of type {type(value)}{_at(path)}{_hint(value)}")

    def _pack_tensor(self, value: Tensor, path: tuple[Any, ...]) -> Any:
        entry: dict[str, Any] = {"tensor": None}
        if value.requires_grad:
            entry["requires_grad"] = True
        if isinstance(value, cgrad.nn.Parameter):
            entry["parameter"] = True
        self._alive.append(value)
        return self._add(value.detach().numpy(), entry, path)

    def _pack_scalar(self, value: Any, path: tuple[Any, ...]) -> Any:
        if isinstance(value, str):
            return str(value)
        if value.dtype.name not in _KINDS:
            raise TypeError(f"cannot save an object of type {type(value)}{_at(path)}; convert it "
                            "by .item()")
        return {"scalar": [value.dtype.name, self.pack(value.item())]}

    def _pack_container(self, value: Any, path: tuple[Any, ...]) -> Any:
        if len(path) == _MAX_DEPTH:
            raise ValueError(
                f"cannot save containers nested more than {_MAX_DEPTH} deep; "
                "does one contain itself?"
            )
        if isinstance(value, dict):
            kind = next((name for name, cls in _MAPPINGS.items() if isinstance(value, cls)), "dict")
            return {kind: [self._pack_item(k, v, path) for k, v in value.items()]}
        items = [self.pack(item, (*path, i)) for i, item in enumerate(value)]
        for kind, cls in (("Size", cgrad.Size), ("tuple", tuple), ("set", set),
                          ("frozenset", frozenset)):
            if isinstance(value, cls):
                return {kind: items}
        return items

    def _pack_item(self, key: Any, value: Any, path: tuple[Any, ...]) -> list[Any]:
        if isinstance(key, Tensor):
            raise TypeError(f"cannot save a dictionary key of type {type(key)}{_at(path)}")
        try:
            packed = self.pack(key, path)
        except TypeError:
            raise TypeError(
                f"cannot save a dictionary key of type {type(key)}{_at(path)}") from None
        return [packed, self.pack(value, (*path, key))]

    def _add(self, array: np.ndarray, entry: dict[str, Any], path: tuple[Any, ...]) -> Any:
        self._alive.append(array)
        self._pieces.append(Piece(array, entry, path))
        return entry

    def _name(self, path: tuple[Any, ...]) -> str:
        wanted = name = ".".join(map(str, path)) or "tensor"
        count = 1
        while name in self._names or name == "__metadata__":
            count += 1
            name = f"{wanted}#{count}"
        self._names.add(name)
        return name


def _at(path: tuple[Any, ...]) -> str:
    return " at " + "".join(f"[{key!r}]" for key in path) if path else ""


def _hint(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"; NumPy arrays may be of the types {', '.join(_KINDS)}, this is {value.dtype}"
    if hasattr(value, "state_dict"):
        return "; save its state_dict()"
    if hasattr(value, "__dict__") and not callable(value):
        return "; save vars(...) of it, or the values that matter"
    return ""


class _Unpacker:
    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self.tensors = tensors
        self.made: dict[Any, Tensor] = {}

    def unpack(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.unpack(item) for item in value]
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"a number is {value}")
        if not isinstance(value, dict):
            return value
        if "tensor" in value:
            return self.tensor(value, value["tensor"])
        if "array" in value:
            return self.view(value["array"], value.get("view")).numpy()
        ((kind, content),) = value.items()
        if kind in ("dict", *_MAPPINGS):
            pairs = [(self.unpack(k), self.unpack(v)) for k, v in content]
            result = _MAPPINGS.get(kind, dict)(dict(pairs))
            if len(result) != len(pairs):
                raise ValueError("a key occurs twice")
            return result
        if kind in ("tuple", "set", "frozenset", "Size"):
            if not isinstance(content, list):
                raise ValueError(f"{kind} of {type(content)}")
            items = [self.unpack(item) for item in content]
            if kind == "Size":
                return cgrad.Size(whole_numbers(items, "a shape"))
            cls: Any = {"tuple": tuple, "set": set, "frozenset": frozenset}
            return cls[kind](items)
        return _plain(kind, content)

    def view(self, name: Any, view: Any) -> Tensor:
        tensor = self.tensors[name]
        return tensor if view is None else make_view(tensor.reshape(-1), *view)

    def tensor(self, entry: dict[str, Any], name: Any) -> Tensor:
        if not set(entry) <= {"tensor", "view", "requires_grad", "parameter"}:
            raise ValueError(f"a tensor has {sorted(entry)}")
        view = entry.get("view")
        grad, parameter = (entry.get(key, False) for key in ("requires_grad", "parameter"))
        if type(grad) is not bool or type(parameter) is not bool:
            raise ValueError("a flag of a tensor is no bool")
        key = (name, repr(view), grad, parameter)
        if key not in self.made:
            found = self.view(name, view).detach()
            if parameter:
                found = cgrad.nn.Parameter(found, grad)
            elif grad:
                found.requires_grad_()
            self.made[key] = found
        return self.made[key]


def _plain(kind: str, content: Any) -> Any:
    if kind == "float":
        return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[content]
    if kind == "int":
        return int(content, 16)
    if kind == "complex":
        real, imag = (_number(part) for part in content)
        return complex(real, imag)
    if kind == "bytes":
        return base64.b64decode(content, validate=True)
    if kind == "scalar":
        name, number = content
        if name not in _KINDS:
            raise ValueError(f"a scalar of type {name!r}")
        return np.dtype(name).type(_number(number))
    if kind == "dtype":
        if content not in _KINDS:
            raise ValueError(f"a dtype {content!r}")
        return getattr(cgrad, content)
    if kind == "device":
        return cgrad.device(content)  # type: ignore[no-untyped-call]
    raise ValueError(f"unknown kind {kind!r}")


def _number(value: Any) -> Any:
    if isinstance(value, dict):
        ((kind, content),) = value.items()
        if kind in ("float", "int"):
            return _plain(kind, content)
    if not isinstance(value, (bool, int, float)):
        raise ValueError(f"a number is {value!r}")
    return value


def unpack(structure: Any, tensors: dict[str, Tensor]) -> Any:
    """The inverse of ``Packer.pack``.

    Raises:
        FileFormatError: the structure is none.
    """
    try:
        return _Unpacker(tensors).unpack(structure)
    except RecursionError:
        raise FileFormatError("the structure is nested too deeply") from None
    except (KeyError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise FileFormatError(f"the structure is damaged: {error!r}") from None
