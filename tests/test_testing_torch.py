"""cgrad.testing, versions and Sobol points against PyTorch."""
import math

import numpy as np
import pytest

import cgrad

torch = pytest.importorskip("torch")

nan, inf = math.nan, math.inf
# Each value is made by a function of the library.
VALUES = {
    "one": lambda xp: xp.tensor([1.0, 2.0]), "near": lambda xp: xp.tensor([1.0, 2.000001]),
    "far": lambda xp: xp.tensor([1.0, 2.1]), "double": lambda xp: xp.tensor([1.0, 2.0]).double(),
    "ints": lambda xp: xp.tensor([1, 2]), "other ints": lambda xp: xp.tensor([1, 3]),
    "nan": lambda xp: xp.tensor([1.0, nan]), "inf": lambda xp: xp.tensor([1.0, inf]),
    "shape": lambda xp: xp.tensor([[1.0, 2.0]]), "bool": lambda xp: xp.tensor([True, False]),
    "scalar": lambda xp: xp.tensor(2.0), "uint8": lambda xp: xp.tensor([1, 2]).to(xp.uint8),
    "float": lambda xp: 2.0, "near float": lambda xp: 2.0 + 1e-9, "int": lambda xp: 2,
    "True": lambda xp: True, "None": lambda xp: None, "float nan": lambda xp: nan,
    "list": lambda xp: [xp.tensor([1.0]), 2.0], "tuple": lambda xp: (xp.tensor([1.0]), 2.0),
    "longer": lambda xp: [xp.tensor([1.0]), 2.0, 3], "dict": lambda xp: {"a": xp.tensor([1.0])},
    "other dict": lambda xp: {"b": xp.tensor([1.0])}, "str": lambda xp: "a",
    "array": lambda xp: np.array([1.0, 2.0], np.float32),
    "empty": lambda xp: xp.zeros(0), "large": lambda xp: xp.tensor([2**62, 5]),
    "parameter": lambda xp: xp.nn.Parameter(xp.tensor([1.0, 2.0])),
}
OPTIONS = [{}, dict(equal_nan=True), dict(rtol=0.1, atol=0.0), dict(rtol=0.0, atol=0.2),
           dict(check_dtype=False), dict(allow_subclasses=False)]


def outcome(xp, a, b, options):
    try:
        xp.testing.assert_close(VALUES[a](xp), VALUES[b](xp), **options)
    except Exception as error:
        return type(error), str(error)
    return None, ""


@pytest.mark.parametrize("a", VALUES)
def test_outcomes(a):
    for b in VALUES:
        for options in OPTIONS:
            mine, theirs = (outcome(xp, a, b, options) for xp in (cgrad, torch))
            if theirs[0] is RuntimeError and "True" in (a, b):
                continue                      # PyTorch fails to compare a bool with a number
            assert mine[0] == theirs[0], (b, options, mine, theirs)


@pytest.mark.parametrize("a, b", [("one", "far"), ("ints", "other ints"), ("one", "nan")])
def test_messages_of_tensors(a, b):
    mine, theirs = (outcome(xp, a, b, {})[1].splitlines() for xp in (cgrad, torch))
    assert len(mine) == len(theirs)
    for x, y in zip(mine, theirs):
        assert x.split(":")[0] == y.split(":")[0]
        assert ("allowed" in x) == ("allowed" in y)
        if b == "far":
            assert x == y


def test_random_tensors():
    for name in ("float32", "float64", "int64", "uint8", "bool", "int8"):
        for options in ({}, dict(low=1, high=2), dict(low=0.5, high=0.7), dict(low=2, high=1),
                        dict(requires_grad=True), dict(low=-500, high=500), dict(low=nan)):
            found = []
            for xp in (cgrad, torch):
                try:
                    x = xp.testing.make_tensor(500, dtype=getattr(xp, name), device="cpu",
                                               **options)
                    x = x.detach().double()
                    found.append((x.min().item(), x.max().item()))
                except Exception as error:
                    found.append(type(error))
            kinds = [isinstance(x, tuple) for x in found]
            assert kinds[0] == kinds[1], (name, options, found)
            if kinds[0]:
                (a, b), (c, d) = found
                assert abs(a - c) <= 0.05 * (d - c) + 1 and abs(b - d) <= 0.05 * (d - c) + 1


def test_sobol_points():
    pytest.importorskip("scipy")
    for dimension in (1, 2, 7, 40):
        mine = cgrad.quasirandom.SobolEngine(dimension)
        theirs = torch.quasirandom.SobolEngine(dimension)
        for n in (1, 5, 10):
            np.testing.assert_array_equal(mine.draw(n), theirs.draw(n))
        assert repr(mine) == repr(theirs) and mine.num_generated == theirs.num_generated


@pytest.mark.parametrize("version", ["1.13.1", "2.0.0+cpu", "2.13.0", "2.1.0a0+git12", "3.0.0rc1"])
def test_versions(version):
    from torch.torch_version import TorchVersion

    mine, theirs = cgrad.version.Version(version), TorchVersion(version)
    for other in ("1.9", "1.13.1", "2", "2.0", "2.0.0+cpu", "2.13", "3.0.0", (1, 13), (2, 0, 0),
                  (2, 13), "2.1.0"):
        for method in ("__lt__", "__le__", "__gt__", "__ge__"):
            assert getattr(mine, method)(other) == getattr(theirs, method)(other), (other, method)
