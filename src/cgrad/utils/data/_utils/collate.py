"""Joining samples into batches."""
from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

import cgrad
from cgrad import Tensor

__all__ = ["collate", "default_collate", "default_collate_fn_map", "default_convert"]


def default_convert(data: Any) -> Any:
    """Turn the NumPy arrays in a sample into tensors, and leave the rest as it is.

    Tuples become lists. This is what a loader without batches does with its samples.

    Example::

        >>> import numpy as np
        >>> from cgrad.utils.data import default_convert
        >>> default_convert({"x": np.zeros(2), "name": "a"})
        {'x': tensor([0., 0.], dtype=cgrad.float64), 'name': 'a'}
    """
    if isinstance(data, (Tensor, str, bytes)):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        return data if data.dtype.kind in "SUO" else cgrad.as_tensor(data)
    if isinstance(data, Mapping):
        return _mapping(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, tuple):
        members = [default_convert(value) for value in data]
        return type(data)(*members) if hasattr(data, "_fields") else members
    if isinstance(data, Sequence):
        return _sequence(data, [default_convert(value) for value in data])
    return data


def _mapping(like: Mapping[Any, Any], values: dict[Any, Any]) -> Any:
    """The values in a mapping of the type of `like`, or in a dict where that cannot be made."""
    try:
        if isinstance(like, MutableMapping):
            made = copy.copy(like)
            made.update(values)
            return made
        return type(like)(values)  # type: ignore[call-arg]
    except TypeError:
        return values


def _sequence(like: Sequence[Any], values: list[Any]) -> Any:
    try:
        if isinstance(like, MutableSequence):
            made = copy.copy(like)
            for i, value in enumerate(values):
                made[i] = value
            return made
        return type(like)(values)  # type: ignore[call-arg]
    except TypeError:
        return values


def _collate_tensors(batch: Any, *, collate_fn_map: Any = None) -> Any:
    return cgrad.stack(list(batch), 0)


def _collate_arrays(batch: Any, *, collate_fn_map: Any = None) -> Any:
    if batch[0].dtype.kind in "SUO":
        raise TypeError(_MESSAGE.format(batch[0].dtype))
    return cgrad.stack([cgrad.as_tensor(array) for array in batch], 0)


def _collate_scalars(batch: Any, *, collate_fn_map: Any = None) -> Any:
    return cgrad.as_tensor(np.stack([np.asarray(item) for item in batch]))


def _collate_floats(batch: Any, *, collate_fn_map: Any = None) -> Any:
    return cgrad.tensor(batch, dtype=cgrad.float64)


def _collate_ints(batch: Any, *, collate_fn_map: Any = None) -> Any:
    return cgrad.tensor(batch)


def _collate_strings(batch: Any, *, collate_fn_map: Any = None) -> Any:
    return batch


#: What :func:`default_collate` does with each type; a program may enter types of its own.
default_collate_fn_map: dict[Any, Callable[..., Any]] = {
    Tensor: _collate_tensors,
    np.ndarray: _collate_arrays,
    (np.bool_, np.number): _collate_scalars,
    float: _collate_floats,
    int: _collate_ints,
    str: _collate_strings,
    bytes: _collate_strings,
}

_MESSAGE = ("default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
            "found {}")


def collate(
    batch: Any,
    *,
    collate_fn_map: Mapping[Any, Callable[..., Any]] | None = None,
) -> Any:
    """Join samples into a batch by a function for each type of member.

    Args:
        batch: a list of samples.
        collate_fn_map: type, or tuple of types, -> function of a list of members of that type and
            of the keyword `collate_fn_map`. The first that fits is taken; a type itself goes
            before those it derives from. Default: none, so that only containers are joined

    Raises:
        RuntimeError: samples differ in length or shape.
        TypeError: members are of a type that has no function.
    """
    first = batch[0]
    kind = type(first)
    if collate_fn_map is not None:
        if kind in collate_fn_map:
            return collate_fn_map[kind](batch, collate_fn_map=collate_fn_map)
        for types, function in collate_fn_map.items():
            if isinstance(first, types):
                return function(batch, collate_fn_map=collate_fn_map)

    def joined(group: Any) -> Any:
        return collate(group, collate_fn_map=collate_fn_map)

    if isinstance(first, Mapping):
        return _mapping(first, {key: joined([item[key] for item in batch]) for key in first})
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return kind(*(joined(group) for group in zip(*batch)))
    if isinstance(first, Sequence):
        if any(len(item) != len(first) for item in batch):
            lengths = sorted({len(item) for item in batch})
            raise RuntimeError("each element in list of batch should be of equal size; found "
                               f"lengths {lengths}")
        members = [joined(group) for group in zip(*batch)]
        return members if isinstance(first, tuple) else _sequence(first, members)
    raise TypeError(_MESSAGE.format(kind))


def default_collate(batch: Any) -> Any:
    """Join samples into a batch.

    Tensors and NumPy arrays of one shape are stacked, numbers become a tensor (float64 for
    Python floats), strings stay a list; tuples, lists, named tuples and mappings are joined
    member by member.

    Raises:
        RuntimeError: samples differ in length or shape.
        TypeError: samples are of a type that has no batch.

    Example::

        >>> from cgrad.utils.data import default_collate
        >>> default_collate([(cgrad.zeros(2), 0), (cgrad.ones(2), 1)])[1].tolist()
        [0, 1]
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)
