"""The programs in examples/, each in small; the files read here are made here.

The claim of a docstring is that of a whole run; here the model must beat what knows less, with
--fast and a few epochs. (examples/mnist.py has tests of its own.)
"""
import importlib
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tqdm")
pytest.importorskip("matplotlib")

FOLDER = Path(__file__).parents[1] / "examples"


def example(name, *options, capsys, status=0):
    """Run an example; return what it printed."""
    done = importlib.import_module(name).main([*options, "--threads", "1", "--fast"])
    out, err = capsys.readouterr()
    assert done == status, err
    if status:
        assert err.count("\n") == 1
        return err
    assert re.search(r"100%\|.*\d/\d", err)  # the progress bar
    return out


def numbers(text, pattern):
    """All numbers in the places of the groups of ``pattern``."""
    found = re.findall(pattern, text)
    assert found, text
    return np.array(found, float)


def is_picture(path):
    data = path.read_bytes()
    return data[:4] == b"\x89PNG" and len(data) > 10_000


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """300 images to train on and 100 to test, as IDX files; a class is a bar at its own place."""
    path = tmp_path_factory.mktemp("idx")
    rng = np.random.default_rng(0)
    for part, count in (("train", 300), ("t10k", 100)):
        labels = np.arange(count) % 10
        pixels = rng.integers(0, 60, (count, 28, 28))
        for image, label in zip(pixels, labels):
            row, column = divmod(label, 5)
            image[6 + 10 * row : 12 + 10 * row, 2 + 5 * column : 7 + 5 * column] += 180
        for kind, array in (("images", pixels), ("labels", labels)):
            head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
            file = path / f"{part}-{kind}-idx{array.ndim}-ubyte"
            file.write_bytes(head + array.astype(np.uint8).tobytes())
    return path


def test_gpt(capsys, tmp_path):
    file = tmp_path / "text"
    rng = np.random.default_rng(0)
    words = ["tensor", "gradient", "descent", "layer", "weight"]
    file.write_text(" ".join(words[i] for i in rng.integers(0, 5, 3000)))
    out = example("gpt", "--text", str(file), "--prompt", "la", "--epochs", "8", capsys=capsys)
    losses = numbers(out, r"epoch \d+: loss on held-out text ([\d.]+)")
    assert len(losses) == 8
    (bits, alone), = numbers(out, r"([\d.]+) bits .*alone: ([\d.]+)")
    assert bits < 0.5 * alone  # all that is unknown is which word follows: 0.34 bits a character
    sample = out.splitlines()[-1]
    assert sample.startswith("la")
    # How many whole words there are depends on the last bits of the sums; which characters follow
    # each other it must have learned: 31 of the 256 pairs of characters occur.
    pairs = {a + b for word in words for a, b in zip(f" {word} ", f"{word} ")}
    seen = [a + b in pairs for a, b in pairwise(sample)]
    assert np.mean(seen) > 0.7


def test_gpt_reads_the_help_of_python(capsys):
    text = importlib.import_module("gpt").load_text(None)
    assert len(text) > 300_000
    assert "The assert statement" in text or '"assert"' in text


def test_gpt_sees_nothing_of_what_follows():
    import cgrad

    cgrad.manual_seed(0)
    gpt = importlib.import_module("gpt")
    model = gpt.GPT(10, context=8, width=16, layers=2, heads=2).eval()
    text = cgrad.randint(10, (1, 8))
    other = text.clone()
    other[0, 5] = (text[0, 5] + 1) % 10
    same = (model(text) == model(other)).all(2)[0].tolist()
    assert same == [True] * 5 + [False] * 3


def test_cnn(capsys, tmp_path, images):
    picture = tmp_path / "new" / "cnn.png"
    out = example("cnn", "--data", str(images), "--epochs", "12", "--batch-size", "20",
                  "--out", str(picture), capsys=capsys)  # fmt: skip
    assert out.count("accuracy on held-out images") == 12
    assert numbers(out, r"accuracy on 100 held-out images: ([\d.]+)")[0] > 80
    assert is_picture(picture)


def test_lstm_forecast(capsys, tmp_path):
    file, picture = tmp_path / "series.csv", tmp_path / "lstm.png"
    rng = np.random.default_rng(0)
    weeks = np.arange(1300)
    values = 0.02 * weeks + 2 * np.sin(2 * np.pi * weeks * 7 / 365.25) + rng.normal(0, 0.3, 1300)
    values[[3, 700]] = np.nan
    lines = ["week,value", *(f"{i},{'' if np.isnan(v) else v}" for i, v in enumerate(values))]
    file.write_text("\n".join(lines))
    out = example("lstm_forecast", "--data", str(file), "--out", str(picture), "--epochs", "8",
                  "--lr", "0.02", capsys=capsys)  # fmt: skip
    lstm, year, week = numbers(out, r"mean ([\d.]+)\n")
    assert 0.29 < lstm < 0.9 * year < week  # the noise is 0.3
    assert is_picture(picture)


def test_vae(capsys, tmp_path, images):
    picture = tmp_path / "vae.png"
    out = example("vae", "--data", str(images), "--epochs", "40", "--batch-size", "20",
                  "--code", "4", "--lr", "0.01", "--out", str(picture), capsys=capsys)  # fmt: skip
    bound, alone = numbers(out, r"image: (-[\d.]+) nats .*alone: (-[\d.]+)")[0]
    assert bound > alone + 20
    assert is_picture(picture)


def test_actor_critic(capsys, tmp_path):
    picture = tmp_path / "cart.png"
    out = example("actor_critic", "--out", str(picture), capsys=capsys)
    greedy, random = numbers(out, r"policy: (\d+) steps .*random: (\d+)")[0]
    assert greedy > 2 * random and 10 < random < 40
    assert is_picture(picture)


def test_the_physics_of_the_cart():
    """Left and right are alike, and the first step is that of the published equations."""
    carts = importlib.import_module("actor_critic").Carts(2, np.random.default_rng(0))
    carts.state[1] = -carts.state[0]
    for step in range(12):
        push = step * 7 % 3 == 0
        carts.step(np.array([push, not push], int))
        np.testing.assert_allclose(carts.state[1], -carts.state[0], atol=1e-12)
    carts.state[:] = 0
    carts.step(np.array([1, 0]))
    turn = -(10 / 1.1) / (0.5 * (4 / 3 - 0.1 / 1.1))  # angular acceleration of the upright pole
    speed = (10 - 0.1 * 0.5 * turn) / 1.1
    np.testing.assert_allclose(carts.state[0], [0, 0.02 * speed, 0, 0.02 * turn])


def test_tabular(capsys, tmp_path):
    file, picture = tmp_path / "table.csv", tmp_path / "tabular.png"
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2))
    y = 3 + x[:, 0] * x[:, 1] + rng.normal(0, 0.2, 400)  # nothing for a linear fit
    rows = [",".join(f"{v:.5f}" for v in (*row, value)) for row, value in zip(x, y)]
    file.write_text("\n".join(["a,b,yield", *rows]))
    out = example("tabular", "--data", str(file), "--out", str(picture), "--epochs", "40",
                  "--lr", "0.02", capsys=capsys)  # fmt: skip
    error, linear = numbers(out, r"rows: ([\d.]+) yield \(a linear fit: ([\d.]+)\)")[0]
    assert 0.15 < error < 0.7 * linear
    assert numbers(out, r"intervals: (\d+)%")[0] > 70
    assert is_picture(picture)


@pytest.mark.parametrize("name, option, content, message", [
    ("gpt", "--text", None, "No such file"),
    ("gpt", "--text", "too short", "the text has 9 characters; 330 are needed"),
    ("cnn", "--data", None, "no file train-images"),
    ("vae", "--data", None, "no file train-images"),
    ("tabular", "--data", None, "No such file"),
    ("tabular", "--data", "a,b\n1,x\n", "is no table of numbers"),
    ("tabular", "--data", "a,b\n1,2\n", "has 1 whole lines"),
    ("lstm_forecast", "--data", None, "missing"),
    ("lstm_forecast", "--data", "year,value\n1,2\n3,4\n", "2 values; at least 1040"),
    ("lstm_forecast", "--data", "a,b\n1,2\n3,4,5\n", "is no table"),
])  # fmt: skip
def test_problems_are_said_in_one_line(name, option, content, message, capsys, tmp_path):
    file = tmp_path / "missing"
    if content is not None:
        file = tmp_path / "file"
        file.write_text(content)
    err = example(name, option, str(file), capsys=capsys, status=1)
    assert err.startswith(f"{name}.py: ")
    assert message in err


def test_fashion_says_what_to_install(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("support.FASHION", str(tmp_path / "missing"))
    err = example("cnn", "--data", "fashion", capsys=capsys, status=1)
    assert "Debian's package dataset-fashion-mnist" in err


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.py")
                                        if path.stem != "support"))  # fmt: skip
def test_started_as_a_program(name):
    """Each shows its options, and its docstring begins with what it does and how it is started."""
    command = [sys.executable, str(FOLDER / f"{name}.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "--seed" in done.stdout
    doc = importlib.import_module(name).__doc__
    assert f"\n    python examples/{name}.py\n" in doc
    assert 'pip install "cgrad[examples]"' in doc
