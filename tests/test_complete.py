"""No operation without a case, a docstring, a stub and a benchmark row; and a checker that sees
what is wrong."""
from __future__ import annotations

import ast
import importlib
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

import cgrad
import cgrad._functions  # loads what import cgrad leaves for later
import op_cases
from cgrad._engine import table
from checker import WrongDerivative, check_gradients, check_second
from op_cases import ALIASES, CASES, ELSEWHERE, INTERNAL, arguments, draw_all, recorded

ROOT = Path(__file__).resolve().parent.parent
STUBS = Path(cgrad.__file__).parent

NAMES = {case.name for case in CASES}
PUBLIC = sorted({case.name.split(":")[0] for case in CASES} - {"getitem", "setitem"})


def covered():
    """Names of the table's operations that some case runs."""
    names = {case.label for case in CASES if case.call is None or ":" not in case.name}
    return names.union(*(case.covers for case in CASES))


# Written in Python: test_function.py.  Gradients that are no tensors: test_sparse.py.  A derivative
# that raises: test_autograd.py.
CUSTOM = {"function", "function_output", "embedding_sparse", "first_only"}


@pytest.mark.parametrize("operation", sorted(set(table.operations()) - CUSTOM))
def test_every_operation_has_a_case(operation):
    if operation in INTERNAL:
        assert INTERNAL[operation] in NAMES
    else:
        assert operation in covered(), (
            "add a row to op_families/, or to op_cases.INTERNAL with the case that runs it")


def test_nothing_is_listed_that_does_not_exist():
    operations = set(table.operations())
    assert set(INTERNAL) <= operations
    assert not {name for case in CASES for name in case.covers} - operations
    assert not table.undefined_operations()


def graph_names(root):
    """Names of the operations in the graph behind a tensor."""
    found, todo, seen = set(), [root.grad_fn], set()
    while todo:
        fn = todo.pop()
        if fn is None or id(fn) in seen:
            continue
        seen.add(id(fn))
        keep.append(fn)
        found.add(fn.name().removesuffix("Backward0").lower())
        todo += [next for next, _ in fn.next_functions]
    return found


keep = []      # grad_fn objects are made on demand: keeps their ids apart


def test_every_derivative_is_run_by_a_case():
    """The graphs of all cases, their first and second derivatives: each rule appears."""
    found = set()
    for case, dtype in itertools.product(CASES, ("float32", "float64")):
        if not case.grad or dtype not in case.dtypes:
            continue
        for sample, arrays in draw_all(case, dtype):
            args, kwargs, leaves = recorded(cgrad, sample, arrays)
            outputs = case.function(cgrad)(*args, **kwargs)
            outputs = outputs if isinstance(outputs, (tuple, list)) else [outputs]
            for y in outputs:
                if not y.requires_grad:
                    continue
                found |= graph_names(y)
                grads = cgrad.autograd.grad((y * y).sum(), leaves, create_graph=True,
                                            allow_unused=True)
                for g in grads:
                    if g is not None and g.requires_grad:
                        found |= graph_names(g)
            keep.clear()
    rules = {name for name in table.operations() if table.differentiable(name)}
    assert not {name for name in rules - CUSTOM if name.replace("_", "") not in found}


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_operation_has_a_docstring(name):
    functions = [op for op in (resolve(cgrad, name), getattr(cgrad.Tensor, name, None))
                 if op is not None]
    assert functions, "neither a function nor a method"
    for function in functions:
        text = (function.__doc__ or "").strip()
        assert len(text) > 20, f"{function} says nothing"


def resolve(module, name):
    for part in name.split("."):
        module = getattr(module, part, None)
    return module


def declared(path, *, inside=None):
    """Names defined in a stub or a Python file, or in one of its classes."""
    body = ast.parse(path.read_text("utf-8")).body
    if inside is not None:
        (body,) = [n.body for n in body if isinstance(n, ast.ClassDef) and n.name == inside]
    names = set()
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.Assign):
            names |= {t.id for t in node.targets if isinstance(t, ast.Name)}
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {a.asname or a.name for a in node.names}
    return names


STUB = {
    "": declared(STUBS / "__init__.pyi"),
    "nn.functional": set().union(*map(declared, (STUBS / "nn" / "functional").glob("*.py"))),
    "special": declared(STUBS / "special.py"),
    "linalg": set().union(*map(declared, (STUBS / "linalg").glob("*.py"))),
    "Tensor": declared(STUBS / "_tensor" / "tensor.pyi", inside="Tensor"),
}


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_operation_has_a_stub(name):
    module, _, leaf = name.rpartition(".")
    if resolve(cgrad, name) is not None:
        assert leaf in STUB[module]
    if not module and hasattr(cgrad.Tensor, leaf):
        assert leaf in STUB["Tensor"]


def test_every_inplace_form_has_a_stub():
    forms = {case.label + "_" for case in CASES if case.inplace}
    assert forms <= STUB["Tensor"]


def test_every_public_function_has_a_case():
    """What `import cgrad` offers as operations is in the table of cases, or tested elsewhere."""
    from cgrad._engine import face

    operations = set(face.public) | set(cgrad._composite.PUBLIC)
    assert operations - set(PUBLIC) - set(ALIASES) <= set(ELSEWHERE)


@pytest.mark.parametrize("alias", ALIASES)
def test_an_alias_is_the_operation(alias):
    x = cgrad.tensor([0.2, 0.5])
    name = ALIASES[alias]
    assert name in PUBLIC
    operands = {"cat": [[x, x]], "clamp": [x, 0.3, 0.4]}.get(name)
    if operands is None:
        (sample, arrays), *_ = draw_all(next(c for c in CASES if c.name == name), "float32")
        operands = arguments(cgrad, sample, arrays)[0]
    found, expected = (resolve(cgrad, n)(*operands) for n in (alias, name))
    found, expected = (x if isinstance(x, tuple) else (x,) for x in (found, expected))
    assert len(found) == len(expected) and all(map(cgrad.equal, found, expected))


# -- the benchmark reads the same table ----------------------------------------------------------


@pytest.fixture(scope="module")
def benchmark_cases():
    folder = str(ROOT / "benchmarks")
    sys.path.insert(0, folder)
    yield importlib.import_module("ops").CASES
    sys.path.remove(folder)


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_every_case_has_a_benchmark_row(case, benchmark_cases):
    row = benchmark_cases[f"op-{case.name}"]
    statement, names = row.build("cgrad")
    eval(statement, names)


# -- the checker is checked ----------------------------------------------------------------------

X = np.array([[0.3, -0.7], [1.2, 0.4]])

WRONG_FIRST = {
    "half of the product rule": lambda x: x.detach() * x,
    "sign": lambda x: x.sin().detach() * 2 - x.sin(),
    "lost input": lambda x: x * 2 + (x.detach() * 3).exp(),
    "factor": lambda x: x.exp() * 1.001 - (x.exp() * 0.001).detach(),
    "one entry": lambda x: x * cgrad.tensor([[1.0, 1.0], [1.0, 0.999]], dtype=cgrad.float64)
    + (x * cgrad.tensor([[0.0, 0.0], [0.0, 0.001]], dtype=cgrad.float64)).detach(),
    "transposed": lambda x: (x * x) + (x.t() * x.t() - (x * x)).detach(),
    "nan": lambda x: (x * 0).sqrt() + x,
}
WRONG_SECOND = {
    "a gradient that is taken for constant": lambda x: x * x.detach() * 2 - x.detach() ** 2,
    "a factor of it": lambda x: (x**3 * 0.999) + 0.001 * (
        3 * x.detach() ** 2 * x - 2 * x.detach() ** 3),
}


@pytest.mark.parametrize("wrong", WRONG_FIRST)
def test_a_planted_wrong_derivative_is_caught(wrong):
    with pytest.raises(WrongDerivative, match="input 0.*wrong|of input 0"):
        check_gradients(WRONG_FIRST[wrong], [X])


@pytest.mark.parametrize("wrong", WRONG_SECOND)
def test_a_planted_wrong_second_derivative_is_caught(wrong):
    check_gradients(WRONG_SECOND[wrong], [X])
    with pytest.raises(WrongDerivative, match="second derivative of input 0"):
        check_second(WRONG_SECOND[wrong], [X])


def test_the_planted_ones_are_right_without_the_plant():
    for function in (lambda x: x * x, lambda x: -x.sin(), lambda x: x * 2 + (x * 3).exp(),
                     lambda x, y: x @ y, lambda x: (x.sum(), x.prod())):
        arrays = [X] * function.__code__.co_argcount
        check_gradients(function, arrays)
        check_second(function, arrays)


def test_the_report_names_input_place_and_both_values():
    def wrong(x, y):
        return x * 2 + y * y.detach()

    with pytest.raises(WrongDerivative) as error:
        check_gradients(wrong, [X, np.array([[1.0, 2.0], [0.5, 1.5]])])
    lines = str(error.value).split("\n")
    assert lines[0] == "the derivative of input 1: 4 of 4 entries are wrong"
    assert len(lines) == 5 and all("difference quotient" in line for line in lines[1:])
    place, values = lines[1].split(": ")
    assert place.strip().startswith("at (")
    found, expected = (float(part.split()[-1]) for part in values.split(","))
    assert expected == pytest.approx(2 * found)


def test_a_row_without_a_case_would_be_seen(monkeypatch):
    monkeypatch.setattr(op_cases, "CASES", CASES)
    with pytest.raises(AssertionError, match="add a row"):
        test_every_operation_has_a_case("an_operation_without_a_case")
