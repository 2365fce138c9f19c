"""What modules do, program by program: as PyTorch 2.13 does (see module_scenarios.py)."""
import json

import module_scenarios
import pytest

import cgrad

STORED = json.loads(module_scenarios.STORED.read_text("utf-8"))


@pytest.mark.parametrize("name", module_scenarios.SCENARIOS)
def test_scenario(name):
    assert module_scenarios.run(name, cgrad) == STORED[name]
