"""python -m cgrad: info, check and demo."""
import json
import subprocess
import sys

import numpy as np
import pytest

import cgrad
from cgrad import _commands
from cgrad.__main__ import main


def test_info(capsys):
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    assert f"cgrad  {cgrad.__version__}" in text and f"NumPy  {np.__version__}" in text
    assert main(["info", "--json"]) == 0
    known = json.loads(capsys.readouterr().out)
    assert known["threads"] == cgrad.get_num_threads() and known["BLAS core"]
    assert known["cgrad"] == str(cgrad.__version__) and isinstance(known["features"], list)


def test_check(capsys):
    assert main(["check"]) == 0
    out = capsys.readouterr().out
    assert out.count("well:") == 5 and "all is well" in out


@pytest.mark.parametrize(("where", "name", "wrong", "message"), [
    (cgrad, "tanh", lambda x: x * 1.001, "tanh of () is off by"),
    (_commands.F, "linear", lambda x, w: (x @ w.T).detach() * x.sum(), "gradcheck of linear fails"),
    (cgrad, "randn", lambda *a, **k: 1 / 0, "ZeroDivisionError"),
])
def test_check_notices(where, name, wrong, message, capsys, monkeypatch):
    monkeypatch.setattr(where, name, wrong)
    assert main(["check", "--threads", str(cgrad.get_num_threads())]) == 1
    out = capsys.readouterr().out
    assert "WRONG: " in out and message in out and "checks failed" in out


def test_demo(capsys):
    assert main(["demo", "--steps", "400"]) == 0
    out = capsys.readouterr().out
    assert "of the points right after 400 steps" in out
    assert len([line for line in out.splitlines() if len(line) == 64]) == 24


def test_demo_without_tqdm(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert main(["demo", "--steps", "20"]) == 0
    assert "step 20: " in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["demo", "--steps", "0"],
                                       ["check", "--threads", "x"], ["info", "--xml"]])
def test_wrong_commands(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2 and "usage: python -m cgrad" in capsys.readouterr().err


def test_interrupt(capsys, monkeypatch):
    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(_commands, "demo", stop)
    assert main(["demo"]) == 130 and "interrupted" in capsys.readouterr().err


def test_as_a_program():
    done = subprocess.run([sys.executable, "-m", "cgrad", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert all(word in done.stdout for word in ("info", "check", "demo", "Exit status"))


def test_help_and_version(capsys):
    for arguments, words in ((["--version"], [f"cgrad {cgrad.__version__}"]),
                             (["check", "--help"], ["--threads N", "Test values, gradients, BLAS"]),
                             (["demo", "--help"], ["--steps N", "(2000)", "two spirals"])):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        out = capsys.readouterr().out
        assert end.value.code == 0 and all(word in out for word in words)


def test_an_unknown_command_names_those_that_there_are(capsys):
    with pytest.raises(SystemExit):
        main(["nothing"])
    err = capsys.readouterr().err
    assert "'nothing'" in err and "info" in err and "check" in err and "demo" in err
