"""What every test starts from: the same random numbers, recording on, float32 by default."""
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

import cgrad

# The same examples everywhere and no deadline: a busy machine must not turn a test red.
settings.register_profile(
    "cgrad", deadline=None, derandomize=True, max_examples=60,
    suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", parent=settings.get_profile("cgrad"),
                          derandomize=False, max_examples=2000)
settings.load_profile(os.environ.get("CGRAD_HYPOTHESIS", "cgrad"))


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes over a second; left out under sanitizers")


def pytest_collection_modifyitems(items):
    # The names of tests are the same in every run and process.
    unstable = [item.nodeid for item in items if " at 0x" in item.nodeid]
    if unstable:
        raise pytest.UsageError(f"addresses in the names of tests: {unstable}")


def pytest_report_header():
    folder = os.path.dirname(cgrad.__file__)
    return f"cgrad {cgrad.__version__} from {folder}, numpy {np.__version__}"


@pytest.fixture(autouse=True)
def same_start():
    """Seeds the generators; afterwards undoes and reports global state that a test left behind."""
    cgrad.manual_seed(0)
    np.random.seed(0)
    threads = cgrad.get_num_threads()
    yield
    cgrad.set_num_threads(threads)
    recording = cgrad.is_grad_enabled()
    dtype = cgrad.get_default_dtype()
    cgrad.set_grad_enabled(True)
    cgrad.set_default_dtype(cgrad.float32)
    assert recording, "the test left gradient recording off"
    assert dtype is cgrad.float32, "the test left another default dtype"
