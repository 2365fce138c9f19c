"""The benchmark suite runs: its mechanics, no figure of it."""
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"


def run(*options):
    return subprocess.run(
        [sys.executable, str(FOLDER / "run.py"), *options],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.fixture(scope="module")
def suite():
    sys.path.insert(0, str(FOLDER))
    import suite

    yield suite
    sys.path.remove(str(FOLDER))


def test_one_case_against_two_peers(tmp_path):
    options = ["--quick", "--only", "scalar-multiply", "--peers", "python", "numpy"]
    done = run(*options, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "[scalar-multiply]" in done.stdout
    assert done.stdout.count("x cgrad") == 2
    report = json.loads((tmp_path / "benchmark.json").read_text())
    (case,) = report["cases"]
    assert set(case["results"]) == {"cgrad", "python", "numpy"}
    for result in case["results"].values():
        assert 3 <= len(result["samples"]) <= 5
        assert result["low"] <= result["median"] <= result["high"]
    ratio = case["results"]["python"]["median"] / case["results"]["cgrad"]["median"]
    assert math.isclose(case["results"]["python"]["ratio"], ratio)
    if "no chart" not in done.stdout:
        assert (tmp_path / "benchmark.png").read_bytes()[:4] == b"\x89PNG"


def test_figures_from_fresh_processes(tmp_path):
    done = run("--quick", "--only", "node-bytes", "--peers", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "benchmark.json").read_text())
    assert [case["name"] for case in report["cases"]] == ["node-bytes", "node-bytes-counted"]


def test_the_limit_takes_its_turn(tmp_path):
    options = ["--quick", "--only", "scalar-multiply", "layernorm", "--peers", "limit"]
    done = run(*options, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("% of it reached") == 2
    report = json.loads((tmp_path / "benchmark.json").read_text())
    assert all(0 < case["results"]["limit"]["ratio"] < 1 for case in report["cases"])


def test_tables_of_a_report(suite, tmp_path):
    import report

    def case(name, threads=1, **results):
        return {"name": name, "title": name.title(), "unit": "s", "group": "", "threads": threads,
                "results": {library: {"median": m} for library, m in results.items()}}  # fmt: skip

    cases = [case("moons", cgrad=2e-3, torch=4e-3, limit=1e-3), case("lstm", cgrad=3.0),
             case("moons", 2, cgrad=1.0)]  # fmt: skip
    lines = report.table({"cases": cases}, 1, limit=True).splitlines()
    assert lines[0] == "| | cgrad | PyTorch | of the limit |"
    assert lines[2:] == ["| Moons | **2.00 ms** | 4.00 ms | 50% |", "| Lstm | **3.00 s** |  |  |"]
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- figures -->\nold\n<!-- end of figures -->\nb\n")
    report.replace(page, "figures", "new\n")
    assert page.read_text() == "a\n<!-- figures -->\nnew\n<!-- end of figures -->\nb\n"


@pytest.mark.parametrize("page, name", [
    ("README.md", "figures"), ("docs/performance.md", "figures"),
    ("docs/performance.md", "scaling"), ("docs/performance.md", "where")])
def test_pages_have_the_marks(page, name):
    text = (FOLDER.parent / page).read_text(encoding="utf-8")
    assert text.count(f"<!-- {name} -->") == text.count(f"<!-- end of {name} -->") == 1


def test_mistakes_are_said(tmp_path):
    done = run("--only", "nonsense")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no case named like 'nonsense'" in done.stderr
    assert run("--threads", "0").returncode == 2
    assert run("--peers", "tensorflow").returncode == 2


def test_a_failing_case_is_reported(suite, monkeypatch):
    import harness

    worker = harness.Worker("cgrad", 1)
    try:
        found = harness.measure("no such case", {"cgrad": worker}, harness.QUICK)
        assert "no such case" in found["cgrad"].error
        # The process goes on.
        found = harness.measure("scalar-multiply", {"cgrad": worker}, harness.QUICK)
        assert found["cgrad"].median > 0
    finally:
        worker.close()


def test_every_case_has_cgrad(suite):
    assert all("cgrad" in case.builders for case in suite.CASES.values())


@pytest.mark.parametrize(
    "seconds, text",
    [(1.5, "1.50 s"), (0.123, "123 ms"), (0.0009996, "1.00 ms"), (81.24e-9, "81.2 ns"),
     (1e-3, "1.00 ms"), (20.46e-6, "20.5 µs")],
)  # fmt: skip
def test_amounts(suite, seconds, text):
    from harness import amount

    assert amount(seconds, "s") == text
    assert amount(1360.4, "B") == "1360 B"
