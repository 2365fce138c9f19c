"""Nothing outlives its last reference: rows and bytes return to where they were, whatever
happened in between; deep graphs come and go without recursion; the interpreter exits cleanly.
"""

import gc
import os
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import cgrad
from cgrad._engine import memory, rows

GIB = 2**30


def counts():
    # A cycle through a row of another cycle's graph can only be seen once that one is gone.
    while gc.collect():
        pass
    return rows.live_rows(), memory.live_bytes()


@pytest.fixture(autouse=True)
def _no_leak():
    before = counts()
    yield
    # Less than before: pytest let go of what it held of an earlier failure.
    assert all(now <= then for now, then in zip(counts(), before))


def run_python(code, timeout=120):
    """Run `code` in a fresh interpreter and return what it printed; it must end cleanly."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def free_memory():
    """Bytes this process may still take: of the machine, or of its container if less."""
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        with (
            open("/sys/fs/cgroup/memory.max") as limit,
            open("/sys/fs/cgroup/memory.current") as used,
        ):
            text = limit.read().strip()
            if text != "max":
                free = min(free, int(text) - int(used.read()))
    except OSError:
        pass
    return free


# --- Ordinary use ----------------------------------------------------------------------------


def build(seed=0):
    rng = np.random.default_rng(seed)
    x = cgrad.from_numpy(rng.standard_normal((16, 4)))
    y = cgrad.from_numpy(rng.standard_normal((16, 1)))
    params = [
        cgrad.from_numpy(rng.standard_normal(shape)).requires_grad_()
        for shape in ((4, 8), (8,), (8, 1), (1,))
    ]
    return x, y, params


def loss_of(x, y, params):
    w1, b1, w2, b2 = params
    error = (x @ w1 + b1).tanh() @ w2 + b2 - y
    return (error * error).mean()


def step(x, y, params):
    loss = loss_of(x, y, params)
    loss.backward()
    with cgrad.no_grad():
        for p in params:
            p -= 0.01 * p.grad
            p.grad = None
    return loss.item()


def test_training_by_hand():
    x, y, params = build()
    step(x, y, params)
    before = counts()
    for _ in range(50):
        step(x, y, params)
    assert counts() == before


def test_training_with_modules_and_an_optimizer():
    nn = cgrad.nn
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 3))
    optimizer = cgrad.optim.Adam(model.parameters(), lr=1e-2)
    criterion = nn.CrossEntropyLoss()
    x, target = cgrad.randn(16, 4), cgrad.randint(0, 3, (16,))

    def one():
        optimizer.zero_grad()
        criterion(model(x), target).backward()
        optimizer.step()

    one()
    one()
    before = counts()
    for _ in range(50):
        one()
    assert counts() == before
    model.eval()
    for _ in range(10):
        model(x)
    assert counts() == before


@pytest.mark.slow
def test_ten_thousand_evaluations_without_no_grad():
    x, y, params = build()
    before = counts()
    for _ in range(10_000):
        loss_of(x, y, params).item()
    assert counts() == before


def test_running_totals_of_detached_losses():
    x, y, params = build()
    total = cgrad.zeros((), dtype=cgrad.float64)
    before = counts()
    for _ in range(100):
        total += loss_of(x, y, params).detach()
    assert counts() == before


def test_graphs_that_are_never_swept():
    x = cgrad.ones(100, requires_grad=True)
    before = counts()
    held = [(x * i).exp().sum() for i in range(100)]
    assert counts()[0] > before[0]
    held.clear()
    assert counts() == before


def test_views_indexing_and_in_place():
    x = cgrad.ones((10, 10), requires_grad=True)
    before = counts()

    def use():
        y = x * 2
        rows_of_y = list(y)
        y[3] = rows_of_y[0] * 2
        y[:, 0].mul_(3.0)
        y[y > 2] = 0.0
        a, b = y.split(5)
        cgrad.cat([a, b]).t().reshape(-1)[[1, 2, 3]].sum().backward()

    use()
    x.grad = None
    assert counts() == before


def test_interchange():
    before = counts()
    for _ in range(10):
        t = cgrad.arange(1000)
        array, view, capsule = t.numpy(), memoryview(t), t.__dlpack__()
        other = np.from_dlpack(t)
        back = cgrad.from_numpy(np.ones(10))
        del t, array, view, capsule, other, back
    assert counts() == before


# --- Exceptions ------------------------------------------------------------------------------


def test_exception_in_a_hook():
    x = cgrad.ones(10, requires_grad=True)
    before = counts()

    def fail():
        y = (x * 2).exp()
        y.register_hook(lambda g: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            (y * y).sum().backward()

    for _ in range(5):
        fail()
    assert x.grad is None
    assert counts() == before


@pytest.mark.parametrize("create_graph", [False, True])
def test_exception_in_the_middle_of_a_sweep(create_graph):
    x = cgrad.ones(10, requires_grad=True)
    before = counts()

    def fail():
        y = x * 2
        z = y * y
        out = (z.exp() + y.sin()).sum()
        y.add_(1.0)
        with pytest.raises(RuntimeError, match=r"(?i)in-?place"):
            cgrad.autograd.grad(out, x, create_graph=create_graph)

    for _ in range(5):
        fail()
    assert counts() == before


def test_keyboard_interrupt_in_a_sweep():
    x = cgrad.ones(10, requires_grad=True)
    before = counts()

    def fail():
        y = x * 2

        def interrupt(g):
            raise KeyboardInterrupt

        y.register_hook(interrupt)
        with pytest.raises(KeyboardInterrupt):
            (y * y).sum().backward()

    fail()
    assert counts() == before
    (x * x).sum().backward()
    assert x.grad.tolist() == [2.0] * 10
    x.grad = None


def test_exceptions_of_operations():
    x = cgrad.ones((2, 3), requires_grad=True)
    before = counts()
    calls = (
        lambda: (x * 2) @ (x * 3),
        lambda: cgrad.cat([x * 2, cgrad.ones(3)]),
        lambda: (x * 2).view(4),
        lambda: (x * 2)[[0, 9]],
        lambda: (x * 2).backward(),
        lambda: (x * 2).backward(cgrad.ones(7)),
        lambda: cgrad.autograd.grad((x * 2).sum(), cgrad.ones(1, requires_grad=True)),
        lambda: cgrad.tensor([[1.0], [1.0, 2.0]]),
        lambda: cgrad.nn.functional.cross_entropy(x * 2, cgrad.tensor([0, 7])),
        lambda: (x * 2).__setitem__(5, 1.0),
        lambda: (x * 2) + object(),
    )
    for call in calls:
        for _ in range(3):
            with pytest.raises((RuntimeError, IndexError, ValueError, TypeError)):
                call()
    assert counts() == before


# --- Cycles ----------------------------------------------------------------------------------


def test_second_derivatives():
    x = cgrad.tensor(2.0, dtype=cgrad.float64, requires_grad=True)
    before = counts()
    for _ in range(5):
        (g,) = cgrad.autograd.grad((x * x).exp(), x, create_graph=True)
        (h,) = cgrad.autograd.grad(g, x, create_graph=True)
        h.backward()
        x.grad = None
        del g, h
    assert counts() == before


@pytest.mark.filterwarnings("ignore")
def test_gradient_that_holds_the_graph_of_its_own_leaf():
    before = counts()
    for _ in range(5):
        x = cgrad.ones(10, requires_grad=True)
        (x * x * x).sum().backward(create_graph=True)
        assert x.grad.requires_grad
        del x
    assert counts() == before


def test_hooks_that_refer_to_their_own_tensor():
    before = counts()

    def cycle():
        x = cgrad.ones(10, requires_grad=True)
        y = x * 2
        y.register_hook(lambda g: g * y.detach())
        x.register_hook(lambda g: g + x.detach() * 0)
        return y.sum()

    for _ in range(5):
        cycle().backward()
        cycle()
    assert counts() == before


def test_attributes_that_refer_to_their_own_tensor():
    before = counts()
    for _ in range(5):
        x = cgrad.ones(10, requires_grad=True)
        y = x * 2
        x.me, x.child, y.parent = x, y, x
        del x, y
    assert counts() == before


def test_exception_that_holds_a_frame_that_holds_a_graph():
    before = counts()

    def fail():
        y = cgrad.ones(10, requires_grad=True) * 2
        raise ValueError(y)

    try:
        fail()
    except ValueError as error:
        kept = error
    assert counts() != before
    del kept
    assert counts() == before


# --- Depth -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_chain_of_a_million_is_built_swept_and_freed():
    x = cgrad.tensor(1.0, dtype=cgrad.float64, requires_grad=True)
    c = cgrad.tensor(1.0, dtype=cgrad.float64)
    before = counts()
    y = x
    for _ in range(1_000_000):
        y = y * c
    assert rows.live_rows() - before[0] == 1_000_000
    y.backward()
    assert x.grad.item() == 1.0
    del y
    x.grad = None
    assert counts() == before


@pytest.mark.slow
def test_chain_of_a_million_is_freed_without_a_sweep():
    x = cgrad.tensor(1.0, requires_grad=True)
    before = counts()
    y = x
    for _ in range(1_000_000):
        y = y + x
    del y
    assert counts() == before


@pytest.mark.parametrize(
    "grow",
    [
        lambda y: y.view(2),
        lambda y: y.exp().log(),
        lambda y: y.detach().requires_grad_() * y,
        lambda y: cgrad.cat([y[:1], y[1:]]),
        lambda y: y.add_(1.0),
    ],
    ids=["views", "unary", "leaves", "cat", "in-place"],
)
def test_other_deep_graphs(grow):
    x = cgrad.ones(2, requires_grad=True)
    y = x * 1.0
    for _ in range(20_000):
        y = grow(y)
    y.sum().backward()
    assert x.grad is not None


def test_deep_graph_differentiated_twice():
    x = cgrad.tensor(1.0, dtype=cgrad.float64, requires_grad=True)
    y = x
    for _ in range(20_000):
        y = y * x
    (g,) = cgrad.autograd.grad(y, x, create_graph=True)
    (h,) = cgrad.autograd.grad(g, x)
    n = 20_001
    assert (g.item(), h.item()) == (n, n * (n - 1))


def test_wide_graph():
    x = cgrad.tensor(1.0, dtype=cgrad.float64, requires_grad=True)
    parts = [x * float(i) for i in range(100_000)]
    cgrad.stack(parts).sum().backward()
    assert x.grad.item() == sum(range(100_000))


def test_bytes_of_a_scalar_node():
    x = cgrad.tensor(1.0, requires_grad=True)
    before = counts()
    n = 10_000
    y = x
    for _ in range(n):
        y = y * x  # the dearest case: every value is read by the derivative
    after = counts()
    nodes = after[0] - before[0]
    assert nodes == n
    per_node = (nodes * rows.row_bytes() + after[1] - before[1]) / n
    assert per_node <= 320


@pytest.mark.slow
def test_memory_of_a_chain_as_the_system_sees_it():
    # All told: with the allocator's slack, chunks, and whatever the counters do not see.
    printed = (
        run_python("""
        import cgrad
        from cgrad._engine import rows

        def resident():
            with open("/proc/self/statm") as f:
                return int(f.read().split()[1]) * 4096

        x = cgrad.tensor(1.0, requires_grad=True)
        before, n = resident(), 500_000
        y = x
        for _ in range(n):
            y = y * x
        print((resident() - before) / n)
    """)
        if os.path.exists("/proc/self/statm")
        else "0"
    )
    assert float(printed) <= 330


@pytest.mark.slow
@pytest.mark.skipif(free_memory() < 6 * GIB, reason="needs 6 GiB of free memory")
def test_chain_of_ten_million():
    """How long it takes is the benchmark chain-length-1e7."""
    printed = run_python("""
        import cgrad
        from cgrad._engine import rows

        x = cgrad.tensor(1.0, dtype=cgrad.float64, requires_grad=True)
        c = cgrad.tensor(1.0, dtype=cgrad.float64)
        before = rows.live_rows()
        y = x
        for _ in range(10_000_000):
            y = y * c
        y.backward()
        del y
        assert x.grad.item() == 1.0
        x.grad = None
        assert rows.live_rows() == before
        print("done")
    """)
    assert printed.strip() == "done"


@pytest.mark.slow
def test_time_of_a_node_does_not_grow_with_the_graph():
    c = cgrad.tensor(1.0)

    def per_node(n):
        x = cgrad.tensor(1.0, requires_grad=True)
        start = time.thread_time()
        y = x
        for _ in range(n):
            y = y * c
        y.backward()
        del y
        return (time.thread_time() - start) / n

    small = min(per_node(1_000) for _ in range(50))
    large = min(per_node(300_000) for _ in range(3))
    # 2 is the aim and the benchmark's business; 4 leaves room for a noisy machine.
    assert large < 4 * small


# --- Exit ------------------------------------------------------------------------------------


def test_exit_with_live_graphs():
    run_python("""
        import threading
        import numpy as np
        import cgrad

        x = cgrad.ones(300, 300, requires_grad=True)
        y = (x @ x).exp()
        y.register_hook(lambda g: g * y)
        z = y.sum()
        y.me = z
        array = y.detach().numpy()
        view = memoryview(array)
        shared = cgrad.from_numpy(np.ones(5)).requires_grad_()
        graph = shared * 2
        capsule = cgrad.ones(5).__dlpack__()

        class AtExit:
            def __init__(self, t):
                self.t = t
            def __del__(self):
                (self.t * 2).sum()

        cgrad.holder = AtExit(cgrad.ones(3, requires_grad=True))
        deep = x.sum()
        for _ in range(200_000):
            deep = deep + 1.0
        grad = cgrad.no_grad()
        grad.__enter__()
    """)


def test_exit_during_backward():
    run_python("""
        import sys
        import cgrad
        x = cgrad.ones(10, requires_grad=True)
        y = x * 2
        y.register_hook(lambda g: sys.exit(0))
        (y * y).sum().backward()
    """)


def test_exit_with_a_daemon_thread_at_work():
    run_python("""
        import threading
        import time
        import cgrad
        x = cgrad.ones(200, 200, requires_grad=True)

        def work():
            while True:
                (x @ x).sum().backward()

        threading.Thread(target=work, daemon=True).start()
        time.sleep(0.2)
    """)
