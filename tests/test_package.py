"""The package as a whole: layers, what an import costs, what is shipped, how files are built."""
import ast
import importlib
import importlib.machinery
import importlib.util
import marshal
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cgrad
from cgrad import _library

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "src" / "cgrad"
INSTALLED = Path(cgrad.__file__).parent

# Layers from below; a file may import from its own layer and from those before it.
LAYERS = ["_kernels", "_engine", "_tensor", "python"]

# The Python layer, finer: package or module -> those beside it that it may import.  What is not
# listed here, and the names of `cgrad` itself, may be imported by all of them.
PYTHON_IMPORTS = {
    "autograd": {"autograd"},
    "utils": {"utils", "autograd"},
    "serialization": {"serialization"},
    "nn": {"nn", "autograd", "utils"},
    "optim": {"optim", "autograd", "utils", "nn"},
}

MAX_LINES = 600
LONG_FILES = {       # file, relative to the root -> why it is one thing all the same
    "src/cgrad/_tensor/tensor.pyx": "one extension class, which cannot be spread over files",
}


def layer_of(path):
    first = path.relative_to(SOURCES).parts[0]
    return LAYERS.index(first) if first in LAYERS else LAYERS.index("python")


def python_imports(path):
    """All modules that a Python file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def cython_imports(path):
    """The same for a Cython file: `import`, `cimport`, `from … import`, `from … cimport`."""
    for line in path.read_text("utf-8").splitlines():
        if match := re.match(r"\s*from\s+([\w.]+)\s+c?import\s+([^#]*)", line):
            yield match[1]
            yield from (f"{match[1]}.{name}" for name in re.findall(r"\w+", match[2]))
        elif match := re.match(r"\s*c?import\s+([\w., ]+)", line):
            yield from (name.split()[0] for name in match[1].split(",") if name.strip())


def includes(path):
    """The project's own headers that a C or Cython file includes, as paths."""
    pattern = r'(?:#\s*include|cdef extern from)\s+"([^"<>]+)"'
    for name in re.findall(pattern, path.read_text("utf-8")):
        target = (path.parent / name).resolve()
        if name.startswith(".") or target.exists():
            yield target


def files(*patterns):
    found = sorted(p for pattern in patterns for p in SOURCES.rglob(pattern))
    assert found, patterns
    return found


@pytest.mark.parametrize("path", files("*.py", "*.pyx", "*.pxd"),
                         ids=lambda p: str(p.relative_to(SOURCES)))
def test_imports_point_downward(path):
    # Stubs are left out: they run nowhere, and say Tensor for what the engine makes through wrap().
    imports = python_imports if path.suffix == ".py" else cython_imports
    own = path.relative_to(SOURCES).with_suffix("").parts[0]
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "cgrad":
            continue
        target = SOURCES / parts[1] if len(parts) > 1 else SOURCES / "__init__"
        assert layer_of(target) <= layer_of(path), f"{path.name} imports {name}, above it"
        if own in PYTHON_IMPORTS and len(parts) > 1 and parts[1] in PYTHON_IMPORTS:
            assert parts[1] in PYTHON_IMPORTS[own], f"{own} must not import {name}"


def test_a_wrong_import_would_be_seen(tmp_path):
    wrong = tmp_path / "wrong.pyx"
    wrong.write_text("from cgrad._tensor.tensor cimport Tensor\n    import cgrad.nn as nn\n")
    assert {"cgrad._tensor.tensor", "cgrad.nn"} <= set(cython_imports(wrong))
    lazy = tmp_path / "lazy.py"
    lazy.write_text("def f():\n    from cgrad import nn\n    import cgrad.optim\n")
    assert {"cgrad.nn", "cgrad.optim"} <= set(python_imports(lazy))


@pytest.mark.parametrize("path", files("*.c", "*.h", "*.pyx", "*.pxd"),
                         ids=lambda p: str(p.relative_to(SOURCES)))
def test_includes_point_downward(path):
    for target in includes(path):
        assert target.is_relative_to(SOURCES), f"{path.name} includes {target}"
        assert layer_of(target) <= layer_of(path), f"{path.name} includes {target.name}, above it"


@pytest.mark.parametrize("path", files("_kernels/*"), ids=lambda p: p.name)
def test_kernels_are_plain_c(path):
    assert path.suffix in (".c", ".h")
    text = path.read_text("utf-8")
    assert not re.search(r"#\s*include\s*[<\"](Python|numpy/)", text)
    assert not re.search(r"\bPy(?!Torch)[A-Z]\w+|\bPy_\w+", text)


def test_import_loads_no_more_than_it_needs():
    """`import cgrad` after `import numpy` loads the engine and little else; the rest is lazy."""
    program = ("import sys, numpy; before = set(sys.modules); import cgrad\n"
               "print(*sorted(set(sys.modules) - before))")
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                            check=True).stdout.split()
    ours = {name for name in loaded if name.split(".")[0] == "cgrad"}
    top = {name.split(".")[1] for name in ours if "." in name}
    assert top <= {"_engine", "_library", "_tensor", "_composite", "autograd", "return_types"}
    others = {name.split(".")[0] for name in set(loaded) - ours}
    others = {name for name in others if not name.startswith(("_cython", "cython_runtime"))}
    assert others <= {"__future__"}


def test_lazy_submodules_are_there():
    program = ("import cgrad; cgrad.nn.Linear, cgrad.optim.SGD, cgrad.utils.data.DataLoader\n"
               "cgrad.nn.functional.relu, cgrad.save, cgrad.load, cgrad.autograd.gradcheck\n"
               "assert {'nn', 'optim', 'utils', 'autograd'} <= set(dir(cgrad))")
    subprocess.run([sys.executable, "-c", program], check=True)


def test_installed_size_is_under_ten_megabytes():
    """What is shipped, and the bytecode that pip makes of it."""
    shipped = (".py", ".pyi", ".typed", ".js", ".css", ".html",
               *importlib.machinery.EXTENSION_SUFFIXES)    # no sources
    total = sum(p.stat().st_size for p in INSTALLED.rglob("*") if p.name.endswith(shipped))
    if INSTALLED != SOURCES:          # a build in place keeps the names of functions, half a MB
        total += sum(len(marshal.dumps(compile(p.read_bytes(), str(p), "exec")))
                     for p in INSTALLED.rglob("*.py"))
    assert total < 10_000_000


def test_all_modules_are_compiled_and_have_stubs():
    """Each lies in the one library, and nothing compiled lies elsewhere."""
    (library,) = [p for p in INSTALLED.rglob("*")
                  if p.name.endswith(tuple(importlib.machinery.EXTENSION_SUFFIXES))]
    listed = {f"{package}.{name}" for package, names in _library.MODULES.items()
              for name in names.split()}
    sources = {".".join(("cgrad", *path.relative_to(SOURCES).with_suffix("").parts)): path
               for path in files("*.pyx")}
    assert listed == set(sources), "list the module in src/cgrad/_library.py"
    for name, path in sources.items():
        assert Path(importlib.import_module(name).__file__) == library
        assert (INSTALLED / path.relative_to(SOURCES)).with_suffix(".pyi").exists()
    assert (INSTALLED / "py.typed").exists()


def test_what_is_not_in_the_library_is_not_found():
    for name in ("cgrad._engine.nothing", "cgrad._tensor.nothing", "cgrad._tensor.size.nothing"):
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(name)
    assert importlib.util.find_spec("cgrad._engine.nothing") is None


def test_every_package_is_shipped():
    shipped = {p.relative_to(INSTALLED) for p in INSTALLED.rglob("*.py")}
    assert {p.relative_to(SOURCES) for p in files("*.py")} == shipped


def test_files_stay_short():
    patterns = ("*.py", "*.pyx", "*.pxd", "*.pxi", "*.c", "*.h")
    folders = [SOURCES, ROOT / "tests", ROOT / "benchmarks", ROOT / "examples"]
    sources = [p for folder in folders for pattern in patterns for p in folder.rglob(pattern)]
    long = {}
    for path in [ROOT / "setup.py", *sources]:
        lines = len(path.read_text("utf-8").splitlines())
        if lines > MAX_LINES:
            long[path.relative_to(ROOT).as_posix()] = lines
    unlisted = {name: lines for name, lines in long.items() if name not in LONG_FILES}
    assert not unlisted, "split them, or list them with the reason why each is one thing"
    assert set(LONG_FILES) <= set(long), "no longer long: take them off the list"


def test_nothing_is_tuned_for_the_machine_that_builds():
    built_by = [ROOT / "setup.py", ROOT / "pyproject.toml", *files("*.c", "*.h", "*.pyx")]
    for path in built_by:
        code = "\n".join(line for line in path.read_text("utf-8").splitlines()
                         if "no -march=native" not in line)
        assert not re.search(r"-m(arch|tune|cpu)=|-ffast-math|-Ofast|/fp:fast|/arch:", code), path


def test_intrinsics_have_a_portable_twin():
    for path in files("*.c", "*.h"):
        text = path.read_text("utf-8")
        if re.search(r"#\s*include\s*<(immintrin|x86intrin|xmmintrin|arm_neon|cpuid)\.h>", text):
            assert re.search(r"#\s*if.*(__x86_64__|__aarch64__|_M_X64|__ARM_NEON)", text), path


def test_versions_agree():
    declared = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.M)
    assert declared[1] == cgrad.__version__


@pytest.mark.parametrize("heading", ["Run it", "Test it"])
def test_readme_commands_can_be_taken_out(heading):
    line = subprocess.run([sys.executable, ROOT / ".ci" / "readme_command.py", heading],
                          capture_output=True, text=True, check=True).stdout.strip()
    assert line and "\n" not in line and line in (ROOT / "README.md").read_text("utf-8")


def test_readme_tour_runs():
    text = (ROOT / "README.md").read_text("utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.S)[1]
    assert len(code.splitlines()) <= 25
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                            check=True).stdout
    accuracy = float(re.search(r"accuracy ([\d.]+)%", output)[1])
    assert accuracy > 90


def test_no_module_is_hidden_by_a_function_of_its_name():
    """``from package.name import …`` and ``package.name`` would be two things."""
    folder = SOURCES / "nn" / "functional"
    modules = {path.stem for path in folder.glob("*.py")}
    assert not modules & set(dir(cgrad.nn.functional)) - {
        name for name in modules if type(getattr(cgrad.nn.functional, name, None)) is type(ast)}
