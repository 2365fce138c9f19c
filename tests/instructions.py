"""Counts the instructions that a statement executes, one by one (ptrace; Linux).

A child process runs the statement a number of times while its parent steps it instruction by
instruction.  The difference of two numbers of repetitions has neither start-up nor exit in it.  The
count hardly varies where times do: other programs, caches and the clock have no part in it.

    python tests/instructions.py "a * b"
"""
from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys

TRACEME, SINGLESTEP = 0, 9


def ptrace(request, pid):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.restype = ctypes.c_long
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(request, pid, None, None) == -1:
        raise OSError(ctypes.get_errno(), "ptrace")


def stepped(run, repetitions):
    """Instructions of ``run(repetitions)`` in a child, from its stop signal to its exit."""
    pid = os.fork()
    if pid == 0:
        try:
            ptrace(TRACEME, 0)
            os.kill(os.getpid(), signal.SIGSTOP)
            run(repetitions)
        finally:
            os._exit(0)
    step = ctypes.CDLL(None).ptrace
    count = -1
    while True:
        _, status = os.waitpid(pid, 0)
        if os.WIFEXITED(status) or os.WIFSIGNALED(status):
            return count
        count += 1
        step(SINGLESTEP, pid, None, None)


def instructions(statement, names, repetitions=10):
    """Instructions of one execution of a statement, without those of the loop around it."""
    def loop(body):
        code = f"def run(n):\n    for _ in range(n):\n        {body}"
        space = dict(names)
        exec(code, space)
        space["run"](2000)              # the interpreter specializes its instructions
        return space["run"]

    def each(run):
        return (stepped(run, 2 * repetitions) - stepped(run, repetitions)) / repetitions

    gc.disable()
    try:
        return each(loop(statement)) - each(loop("pass"))
    finally:
        gc.enable()


def examples():
    """The statements of docs/performance.md and the names in them."""
    import cgrad
    from cgrad import nn

    def parameter(*shape):
        return cgrad.ones(*shape).requires_grad_()

    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = cgrad.optim.SGD(model.parameters(), lr=0.01)
    x, t = cgrad.randn(8, 4), cgrad.randn(8, 1)

    def step():
        loss = nn.functional.mse_loss(model(x), t)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    names = {"a": parameter(), "b": parameter(), "v": parameter(1000), "w": parameter(1000),
             "step": step}
    return {"a * b": names, "a * 1.5": names, "v * w": names, "step()": names}


if __name__ == "__main__":
    for statement, names in examples().items():
        if len(sys.argv) < 2 or statement in sys.argv[1:]:
            few = statement == "step()"
            print(f"{statement:10} {instructions(statement, names, 1 if few else 10):10.1f}")
