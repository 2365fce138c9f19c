"""Finds the compiled modules: all lie in one library, `cgrad/_compiled.…`.

A module is compiled if its stub (`.pyi`) lies in its folder and no `.py` beside it.  setup.py links
the library; opening one costs a few milliseconds less than opening one for each module.
"""
import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec

_FOLDER = os.path.dirname(__file__)


class Finder:
    """The last entry of `sys.meta_path`: asked for what no folder has."""

    files: dict[str, frozenset[str]] = {}
    library: str | None = None

    @classmethod
    def find_spec(cls, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if not name.startswith(("cgrad._engine.", "cgrad._tensor.")):
            return None
        _, package, module = name.split(".", 2)
        if package not in cls.files:
            cls.files[package] = frozenset(os.listdir(os.path.join(_FOLDER, package)))
        if f"{module}.pyi" not in cls.files[package] or f"{module}.py" in cls.files[package]:
            return None
        if cls.library is None:
            cls.library = next(
                (file for suffix in EXTENSION_SUFFIXES
                 if os.path.exists(file := os.path.join(_FOLDER, f"_compiled{suffix}"))), None)
            if cls.library is None:
                raise ImportError(
                    f"cgrad's compiled library is not in {_FOLDER}; in a checkout of the "
                    "sources, build it: see CONTRIBUTING.md", name=name)
        spec = ModuleSpec(name, ExtensionFileLoader(name, cls.library), origin=cls.library)
        spec.has_location = True
        return spec


sys.meta_path.append(Finder)
