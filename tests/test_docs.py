"""The documentation says what is true: its code runs, what it quotes from the source stands there.

A page is run from top to bottom in one namespace, by an interpreter of its own.  Blocks with `>>>`
must show what comes out (`...` stands for anything); other blocks must run.  The site itself is
built by .ci/run, with warnings as errors.
"""
import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cgrad

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
SOURCES = ROOT / "src" / "cgrad"
PAGES = [*sorted(DOCS.glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.S | re.M)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def blocks(path, *languages):
    """(line, code) of the fenced blocks of a page in one of the languages."""
    text = path.read_text("utf-8")
    for match in FENCE.finditer(text):
        if match[1] in languages:
            yield text[:match.start()].count("\n") + 2, match[2]


def run(path):
    """Run a page; raises where code raises or shows something else."""
    names = {"__name__": path.stem}
    runner = doctest.DebugRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for line, code in blocks(path, "python"):
        if ">>>" in code:
            test = doctest.DocTestParser().get_doctest(code, {}, path.name, str(path), line - 1)
            test.globs = names         # shared, so that later blocks see what this one makes
            runner.run(test, clear_globs=False)
        else:
            exec(compile("\n" * (line - 1) + code, str(path), "exec"), names)


@pytest.mark.parametrize("page", [p for p in PAGES if next(blocks(p, "python"), None)],
                         ids=lambda p: p.stem)
def test_code_of_a_page(page):
    done = subprocess.run([sys.executable, "-W", "error", __file__, page], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr


def test_wrong_output_and_errors_are_seen(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("```python\nx = 2\n```\ntext\n```python\n>>> x + 1\n4\n```\n")
    with pytest.raises(doctest.DocTestFailure):
        run(page)
    page.write_text("```python\nx = 2\n```\n\n```python\nassert x == 3\n```\n")
    with pytest.raises(AssertionError):
        run(page)


# -- what is quoted from the source --------------------------------------------------------------


def test_functions_of_the_walk_are_where_the_page_says():
    """| step | `function` | `file` | in how-it-works.md"""
    text = (DOCS / "how-it-works.md").read_text("utf-8")
    rows = re.findall(r"\| `(\w+)` \| `([\w/.]+)` \|", text)
    assert len(rows) > 15
    for function, file in rows:
        text = (SOURCES / file).read_text("utf-8")
        where = re.search(rf"^\s*(cdef|def|cpdef) [^=\n]*\b{function}\(", text, re.M)
        assert where, (function, file)


@pytest.mark.parametrize("page", ["how-it-works.md", "new-operation.md"])
def test_quoted_source_stands_in_the_source(page):
    files = [*SOURCES.rglob("*.pyx"), *SOURCES.rglob("*.[ch]"), *SOURCES.rglob("*.py"),
             *(ROOT / "tests" / "op_families").glob("*.py")]
    everything = "\n".join(path.read_text("utf-8") for path in files)
    quoted = list(blocks(DOCS / page, "cython", "c", "text"))
    assert quoted
    for _, code in quoted:
        for paragraph in code.strip().split("\n\n"):
            assert paragraph in everything, paragraph


def test_files_and_scripts_named_in_pages_exist():
    named = re.compile(r"`((?:src|tests|examples|benchmarks|tools|docs)/[\w./-]+)`")
    for page in PAGES:
        if page.name == "programs.md":         # names files of other projects
            continue
        for name in named.findall(page.read_text("utf-8")):
            assert (ROOT / name).exists(), f"{page.name} names {name}"
    lecture = (DOCS / "backpropagation.md").read_text("utf-8")
    scripts = re.findall(r"`(p\d\d_\w+\.py)`", lecture)
    assert sorted(scripts) == sorted(p.name for p in (ROOT / "examples/lecture").glob("p*.py"))
    assert re.findall(r"^## (\d+)\. ", lecture, re.M) == [str(i) for i in range(1, 16)]


# -- drawings ------------------------------------------------------------------------------------


def test_drawings_are_those_of_the_script(tmp_path):
    subprocess.run([sys.executable, ROOT / "tools" / "drawings.py", "--out", tmp_path], check=True)
    drawn = {p.name: p.read_text("utf-8") for p in tmp_path.glob("*.svg")}
    assert drawn == {p.name: p.read_text("utf-8") for p in (DOCS / "drawings").glob("*.svg")}


def test_numbers_in_the_drawings_are_computed():
    def shown(name, kind):
        text = (DOCS / "drawings" / f"{name}.svg").read_text("utf-8")
        return re.findall(rf'class="{kind}"[^>]*>([^<]*)<', text)

    x = cgrad.tensor([2.0, 3.0], requires_grad=True)
    s = (x * cgrad.tensor([4.0, 5.0])).sum()
    s.backward()
    assert f"{s.item():.1f}" in shown("rows", "code")
    assert " ".join(f"{g:.1f}" for g in x.grad.tolist()) in shown("sweep", "code")

    x, y, z = (cgrad.tensor(v, requires_grad=True) for v in (1.0, 2.0, 0.0))
    a, b = x + y, cgrad.maximum(y, z)
    f = a * b
    for t in (a, b, f):
        t.retain_grad()
    f.backward()
    assert {f"{t.item():g}" for t in (x, y, z, a, b, f)} == set(shown("graph", "value"))
    gradients = set(shown("graph", "gradient"))
    assert f"{y.grad.item() - b.grad.item():g} + {b.grad.item():g} = {y.grad.item():g}" in gradients
    assert {f"{t.grad.item():g}" for t in (x, z, a, b, f)} <= gradients


# -- links ---------------------------------------------------------------------------------------


def anchors(path):
    """The anchors of headings, as GitHub and MyST make them."""
    text = FENCE.sub("", path.read_text("utf-8"))
    for heading in re.findall(r"^#+ (.+)$", text, re.M):
        bare = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
        yield bare.replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_links_lead_somewhere(page):
    text = FENCE.sub("", page.read_text("utf-8"))
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            assert re.fullmatch(r"https://[\w.-]+\.\w+(/[\w./%#?=&~+-]*)?", target), target
            continue
        file, _, anchor = target.partition("#")
        path = (page.parent / file) if file else page
        if file.startswith("api/"):
            continue                       # written when the site is built, and checked there
        assert path.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in set(anchors(path)), f"{page.name} links to {target}"


if __name__ == "__main__":
    run(Path(sys.argv[1]))
