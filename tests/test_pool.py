"""The thread pool by itself, under ThreadSanitizer, which sees what the tests of results do not."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

KERNELS = Path(__file__).parents[1] / "src" / "cgrad" / "_kernels"
COMPILER = shutil.which("gcc") or shutil.which("clang")


@pytest.mark.skipif(
    COMPILER is None or sys.platform != "linux", reason="needs GCC or Clang on Linux"
)
@pytest.mark.parametrize("sanitizer", ["thread", "address,undefined"])
def test_jobs_of_several_callers(sanitizer, tmp_path):
    program = tmp_path / "stress"
    built = subprocess.run(
        [COMPILER, "-O1", "-g", "-pthread", "-DCG_STRESS=5", f"-fsanitize={sanitizer}",
         f"-I{KERNELS}",
         Path(__file__).with_name("pool_stress.c"), KERNELS / "pool.c", "-o", program],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "cannot find" in built.stderr or "unrecognized" in built.stderr:
        pytest.skip("the compiler lacks this sanitizer")
    assert built.returncode == 0, built.stderr
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    environment["ASAN_OPTIONS"] = "detect_leaks=0"
    for threads, callers, jobs in ((2, 1, 3000), (2, 2, 1000), (5, 3, 500), (16, 4, 300)):
        done = subprocess.run(
            [program, str(threads), str(callers), str(jobs)], capture_output=True, text=True,
            timeout=120, check=False, env=environment,
        )  # fmt: skip
        if "unexpected memory mapping" in done.stderr:
            pytest.skip("this sanitizer does not run on this kernel")
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout == "done\n" and not done.stderr
