"""From PyTorch's values to ours, and whether two results are the same."""
from __future__ import annotations

import fnmatch
import types

import numpy as np

import cgrad

DTYPES = ["float32", "float64", "int64", "int32", "int16", "int8", "uint8", "bool"]
TOLERANCE = {"float32": (2e-4, 2e-5), "float64": (1e-7, 1e-7)}
DUNDERS = {"__radd__", "__rdiv__", "__rmul__", "__rand__", "__ror__", "__rxor__", "__rmatmul__",
           "__rmod__", "__rpow__", "__rsub__", "__getitem__"}


def matches(name, patterns):
    """Whether a name is one of some patterns."""
    return any(fnmatch.fnmatch(name, p) for p in patterns)


class Unsupported(Exception):
    """The sample needs something that is excluded."""


def convert(x, torch, grad=True):
    """The same in cgrad: tensors with dtype, geometry and requires_grad, in nested containers."""
    if isinstance(x, torch.Tensor):
        name = str(x.dtype).removeprefix("torch.")
        if name not in DTYPES or x.layout is not torch.strided or x.ndim > 8:
            raise Unsupported(name)
        if x.device.type != "cpu":
            raise Unsupported(x.device)
        plain = x.detach().resolve_neg()
        storage = plain.untyped_storage()
        size = plain.element_size()
        n = storage.nbytes() // size
        flat = torch.empty(0, dtype=plain.dtype).set_(storage, 0, (n,), (1,)).clone()
        ours = cgrad.from_numpy(flat.numpy())
        ours = ours.as_strided(tuple(plain.shape), plain.stride(), plain.storage_offset())
        ours = ours.detach()
        if grad and x.requires_grad:
            ours.requires_grad_()
        return ours
    if isinstance(x, torch.dtype):
        name = str(x).removeprefix("torch.")
        if name not in DTYPES:
            raise Unsupported(name)
        return getattr(cgrad, name)
    if isinstance(x, torch.device):
        return "cpu"
    if isinstance(x, (torch.memory_format, torch.layout)):
        return None
    if isinstance(x, torch.Generator):
        return cgrad.Generator().manual_seed(x.initial_seed())
    if isinstance(x, complex):
        raise Unsupported("complex")
    if isinstance(x, torch.Size):
        return tuple(x)
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*(convert(v, torch, grad) for v in x))
    if isinstance(x, (list, tuple)):
        return type(x)(convert(v, torch, grad) for v in x)
    if isinstance(x, dict):
        return {k: convert(v, torch, grad) for k, v in x.items()}
    if isinstance(x, slice):
        return slice(*(convert(v, torch, grad) for v in (x.start, x.stop, x.step)))
    if isinstance(x, types.FunctionType):
        return translated(x, torch)
    if isinstance(x, torch.nn.PairwiseDistance):
        return lambda a, b: cgrad.pairwise_distance(a, b, x.norm, x.eps, x.keepdim)
    return x


def translated(function, torch):
    """A Python function of PyTorch's tests with `torch` in it meaning cgrad."""
    scope = {**function.__globals__, "torch": cgrad, "F": cgrad.nn.functional}
    made = types.FunctionType(function.__code__, scope, function.__name__,
                              function.__defaults__, function.__closure__)
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def ours_of(op, torch):
    """Our function for an entry, or None."""
    name = op.name
    if name in DUNDERS:
        return getattr(cgrad.Tensor, name, None)
    if getattr(op.op, "__name__", "") == "<lambda>" or (
            isinstance(op.op, types.FunctionType)
            and op.op.__module__.startswith("torch.testing")):
        return translated(op.op, torch)
    for candidate in (name, *(a.name for a in op.aliases)):
        found = cgrad
        try:
            for part in candidate.split("."):
                found = getattr(found, part)
        except AttributeError:
            found = getattr(cgrad.Tensor, candidate, None)
        if callable(found):
            return found
    return None


def history(ours, theirs, torch):
    """Which of the results have a history."""
    pairs = zip(flat(ours, cgrad.Tensor), flat(theirs, torch.Tensor), strict=True)
    for i, (x, y) in enumerate(pairs):
        if y.numel() and x.requires_grad != y.requires_grad:
            raise Differs(f"result {i}: requires_grad {x.requires_grad}, PyTorch {y.requires_grad}")


def exists(op, torch):
    """Whether the name itself exists (the function may be a lambda in the table)."""
    found = cgrad
    try:
        for part in op.name.split("."):
            found = getattr(found, part)
        return True
    except AttributeError:
        return hasattr(cgrad.Tensor, op.name) or hasattr(cgrad.Tensor, op.name + "_")


class Differs(Exception):
    """Ours is not PyTorch's."""


def flat(x, kinds):
    """The tensors in nested containers, in order."""
    if isinstance(x, kinds):
        return [x]
    if isinstance(x, dict):
        x = list(x.values())
    if isinstance(x, (list, tuple)):
        return [t for v in x for t in flat(v, kinds)]
    return []


def plain(x, torch):
    """What is no tensor among the results, comparable."""
    if isinstance(x, (torch.Tensor, cgrad.Tensor)):
        return "tensor"
    if isinstance(x, (torch.dtype, type(cgrad.float32))):
        return str(x).rpartition(".")[2]
    if isinstance(x, (list, tuple)):
        return [plain(v, torch) for v in x]
    if isinstance(x, float):
        return None if x != x else round(x, 5)
    return x if isinstance(x, (int, str, bool)) else None


def close(ours, theirs, what, factor=1):
    a, b = np.asarray(ours.detach().numpy()), theirs.detach().numpy()
    if a.shape != b.shape:
        raise Differs(f"{what}: shape {list(a.shape)}, PyTorch {list(b.shape)}")
    if a.dtype != b.dtype:
        raise Differs(f"{what}: dtype {a.dtype}, PyTorch {b.dtype}")
    if b.dtype.kind != "f":
        if not np.array_equal(a, b):
            raise Differs(f"{what}: other values")
        return
    rtol, atol = TOLERANCE[str(b.dtype)]
    scale = max(1.0, float(np.nanmax(np.abs(b[np.isfinite(b)]), initial=0))) if b.size else 1
    same = np.isclose(a, b, rtol=rtol * factor, atol=atol * factor * scale, equal_nan=True)
    if not same.all():
        i = np.unravel_index(int(np.argmin(same)), same.shape) if same.ndim else ()
        raise Differs(f"{what}: {a[i]!r}, PyTorch {b[i]!r} at {tuple(map(int, i))} "
                      f"({int((~same).sum())} of {same.size})")


def start_of_storage(t):
    return t.data_ptr() - t.storage_offset() * t.element_size() if t.numel() else None


def place(y, inputs):
    """Where a result lies in an input's memory: None, or (which, the same object, layout)."""
    for i, x in enumerate(inputs):
        if x.numel() and y.numel() and start_of_storage(x) == start_of_storage(y):
            used = [s for s, n in zip(y.stride(), y.shape) if n > 1]
            return i, x is y, y.storage_offset(), used
    return None


def compare_views(ours, theirs, ours_in, theirs_in, torch):
    """What shares an input's memory, with which offset and strides, and what is the input."""
    pairs = zip(flat(ours, cgrad.Tensor), flat(theirs, torch.Tensor), strict=True)
    for i, (x, y) in enumerate(pairs):
        a, b = place(x, ours_in), place(y, theirs_in)
        if a != b:
            raise Differs(f"result {i} (input, identical, offset, strides): {a}, PyTorch {b}")


def compare(ours, theirs, torch, values=True):
    """Values, dtypes, shapes, what requires a gradient, and the type of several results."""
    a, b = flat(ours, cgrad.Tensor), flat(theirs, torch.Tensor)
    if len(a) != len(b):
        raise Differs(f"{len(a)} tensors, PyTorch {len(b)}")
    fields = getattr(type(theirs), "__match_args__", ())
    if (absent := [f for f in fields if not hasattr(ours, f)]):
        raise Differs(f"{type(ours).__name__} has no {absent}, PyTorch {type(theirs).__name__}")
    if isinstance(theirs, (list, tuple)) and isinstance(ours, tuple) != isinstance(theirs, tuple):
        raise Differs(f"{type(ours).__name__}, PyTorch {type(theirs).__name__}")
    for i, (x, y) in enumerate(zip(a, b)):
        if str(y.dtype).removeprefix("torch.") not in DTYPES or y.layout is not torch.strided:
            raise Unsupported(str(y.dtype))
        if not values:
            if tuple(x.shape) != tuple(y.shape) or str(x.dtype)[6:] != str(y.dtype)[6:]:
                raise Differs(f"result {i}: {x.dtype} {list(x.shape)}, PyTorch {y.dtype} "
                              f"{list(y.shape)}")
            continue
        close(x, y, f"result {i}")
    if not a and values and plain(ours, torch) != plain(theirs, torch):
        raise Differs(f"{plain(ours, torch)!r}, PyTorch {plain(theirs, torch)!r}"[:200])


def first_and_second(xp, outputs, inputs, second, weights):
    """Gradients of a fixed combination of the outputs, and of one of these gradients."""
    leaves = [x for x in inputs if x.requires_grad]
    pairs = [(y, xp.tensor(w, dtype=y.dtype)) for y, w in zip(outputs, weights)
             if w is not None and y.requires_grad]
    if not leaves or not pairs:
        return [], None
    ys, ws = [y for y, _ in pairs], [w for _, w in pairs]
    grads = xp.autograd.grad(ys, leaves, ws, create_graph=second, allow_unused=True)
    if not second:
        return grads, None
    total = None
    for i, g in enumerate(grads):
        if g is not None and g.requires_grad:
            k = np.cos(np.arange(g.numel()) + i).reshape(tuple(g.shape))
            term = (g * xp.tensor(k, dtype=g.dtype)).sum()
            total = term if total is None else total + term
    if total is None:
        return grads, []
    return grads, xp.autograd.grad(total, leaves, allow_unused=True)


def zeros_for_none(grads, like, make):
    return [make(x) if g is None else g for g, x in zip(grads, like)]
