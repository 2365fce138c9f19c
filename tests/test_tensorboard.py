"""cgrad.utils.tensorboard: tensorboardX's writer, given tensors."""
import importlib
import sys

import pytest

import cgrad


def test_without_tensorboardx_the_extra_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "cgrad.utils.tensorboard", raising=False)
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r'install tensorboardX.*pip install "cgrad\[tensorb'):
        importlib.import_module("cgrad.utils.tensorboard")


def events(folder):
    """(folder, tag) -> (kind of value, the value, step) of all event files below a folder."""
    from tensorboardX.proto.event_pb2 import Event

    found = {}
    for file in sorted(folder.rglob("events.*")):
        data = file.read_bytes()
        at = 0
        while at < len(data):        # length (8 bytes), its checksum (4), event, its checksum (4)
            size = int.from_bytes(data[at:at + 8], "little")
            event = Event.FromString(data[at + 12:at + 12 + size])
            at += 16 + size
            for value in event.summary.value:
                kind = value.WhichOneof("value")
                found[file.parent.name, value.tag] = kind, kind and getattr(value, kind), event.step
    return found


def test_tensors_are_written(tmp_path):
    pytest.importorskip("tensorboardX")
    from cgrad.utils.tensorboard import SummaryWriter

    x = cgrad.arange(6.0, requires_grad=True)
    with SummaryWriter(log_dir=str(tmp_path / "run"), comment="mine") as writer:
        writer.add_scalar("loss", x.sum(), 3)
        writer.add_scalars("both", {"a": cgrad.tensor(1.5), "b": 2}, global_step=4)
        writer.add_histogram("weights", x, 1)
        writer.add_image("image", cgrad.rand(3, 4, 5), 1)
        writer.add_hparams({"lr": cgrad.tensor(0.5)}, {"accuracy": cgrad.tensor(0.25)},
                           run_name="tried")
        with pytest.raises(NotImplementedError, match="viz.graph"):
            writer.add_graph(cgrad.nn.Linear(1, 1), x)
    found = events(tmp_path)
    assert found["run", "loss"] == ("simple_value", 15.0, 3)
    assert {1.5, 2.0} <= {value for kind, value, step in found.values() if step == 4}
    assert found["run", "weights"][1].sum == 15.0 and found["run", "weights"][1].num == 6
    assert (found["run", "image"][1].height, found["run", "image"][1].width) == (4, 5)
    assert found["tried", "accuracy"][1] == 0.25
