"""Finds the compiled modules: all lie in one library, `cgrad/_compiled.…`.

setup.py links it; opening one library takes a few milliseconds less than opening one for each
module.
"""
import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, ModuleSpec

# A test compares them with the sources.
MODULES = {
    "cgrad._engine": (
        "accumulate activation attention backward binary conv conv_face create cross_entropy "
        "elementwise face factored flat function gather handle hooks implicit index inplace "
        "join lapack loops loss masks matmul memory mode module moments norm optim parametric "
        "primitives profile random recurrent reduce rows sampling scan scatter select shape "
        "softmax sort sparse special strided table take threads tracing unary window "
    ),
    "cgrad._tensor": (
        "graph interop tensor "
    ),
}  # fmt: skip
_NAMES = {f"{package}.{name}" for package, names in MODULES.items() for name in names.split()}


class Finder:
    """The last entry of `sys.meta_path`: asked for what no folder has."""

    library: str | None = None

    @classmethod
    def find_spec(cls, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name not in _NAMES:
            return None
        if cls.library is None:
            cls.library = _library()
        spec = ModuleSpec(name, ExtensionFileLoader(name, cls.library), origin=cls.library)
        spec.has_location = True
        return spec


def _library() -> str:
    folder = os.path.dirname(__file__)
    for suffix in EXTENSION_SUFFIXES:
        file = os.path.join(folder, f"_compiled{suffix}")
        if os.path.exists(file):
            return file
    raise ImportError(f"cgrad's compiled library is not in {folder}; in a checkout of the sources, "
                      "build it: see CONTRIBUTING.md")


sys.meta_path.append(Finder)
