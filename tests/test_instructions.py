"""The scalar path does not grow unseen: instructions counted one by one."""
import os
import sys

import pytest

from instructions import examples, instructions, ptrace

# Counted on x86-64 with GCC 12 and Python 3.11: 1,011 and 1,396. Compilers and interpreters differ
# by some percent; a test, a call or a dictionary more in the path is found.
AT_MOST = {"a * b": 1150, "a * 1.5": 1550}


def can_trace():
    """Whether this system lets a process step its child."""
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        return False
    pid = os.fork()
    if pid == 0:
        try:
            ptrace(0, 0)
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


@pytest.mark.skipif(not can_trace(), reason="needs ptrace on x86-64 Linux")
@pytest.mark.parametrize("statement", AT_MOST)
def test_scalar_path(statement):
    assert instructions(statement, examples()[statement]) <= AT_MOST[statement]
