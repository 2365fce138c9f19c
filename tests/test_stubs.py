"""The stubs say what the compiled modules offer: the same names, parameters and defaults."""
import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import cgrad

FOLDER = Path(cgrad.__file__).parent
STUBS = sorted(p for p in FOLDER.rglob("*.pyi") if p.with_suffix(".py").name != "__init__.py")
TENSOR = FOLDER / "_tensor" / "tensor.pyi"


def definitions(body):
    """name -> its definitions: several for an overloaded function or a property with a setter."""
    found = {}
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.AnnAssign):
            found.setdefault(node.target.id, []).append(node)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                found.setdefault(target.id, []).append(node)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if alias.asname:
                    found.setdefault(alias.asname, []).append(node)
    return found


def stub_of(path):
    return definitions(ast.parse(path.read_text("utf-8")).body)


def overloaded(node):
    return any(isinstance(d, ast.Name) and d.id == "overload" for d in node.decorator_list)


def parameters(node):
    """(name, has a default) of each parameter, `*` and `**` included in the name."""
    args = node.args
    plain = [a.arg for a in args.posonlyargs + args.args]
    first = len(plain) - len(args.defaults)
    yield from ((name, i >= first) for i, name in enumerate(plain))
    if args.vararg:
        yield "*" + args.vararg.arg, False
    for a, default in zip(args.kwonlyargs, args.kw_defaults):
        yield a.arg, default is not None
    if args.kwarg:
        yield "**" + args.kwarg.arg, False


def real_parameters(function):
    star = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    # The in-place form of a function has the signature of that function.
    for p in inspect.signature(getattr(function, "function", function)).parameters.values():
        yield star.get(p.kind, "") + p.name, p.default is not p.empty


def wrong_parameters(stub, owner, method=False):
    """The functions of `owner` whose parameters differ from those in the stub, with both."""
    for name, nodes in stub.items():
        node, real = nodes[0], getattr(owner, name, None)
        if not isinstance(node, ast.FunctionDef) or name.startswith("__") or overloaded(node):
            continue
        if not callable(real):
            continue      # a property, or absent: that is for another line of the test
        said, found = list(parameters(node)), list(real_parameters(real))
        if method:
            said, found = said[1:], found[1:]
        if said != found:
            yield name, said, found


@pytest.mark.parametrize("path", STUBS, ids=lambda p: str(p.relative_to(FOLDER)))
def test_stub_matches_its_module(path):
    parts = path.relative_to(FOLDER).with_suffix("").parts
    module = importlib.import_module(".".join(("cgrad", *parts)))
    own = {name for name, x in vars(module).items()
           if not name.startswith("_") and getattr(x, "__module__", None) == module.__name__}
    stub = stub_of(path)
    assert own <= set(stub), "not in the stub"
    assert not [name for name in stub if not hasattr(module, name) and name[0] != "_"], "only there"
    assert not list(wrong_parameters(stub, module))


def test_stub_of_tensor_is_complete():
    (cls,) = stub_of(TENSOR)["Tensor"]
    stub = definitions(cls.body)
    real = {name for name in dir(cgrad.Tensor)
            if not name.startswith("_") or name in vars(cgrad.Tensor)}
    ignored = {"__reduce_ex__", "__new__", "__doc__", "__module__", "__repr__", "__pyx_vtable__",
               "__dict__", "__weakref__", "__setstate_cython__", "__reduce_cython__",
               "__getattribute__", "__test__"}
    assert real - set(stub) - ignored == set(), "not in the stub"
    hidden = {"__buffer__"}       # a slot without a name before Python 3.12
    assert {n for n in stub if not hasattr(cgrad.Tensor, n)} - hidden == set(), "only in the stub"
    assert not list(wrong_parameters(stub, cgrad.Tensor, method=True))


def test_stub_of_the_package_is_complete():
    stub = stub_of(FOLDER / "__init__.pyi")
    real = {name for name in dir(cgrad) if not name.startswith("_")}
    assert real <= set(stub), "not in the stub"
    assert not [name for name in stub if not hasattr(cgrad, name) and name[0] != "_"], "only there"
    assert not list(wrong_parameters(stub, cgrad))


def test_a_wrong_stub_would_be_seen():
    source = "def sum(input, axis=None): ...\ndef exp(input, *, out=None): ..."
    stub = definitions(ast.parse(source).body)
    assert [name for name, *_ in wrong_parameters(stub, cgrad)] == ["sum"]


def test_stubs_are_those_that_the_tool_writes():
    tool = Path(__file__).resolve().parent.parent / "tools" / "stubs.py"
    run = subprocess.run([sys.executable, str(tool), "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
