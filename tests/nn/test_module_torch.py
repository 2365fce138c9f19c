"""What is stored of PyTorch's modules is what the PyTorch that is installed does."""
import json

import module_scenarios
import pytest

torch = pytest.importorskip("torch")

STORED = json.loads(module_scenarios.STORED.read_text("utf-8"))


@pytest.mark.parametrize("name", module_scenarios.SCENARIOS)
def test_scenario(name):
    assert module_scenarios.run(name, torch) == STORED[name]
