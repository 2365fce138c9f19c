"""cgrad.summary: layers, shapes, parameters, memory."""
import doctest
import importlib
import xml.etree.ElementTree as ET

import pytest

import cgrad
from cgrad import nn


def network():
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
                         nn.Sequential(nn.Flatten(), nn.Linear(8 * 36, 10)))


def test_examples_of_the_docstrings():
    module = importlib.import_module("cgrad.utils._summary")
    done = doctest.testmod(module, extraglobs={"cgrad": cgrad})
    assert done.attempted and not done.failed
    assert cgrad.summary is cgrad.utils.summary is module.summary


def test_layers_shapes_and_parameters():
    model = network()
    found = cgrad.summary(model, cgrad.rand(2, 3, 6, 6))
    told = [(layer.name, layer.kind, layer.depth, layer.output, layer.parameters)
            for layer in found.layers]
    assert told == [
        ("", "Sequential", 0, (2, 10), 0), ("0", "Conv2d", 1, (2, 8, 6, 6), 8 * 27 + 8),
        ("1", "BatchNorm2d", 1, (2, 8, 6, 6), 16), ("2", "ReLU", 1, (2, 8, 6, 6), 0),
        ("3", "Sequential", 1, (2, 10), 0), ("3.0", "Flatten", 2, (2, 288), 0),
        ("3.1", "Linear", 2, (2, 10), 2890)]
    assert found.layers[1].input == (2, 3, 6, 6)
    assert found.parameters == found.trainable == 224 + 16 + 2890
    assert found.parameter_bytes == 4 * found.parameters
    assert found.buffer_bytes == 8 * 4 * 2 + 8
    assert found.input_bytes == 4 * 2 * 3 * 36
    assert found.output_bytes == 4 * (3 * 2 * 8 * 36 + 2 * 288 + 2 * 10)


def test_memory_kept_for_backward_is_measured():
    model = nn.Sequential(nn.Linear(100, 1000), nn.Tanh(), nn.Linear(1000, 1))
    kept = cgrad.summary(model, cgrad.rand(64, 100)).kept_bytes
    assert 64 * 1000 * 4 <= kept <= 3 * 64 * 1000 * 4


def test_the_network_is_left_as_it_was():
    model = network().train()
    model[3].eval()
    mean = model[1].running_mean.clone()
    random = cgrad.get_rng_state()
    cgrad.summary(model, input_size=(2, 3, 6, 6))
    assert [m.training for m in model.modules()] == [True] * 4 + [False] * 3
    assert model[1].running_mean.equal(mean) and model[1].num_batches_tracked.item() == 0
    assert cgrad.get_rng_state().equal(random)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert all(p.grad is None for p in model.parameters())
    with pytest.raises(RuntimeError):
        cgrad.summary(model, cgrad.rand(2, 5))
    assert [m.training for m in model.modules()] == [True] * 4 + [False] * 3
    assert not any(m._forward_hooks for m in model.modules())


def test_a_buffer_that_forward_replaces_comes_back():
    class Memory(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(3, 3)
            self.register_buffer("state", cgrad.zeros(3))

        def forward(self, x):
            self.state = self.state + self.inner(x)
            return self.state

    model = Memory()
    state = model.state
    cgrad.summary(model, cgrad.ones(3))
    assert model.state is state and state.tolist() == [0, 0, 0]


def test_arguments_of_all_kinds():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.words = nn.Embedding(10, 4)
            self.lstm = nn.LSTM(4, 3, batch_first=True)

        def forward(self, index, scale):
            out, (h, c) = self.lstm(self.words(index))
            return {"out": out * scale, "state": [h, c]}

    model = Two()
    index, scale = cgrad.zeros(2, 5).long(), cgrad.ones(1)
    expected = {"out": (2, 5, 3), "state": [(1, 2, 3), (1, 2, 3)]}
    for found in (cgrad.summary(model, (index, scale)),
                  cgrad.summary(model, {"index": index, "scale": scale}),
                  cgrad.summary(model, input_size=[(2, 5), (1,)],
                                dtypes=[cgrad.int64, cgrad.float32])):
        assert found.layers[0].output == expected
        assert found.layers[0].input == ((2, 5), (1,))
        assert found.layers[2].output == [(2, 5, 3), [(1, 2, 3), (1, 2, 3)]]
        assert found.input_bytes == 2 * 5 * 8 + 4


def test_shared_layers_are_counted_once():
    layer = nn.Linear(4, 4)
    tied = nn.Linear(4, 4, bias=False)
    tied.weight = layer.weight
    found = cgrad.summary(nn.Sequential(layer, layer, tied), cgrad.ones(4))
    assert [line.parameters for line in found.layers] == [0, 20, 0, 0]
    assert [line.shared for line in found.layers] == [False, False, True, True]
    assert found.parameters == 20 and str(found).count("shared") == 2


def test_without_input_and_frozen():
    model = network()
    model[0].weight.requires_grad_(False)
    found = cgrad.summary(model)
    assert len(found.layers) == 7 and found.kept_bytes is None
    assert found.parameters - found.trainable == 216
    assert "Output" not in str(found) and "Conv2d" in str(found)


def test_table():
    text = str(cgrad.summary(network(), input_size=(1, 3, 6, 6)))
    lines = text.splitlines()
    assert lines[1].split() == ["Layer", "Input", "Output", "Parameters", "Output", "memory"]
    assert lines[4].startswith("├─ 0: Conv2d") and lines[8].startswith("   ├─ 0: Flatten")
    assert lines[9].startswith("   └─ 1: Linear") and "2,890" in lines[9]
    assert "Parameters: 3,130 (12.23 KB), of which trainable: 3,130" in text
    assert "kept for backward (measured): " in text
    short = str(cgrad.summary(network(), input_size=(1, 3, 6, 6), depth=1))
    assert "Flatten" not in short and "3: Sequential" in short


def test_html():
    root = ET.fromstring(f"<div>{cgrad.summary(network(), input_size=(1, 3, 6, 6))._repr_html_()}"
                         "</div>")
    assert len(root.findall(".//tr")) == 8 and len(root.findall("div")) == 3
    kind = type("A<b>", (nn.Linear,), {})
    assert "<b>" not in cgrad.summary(kind(1, 1), cgrad.ones(1))._repr_html_()


def test_lazy_layers():
    model = nn.Sequential(nn.LazyLinear(3))
    assert cgrad.summary(model, cgrad.ones(2, 5)).parameters == 18


def test_errors():
    with pytest.raises(TypeError, match="expected a Module, got int"):
        cgrad.summary(3)
    with pytest.raises(TypeError, match="not both"):
        cgrad.summary(network(), cgrad.ones(1), input_size=(1,))
    with pytest.raises(TypeError, match="2 sizes and 1 dtypes"):
        cgrad.summary(network(), input_size=[(1,), (2,)], dtypes=[cgrad.float32])


def test_a_size_given_as_input_is_told_from_one():
    model = nn.Sequential(nn.Linear(4, 8))
    with pytest.raises(TypeError, match=r"given as input_size=\(2, 4\)"):
        cgrad.summary(model, (2, 4))
