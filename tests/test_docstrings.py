"""Every example in a docstring of a public name runs and shows what it says.

The names are those of the reference (docs/_sphinx/reference.py): what a module's `__all__` lists,
and the methods of Tensor and of public classes.  Numbers are compared as numbers: the last digits,
and `1.` or `1.0000`, may depend on the processor.
"""
import doctest
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cgrad

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?(?![\w])")


def reference():
    """The module that writes the reference."""
    path = ROOT / "docs" / "_sphinx" / "reference.py"
    spec = importlib.util.spec_from_file_location("reference", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def public_names():
    """(name, object) of all that is public, an object once; first the package's own names."""
    book, seen = reference(), set()
    modules = [("cgrad", cgrad)]
    for name in book.MODULES:
        if name.split(".")[0] == "viz":        # draws with matplotlib: tests/test_viz.py
            continue
        if importlib.util.find_spec(f"cgrad.{name}") is not None:
            modules.append((f"cgrad.{name}", importlib.import_module(f"cgrad.{name}")))
    for path, module in modules:
        for thing, names in book.public(module):
            if callable(thing) and id(thing) not in seen:
                seen.add(id(thing))
                yield f"{path}.{names[0]}", thing
    for name in dir(cgrad.Tensor):
        thing = getattr(cgrad.Tensor, name)
        if not name.startswith("_") and id(thing) not in seen:
            seen.add(id(thing))
            yield f"cgrad.Tensor.{name}", thing


def documented(name, thing):
    """(name, docstring) of an object, and of a class its own methods."""
    yield name, thing.__doc__ or ""
    if isinstance(thing, type) and thing is not cgrad.Tensor:
        for member, value in vars(thing).items():
            if not member.startswith("_") and isinstance(getattr(value, "__doc__", None), str):
                yield f"{name}.{member}", value.__doc__


class Checker(doctest.OutputChecker):
    """Takes numbers for equal that are close."""

    def check_output(self, want, got, options):
        if super().check_output(want, got, options):
            return True
        wanted, found = ([float(x) for x in NUMBER.findall(text)] for text in (want, got))
        words = ["".join(NUMBER.sub("#", text).split()) for text in (want, got)]
        return words[0] == words[1] and len(wanted) == len(found) and all(
            abs(a - b) <= 2e-4 * max(1, abs(a)) for a, b in zip(wanted, found))


def run_examples():
    """Run all examples; the report of those that fail."""
    report, count = [], 0
    runner = doctest.DocTestRunner(Checker(), verbose=False, optionflags=OPTIONS)
    for name, thing in public_names():
        for title, text in documented(name, thing):
            if ">>>" in text:
                cgrad.manual_seed(0)
                test = doctest.DocTestParser().get_doctest(text, {"cgrad": cgrad}, title, None, 0)
                runner.run(test, out=report.append)
                count += 1
    print(f"{count} examples")
    return report


def test_examples_of_docstrings():
    # In an interpreter of its own: some switch what others rely on, and put it back.
    done = subprocess.run([sys.executable, __file__], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


# What may go without an example: the second form of something that has one.
SECOND_FORM = re.compile(
    r"In-place (version|form)|Deprecated|^see :|^The same as|accepted for compat", re.I | re.M)


def test_public_names_have_examples():
    texts = {name: thing.__doc__ or "" for name, thing in public_names()}
    lacking = {name for name, text in texts.items()
               if ">>>" not in text and not SECOND_FORM.search(text)}
    listed = set((Path(__file__).parent / "without_example.txt").read_text("utf-8").split())
    assert not lacking - listed, "give them an example that runs"
    assert not listed - lacking, "they have one now: take them off without_example.txt"


@pytest.mark.parametrize("want, got, same", [
    ("tensor([1., 3.])", "tensor([1.0000, 3.0000])", True),
    ("tensor([0.8413])", "tensor([0.8414])", True),
    ("tensor([0.8413])", "tensor([0.8433])", False),
    ("tensor([1., 3.])", "tensor([1., 3., 4.])", False),
    ("tensor(1.)", "tensor(1., dtype=cgrad.float64)", False),
    ("cgrad.float32", "cgrad.float64", False),
])
def test_the_checker(want, got, same):
    assert Checker().check_output(want + "\n", got + "\n", OPTIONS) == same


def test_what_is_wrong_is_reported():
    def wrong():
        """
        >>> 1 + 1
        3
        """

    runner = doctest.DocTestRunner(Checker(), verbose=False, optionflags=OPTIONS)
    report = []
    runner.run(doctest.DocTestParser().get_doctest(wrong.__doc__, {}, "wrong", None, 0),
               out=report.append)
    assert "Expected:\n    3" in "".join(report)


if __name__ == "__main__":
    failures = run_examples()
    print("".join(failures))
    sys.exit(bool(failures))
