"""Write the pages of the reference: one for each public module, from what it offers at run time.

A name that is added to a module's `__all__` appears by itself; a new module needs a line in
MODULES.  Names without a module of their own (`import cgrad`) are grouped by the file they come
from.
"""
import importlib
import re
import types
from pathlib import Path

import cgrad

PAGES = Path(__file__).resolve().parent.parent / "api"

# Title and the last parts of the modules that functions of `cgrad` come from.
FAMILIES = {
    "creation": ("Creating tensors", "create creation interop"),
    "elementwise": ("Elementwise functions", "face elementwise binary unary special activation"),
    "reduction": ("Reductions and statistics", "reduce reduction moments scan statistics"),
    "sorting": ("Sorting and searching", "sort sorting search"),
    "shape": ("Shapes and joining", "shape strided join"),
    "indexing": ("Indexing", "index indexing take gather scatter select masks"),
    "matrix": ("Products of matrices", "matmul matrix linalg einsum distance"),
    "random": ("Random numbers", "random sampling dropout"),
    "layers": ("Layers and losses as functions",
               "softmax cross_entropy conv_face loss ctc layers vision recurrent"),
    "recording": ("Recording gradients", "grad_mode func"),
    "types": ("Types of numbers, sizes, devices", "handle size types dtype properties"),
    "settings": ("Settings and the rest", ""),
}

# Modules, in the order of the table of contents; those that do not exist are left out.
MODULES = {
    "autograd": "Gradients, custom functions, checks",
    "autograd.functional": "Jacobians and Hessians of functions",
    "autograd.graph": "The graph: nodes, hooks on saved values",
    "func": "Transformations of functions",
    "linalg": "Linear algebra",
    "special": "Special functions",
    "nn": "Layers",
    "nn.functional": "Layers as functions",
    "nn.init": "Initial weights",
    "nn.utils": "Helpers for modules",
    "nn.utils.rnn": "Sequences of different lengths",
    "nn.utils.parametrizations": "Weights under a constraint",
    "nn.utils.parametrize": "Parametrizations of one's own",
    "nn.utils.prune": "Pruning",
    "optim": "Optimizers",
    "optim.lr_scheduler": "Learning rates over time",
    "optim.swa_utils": "Averaged weights",
    "utils.data": "Data sets and loaders",
    "utils.checkpoint": "Recomputation instead of memory",
    "utils.benchmark": "Timing",
    "distributions": "Probability distributions",
    "serialization": "Files",
    "random": "State of the random numbers",
    "testing": "Comparing tensors",
    "amp": "Mixed precision (names only)",
    "compat": "Programs that import torch",
    "viz": "Graphs and curves, drawn",
    "profiler": "Where time and memory go",
    "summary": "Tables of modules",
}


def public(module):
    """Names that a module offers, those of one object together, the object's own name first."""
    names = getattr(module, "__all__", None)
    if names is None:
        names = [n for n in dir(module) if not n.startswith("_")]
    found = {}
    for name in names:
        thing = getattr(module, name)
        home = getattr(thing, "__module__", None) or "cgrad"
        if isinstance(thing, types.ModuleType) or not home.startswith("cgrad"):
            continue
        found.setdefault(id(thing), (thing, []))[1].append(name)
    for thing, aliases in found.values():
        own = getattr(thing, "__name__", None)
        aliases.sort(key=lambda name: name != own)
        yield thing, aliases


def heading(text, line="="):
    return [text, line * len(text), ""]


def entry(path, thing, aliases, described, inplace=()):
    """The directive that takes one object's docstring, or a reference to where that stands."""
    name = aliases[0]
    if isinstance(thing, type) and thing in described:
        lines = [f".. py:class:: {path}.{name}", "   :no-index-entry:", "",
                 f"   See :class:`{described[thing]}`.", ""]
    elif isinstance(thing, type):
        described[thing] = f"{path}.{name}"
        lines = [f".. autoclass:: {path}.{name}"]
        if not issubclass(thing, tuple):
            lines.append("   :members:")
        if issubclass(thing, cgrad.nn.Module) and thing is not cgrad.nn.Module:
            lines.append("   :exclude-members: forward, cls_to_become, extra_repr, "
                         "reset_parameters")
        elif issubclass(thing, cgrad.Tensor):
            lines.append("   :exclude-members: cls_to_become")
        lines.append("")
    elif callable(thing):
        lines = [f".. autofunction:: {path}.{name}", ""]
    else:
        lines = [f".. py:data:: {path}.{name}"]
        if " object at " not in repr(thing):
            lines.append(f"   :value: {thing!r}")
        lines.append("")
    for what, names in (("Other names", aliases[1:]), ("In place", inplace)):
        if names:
            lines += [f"   {what}: " + ", ".join(f"``{name}``" for name in names) + ".", ""]
    return lines


def family(thing):
    if type(thing).__name__ == "OpFunction":
        home = "face"
    elif isinstance(thing, cgrad.dtype):
        home = "dtype"
    else:
        home = (getattr(thing, "__module__", None) or "").split(".")[-1]
    return next((key for key, (_, homes) in FAMILIES.items() if home in homes.split()), "settings")


def package_pages(described):
    """The names of `cgrad` itself, a page for each family."""
    groups = {key: [] for key in FAMILIES}
    things = sorted(public(cgrad), key=lambda found: found[1][0].lower())
    names = {name for _, aliases in things for name in aliases}
    for thing, aliases in things:
        # What works in place stands with what does not.
        if thing is not cgrad.Tensor and not all(a[-1] == "_" and a[:-1] in names for a in aliases):
            groups[family(thing)].append(
                (thing, aliases, [a + "_" for a in aliases if a + "_" in names]))
    for key, (title, _) in FAMILIES.items():
        lines = heading(title) + [".. py:currentmodule:: cgrad", ""]
        for thing, aliases, inplace in groups[key]:
            lines += entry("cgrad", thing, aliases, described, inplace)
        yield f"functions.{key}", lines


def tensor_page():
    """What only Tensor has in full; for methods that are functions too, a link."""
    functions = {id(getattr(cgrad, name)): name for name in reversed(dir(cgrad))
                 if not name.startswith("_")}
    documented = {id(thing): aliases[0] for thing, aliases in public(cgrad)}
    own, shared, inplace = [], [], []
    for name in sorted(n for n in dir(cgrad.Tensor) if not n.startswith("_")):
        thing = getattr(cgrad.Tensor, name)
        same = documented.get(id(thing), functions.get(id(thing)))
        if not callable(thing):
            own += [f".. autoattribute:: cgrad.Tensor.{name}", ""]
        elif "In-place version" in (thing.__doc__ or ""):
            inplace += [f".. automethod:: cgrad.Tensor.{name}", ""]
        elif same and not same.endswith("_"):
            shared += [f".. py:method:: Tensor.{name}(...)", "", f"   See :func:`{same}`.", ""]
        else:
            own += [f".. automethod:: cgrad.Tensor.{name}", ""]
    return [*heading("Tensor"), ".. py:currentmodule:: cgrad", "",
            ".. autoclass:: cgrad.Tensor", "   :no-members:", "",
            *heading("Attributes and methods", "-"), *own,
            *heading("Functions as methods", "-"),
            "The tensor is their first argument.", "", *shared,
            *heading("In place", "-"), *inplace]


def place(home):
    """Where the classes of a file stand on the page: the basic layers first, in this order."""
    first = "module container linear affine activation conv pooling normalization batchnorm loss"
    names = first.split()
    name = home.split(".")[-1]
    return (names.index(name) if name in names else len(names), name)


def module_page(name, title, described):
    module = importlib.import_module(f"cgrad.{name}")
    path = f"cgrad.{name}"
    lines = heading(f"{path}: {title}") + [f".. automodule:: {path}", "   :no-members:", ""]
    things = list(public(module))
    homes = {}
    if name in ("nn", "nn.functional"):               # by the file they come from
        for thing, aliases in things:
            homes.setdefault(getattr(thing, "__module__", path), []).append((thing, aliases))
    for home in sorted(homes, key=place) or [""]:
        group = homes.get(home, things)
        if home:
            title = (importlib.import_module(home).__doc__ or home).splitlines()[0].rstrip(".")
            lines += heading(re.split("[:;]", title)[0], "-")
            lines += [f".. py:currentmodule:: {path}", ""]
        for thing, aliases in group:
            lines += entry(path, thing, aliases, described)
    return lines


def write(name, lines):
    """Leave a page that has not changed alone, so that it is not read again."""
    text = "\n".join(lines) + "\n"
    path = PAGES / f"{name}.rst"
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")


def generate(app=None):
    PAGES.mkdir(exist_ok=True)
    described = {}                  # classes: where
    pages = {"cgrad.Tensor": tensor_page(), **dict(package_pages(described))}
    for name, title in MODULES.items():
        try:
            pages[f"cgrad.{name}"] = module_page(name, title, described)
        except ModuleNotFoundError:
            continue
    for name, lines in pages.items():
        write(name, lines)
    toc = ["   " + name for name in pages]
    write("index", [*heading("Reference"), "Every public name, from the docstrings. Types stand in "
                    "the stubs (``.pyi``) that are installed with the package.", "",
                    ".. toctree::", "   :maxdepth: 1", "", *toc])
    for old in PAGES.glob("*.rst"):
        if old.stem not in pages and old.stem != "index":
            old.unlink()


def setup(app):
    app.connect("builder-inited", generate)
