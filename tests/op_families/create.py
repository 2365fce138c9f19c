"""Tensors out of nothing: the arguments hold shapes and numbers, and a dtype by name."""
from __future__ import annotations

import numpy as np

from op_families.spec import EVERY, Bad, Case, Sample, T


def case(name, numpy, samples, **options):
    """`dtype="int8"` in a sample stands for the library's dtype; None is the default."""
    def call(xp, *args, dtype=None, **kwargs):
        if dtype is not None:
            kwargs["dtype"] = getattr(xp, dtype)
        return getattr(xp, name)(*args, **kwargs)
    return Case(name, numpy, samples, call=call, **{
        "dtypes": ("float32",), "grad": False, "method": False, "result": None, **options})


def shape_of(shape):
    return shape[0] if shape and isinstance(shape[0], (tuple, list)) else shape


def filled(value):
    return lambda *shape, dtype=None: np.full(shape_of(shape), value, dtype or np.float32)


def full(shape, value, dtype=None):
    natural = {bool: bool, int: np.int64, float: np.float32}[type(value)]
    return np.full(shape, value, dtype or natural)


def arange(*args, dtype=None):
    natural = np.float32 if any(isinstance(a, float) for a in args) else np.int64
    return np.arange(*args).astype(dtype or natural)


def like(value):
    return lambda x: np.full_like(x, value)


SHAPES = [Sample(2, 3), Sample((2, 3)), Sample(()), Sample(0, 2), Sample([4])]
DTYPES = [Sample(2, 2, dtype=d) for d in EVERY]
LIKE = [Sample(T(2, 3)), Sample(T()), Sample(T(0, 2))]
NEGATIVE = [Bad((-1,), RuntimeError, "(?i)negative"), Bad(("a",), TypeError, "str")]

CASES = [
    case("zeros", filled(0), SHAPES + DTYPES, errors=NEGATIVE),
    case("ones", filled(1), SHAPES + DTYPES, errors=NEGATIVE),
    case("full", full, [Sample((2, 3), 2.5), Sample((2,), 3), Sample((), True), Sample(
        (2,), 2, dtype="float64"), Sample((0,), 1)], errors=[
            Bad(((2,), "a"), TypeError, "full"), Bad(((-1,), 1), RuntimeError, "(?i)negative")]),
    case("eye", lambda n, m=None, dtype=None: np.eye(n, m, dtype=dtype or np.float32), [
        Sample(3), Sample(2, 3), Sample(0), Sample(2, dtype="int64")],
        errors=[Bad((-1,), RuntimeError, "(?i)eye|greater or equal")]),
    case("arange", arange, [
        Sample(5), Sample(2, 7), Sample(1, 8, 3), Sample(5, 0, -2), Sample(0.0, 1.0, 0.25),
        Sample(3, 3), Sample(4, dtype="float64"), Sample(2.0), Sample(1, 4, dtype="uint8")],
        errors=[Bad((0, 5, 0), RuntimeError, "(?i)step|nonzero"),
                Bad((0, 5, -1), RuntimeError, "(?i)bound|step")]),
    case("linspace", lambda a, b, n, dtype=None: np.linspace(a, b, n).astype(dtype or np.float32), [
        Sample(0, 1, 5), Sample(1.0, -1.0, 3), Sample(2, 3, 1), Sample(0, 1, 0),
        Sample(0, 1, 4, dtype="float64")], errors=[Bad((0, 1, -1), RuntimeError, "(?i)steps")]),
    case("zeros_like", like(0), LIKE, dtypes=EVERY, result="same"),
    case("ones_like", like(1), LIKE, dtypes=EVERY, result="same"),
    case("full_like", np.full_like, [Sample(T(2, 3), 2), Sample(T(), 1)], dtypes=EVERY,
         result="same"),
    Case("zeros_like:dtype", lambda x: np.zeros_like(x), [Sample(T(2, 3)), Sample(T())],
         call=lambda xp, x: xp.zeros_like(x, dtype=xp.int16), dtypes=EVERY, result="int16",
         grad=False, method=False),
    case("tensor", lambda data, dtype=None: np.array(
        data, dtype or (np.float32 if isinstance(np.ravel(data).tolist()[0], float) else None)), [
            Sample([[1, 2], [3, 4]]), Sample(2.5), Sample([True, False]), Sample([1.5, 2]),
            Sample([[1]], dtype="uint8"), Sample([0, 2], dtype="bool")], errors=[
                Bad(([[1, 2], [3]],), ValueError, "(?i)length"), Bad(("text",), TypeError, "str")]),
]

def window(name, formula, **options):
    """A window as a function of the position 0 ... 1."""
    def expected(n, periodic=True, *args, dtype=None):
        ends = n if periodic else n - 1
        values = [formula(i / ends, *args) if n > 1 else 1.0 for i in range(n)]
        return np.array(values, dtype or np.float32)
    return case(name, expected, [
        Sample(5), Sample(6, False), Sample(1), Sample(0), Sample(4, dtype="float64")],
        tolerance=10, errors=[Bad((-1,), RuntimeError, "non-negative")])


CASES += [
    case("logspace", lambda a, b, n, base=10.0, dtype=None: np.logspace(a, b, n, base=base).astype(
        dtype or np.float32), [
            Sample(0, 2, 3), Sample(0.0, 1.5, 4, 2.0), Sample(1, 1, 0),
            Sample(0, 3, 4, dtype="int64")], errors=[Bad((0, 1, -1), RuntimeError, "(?i)steps")]),
    case("range", lambda *a, dtype=None: np.arange(a[0], a[1] + 1e-6, *a[2:]).astype(
        dtype or np.float32), [Sample(1, 4), Sample(0, 1, 0.25), Sample(1, 3, dtype="int64")],
        torch=False, errors=[Bad((0, 5, 0), RuntimeError, "step"),
                             Bad((0, 5, -1), RuntimeError, "bound")]),
    case("fill", lambda x, value: np.full_like(x, value), [Sample(T(2, 3), 2), Sample(T(), 1)],
         dtypes=EVERY, result="same"),
    window("hann_window", lambda p: np.sin(np.pi * p) ** 2),
    window("hamming_window", lambda p: 0.54 - 0.46 * np.cos(2 * np.pi * p)),
    window("blackman_window", lambda p: (0.42 - 0.5 * np.cos(2 * np.pi * p)
                                         + 0.08 * np.cos(4 * np.pi * p))),
    window("bartlett_window", lambda p: 2 * p if p < 0.5 else 2 - 2 * p),
    window("kaiser_window", lambda p: np.i0(24 * np.sqrt(p * (1 - p))) / np.i0(12)),
]

RANDOM = "made from nothing, at random or unset: no value to compare"
OBJECTS = "from other objects: test_interop.py, test_tensor.py"
FACTS = "no tensors: test_properties.py, test_tensor.py, test_types.py"
ELSEWHERE = {
    **dict.fromkeys([
        "Generator", "bernoulli", "default_generator", "empty", "empty_like", "empty_permuted",
        "empty_strided", "get_rng_state", "initial_seed", "manual_seed", "multinomial", "normal",
        "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "seed",
        "set_rng_state"], RANDOM),
    **dict.fromkeys(["as_tensor", "asarray", "from_numpy", "frombuffer", "scalar_tensor"],
                    OBJECTS),
    **dict.fromkeys(["detach", "detach_", "get_device", "is_nonzero", "is_same_size", "resize_as_",
                     "set_default_tensor_type", "typename"], FACTS),
    **dict.fromkeys(["broadcast_shapes", "can_cast", "promote_types", "result_type",
                     "is_floating_point", "is_tensor", "numel"], FACTS),
    **dict.fromkeys(["dropout", "embedding"], "the engine's part of a function in nn.functional"),
}
