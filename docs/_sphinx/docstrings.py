"""Docstrings, as they stand in the sources, on their way to reStructuredText.

They are written to be read in a terminal, so they use characters that mean something else here:
`*` for "any number of dimensions", `|x|`, names that end in `_`.  Outside of code these are
escaped.  Compiled functions carry their signature twice: as Cython writes it, and by hand where
that says more; the last one counts.
"""
import re

SIGNATURE = re.compile(r"^([\w.]+)\((.*)\)(?:\s*->\s*(.+))?$")
CODE = re.compile(r"(``.*?``|:\w+:`[^`]*`|`[^`]*`_*)")
SPECIAL = re.compile(r"(\*|\||(?<=\w)_(?!\w))")


def signatures(text, name):
    """The signatures at the head of a docstring, and the lines after them."""
    lines = text.splitlines()
    found = []
    while lines:
        line = lines[0].strip()
        match = SIGNATURE.match(line)
        if line and not (match and match[1].split(".")[-1] == name):
            break
        if match:
            found.append(match)
        del lines[0]
    return found, lines


def escape(line):
    parts = CODE.split(line)
    return "".join(part if i % 2 else SPECIAL.sub(r"\\\1", part) for i, part in enumerate(parts))


def escape_lines(lines):
    """Escape text; leave examples and other indented code after `::` alone."""
    depth = None                     # indentation of the line that ended in `::`
    for line in lines:
        bare = line.strip()
        indent = len(line) - len(line.lstrip())
        if depth is not None and bare and indent <= depth:
            depth = None
        if depth is not None or bare.startswith((">>>", "...")):
            yield line
            continue
        if bare.endswith("::") and not bare.startswith(".."):
            depth = indent
        yield escape(line)


def process(app, what, name, obj, options, lines):
    head, rest = signatures("\n".join(lines), name.split(".")[-1])
    if head:
        lines[:] = rest
    lines[:] = escape_lines(lines)


def signature(app, what, name, obj, options, args, result):
    """What the docstring says of the arguments, without types; else what Python says."""
    text = getattr(obj, "__doc__", None)
    if what not in ("function", "method") or not isinstance(text, str):
        return None
    head, _ = signatures(text, name.split(".")[-1])
    if not head:
        return None
    given = head[-1][2]
    given = re.sub(r"^self,?\s*", "", given)
    return f"({given})", None


def setup(app):
    app.connect("autodoc-process-docstring", process, priority=400)      # before napoleon
    app.connect("autodoc-process-signature", signature)
