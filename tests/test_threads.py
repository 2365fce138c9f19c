"""Threads of Python and threads of the kernels: same results, own modes, and fork works."""

import gc
import hashlib
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import cgrad
from cgrad.nn import functional as F


@pytest.fixture
def two_threads():
    before = cgrad.get_num_threads()
    cgrad.set_num_threads(2)
    yield
    cgrad.set_num_threads(before)


# --- Kernel threads: the same bits for any number --------------------------------------------


def array(*shape, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def tensor(*shape, seed=0, dtype=np.float32):
    return cgrad.from_numpy(array(*shape, seed=seed, dtype=dtype))


def with_gradient(function, *inputs):
    leaves = [t.clone().requires_grad_() for t in inputs]
    out = function(*leaves)
    weights = tensor(*out.shape, seed=99).to(out.dtype) if out.ndim else cgrad.ones(())
    return [out, *cgrad.autograd.grad((out * weights.to(out.dtype)).sum(), leaves)]


F64 = np.float64
CASES = {
    "add": lambda: [tensor(1_000_003) + tensor(1_000_003, seed=1)],
    "broadcast": lambda: [tensor(1000, 1) * tensor(1, 1003) + tensor(1003)],
    "exp": lambda: with_gradient(lambda x: x.exp(), tensor(700_001)),
    "tanh strided": lambda: [tensor(800, 901).t().tanh()],
    "sigmoid": lambda: with_gradient(lambda x: x.sigmoid(), tensor(700_001)),
    "relu": lambda: with_gradient(lambda x: x.relu(), tensor(700_001)),
    "gelu": lambda: with_gradient(F.gelu, tensor(300_001)),
    "where": lambda: [cgrad.where(tensor(900_001) > 0, tensor(900_001), 0.5)],
    "sum all": lambda: [tensor(3_000_017).sum(), tensor(3_000_017, dtype=F64).sum()],
    "sum rows": lambda: [tensor(1501, 1203).sum(0), tensor(7, 300_001).sum(0)],
    "sum columns": lambda: [tensor(1501, 1203).sum(1), tensor(7, 300_001).sum(1)],
    "sum middle": lambda: [tensor(30, 700, 50).sum(1), tensor(30, 700, 50).sum((0, 2))],
    "mean var": lambda: [tensor(1501, 1203).mean(1), tensor(1501, 1203).var(0)],
    "max": lambda: [tensor(1501, 1203).max(1).values, tensor(1501, 1203).argmax(0)],
    "cumsum": lambda: [tensor(1501, 603).cumsum(0), tensor(1501, 603).cumsum(1)],
    "logsumexp": lambda: with_gradient(lambda x: x.logsumexp(1), tensor(2003, 501)),
    "matmul": lambda: with_gradient(lambda a, b: a @ b, tensor(517, 303), tensor(303, 411)),
    "matmul large": lambda: [tensor(1100, 1200) @ tensor(1200, 1300, seed=1)],
    "matmul double": lambda: [tensor(600, 700, dtype=F64) @ tensor(700, 500, dtype=F64)],
    "matmul thin": lambda: [tensor(40_001, 32) @ tensor(32, 10)],
    "matmul transposed": lambda: [tensor(900, 700).t() @ tensor(900, 800)],
    "matmul batched": lambda: with_gradient(
        lambda a, b: a @ b, tensor(33, 65, 70), tensor(33, 70, 40)
    ),
    "matrix vector": lambda: [tensor(3001, 1203) @ tensor(1203), tensor(3001) @ tensor(3001, 1203)],
    "dot": lambda: [tensor(1_000_003).dot(tensor(1_000_003, seed=1))],
    "linear": lambda: with_gradient(F.linear, tensor(2048, 256), tensor(128, 256), tensor(128)),
    "products of short sums": lambda: [
        *with_gradient(F.linear, tensor(1003, 100), tensor(77, 100), tensor(77)),
        tensor(100, 250).t() @ tensor(100, 300, seed=1),
        tensor(1000, 64).t() @ tensor(1000, 70, seed=1),  # in parts
        tensor(1003, 64, dtype=F64) @ tensor(64, 40, seed=1, dtype=F64),
        tensor(8741, 5) @ tensor(5, 12, seed=1),          # one row is left for the last thread
        tensor(8195, 8, dtype=F64) @ tensor(8, 8, seed=1, dtype=F64),
    ],
    "products of long sums": lambda: [
        *with_gradient(F.linear, tensor(803, 384), tensor(64, 384), tensor(64)),      # by rows
        *with_gradient(F.linear, tensor(128, 784), tensor(510, 784), tensor(510)),    # by columns
        tensor(200, 1500, dtype=F64) @ tensor(1500, 90, seed=1, dtype=F64),
        tensor(95, 1100) @ tensor(1100, 130, seed=1), tensor(97, 1100) @ tensor(1100, 130, seed=1),
        tensor(190, 1100) @ tensor(1100, 60, seed=1),     # many rows in all, few for a thread
        tensor(20_000, 64) @ tensor(64, 500, seed=1),
    ],
    "softmax": lambda: with_gradient(lambda x: x.softmax(-1), tensor(2003, 501)),
    "softmax first axis": lambda: with_gradient(lambda x: x.softmax(0), tensor(503, 1001)),
    "log_softmax": lambda: with_gradient(lambda x: x.log_softmax(-1), tensor(2003, 501)),
    "cross_entropy": lambda: with_gradient(
        lambda x: F.cross_entropy(x, cgrad.arange(2003) % 501), tensor(2003, 501)
    ),
    "attention": lambda: [
        *with_gradient(F.scaled_dot_product_attention, *[tensor(5, 3, 70, 20)] * 3),
        *with_gradient(F.scaled_dot_product_attention, *[tensor(1, 1, 1100, 33)] * 3),
        *with_gradient(
            lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
            *[tensor(1, 2, 1100, 16, dtype=F64)] * 3),
    ],
    "layer_norm": lambda: with_gradient(
        lambda x, w, b: F.layer_norm(x, [501], w, b), tensor(2003, 501), tensor(501), tensor(501)
    ),
    "rows of 60": lambda: [
        *with_gradient(lambda x: F.layer_norm(x, [60]), tensor(20_003, 60)),
        *with_gradient(lambda x: x.softmax(-1), tensor(20_003, 60, dtype=F64)),
    ],
    "max_pool2d": lambda: with_gradient(lambda x: F.max_pool2d(x, 2), tensor(65, 3, 30, 46)),
    "conv2d": lambda: with_gradient(
        lambda x, w, b: F.conv2d(x, w, b, padding=1),
        tensor(35, 16, 14, 14), tensor(33, 16, 3, 3), tensor(33)
    ),
    "index": lambda: with_gradient(lambda x: x[(cgrad.arange(300_001) * 7) % 999], tensor(999, 3)),
    "embedding": lambda: with_gradient(
        lambda w: F.embedding((cgrad.arange(40_000) * 7) % 999, w), tensor(999, 33)
    ),
    "cat copy": lambda: [cgrad.cat([tensor(900, 700).t(), tensor(700, 400)], 1).contiguous()],
}


def digest(tensors):
    bits = hashlib.sha256()
    for t in tensors:
        bits.update(np.ascontiguousarray(t.detach().numpy()).tobytes())
    return bits.hexdigest()


@pytest.mark.parametrize("name", CASES)
def test_bits_do_not_depend_on_the_number_of_threads(name):
    before = cgrad.get_num_threads()
    try:
        digests = []
        for n in (1, 2, 3, 1):
            cgrad.set_num_threads(n)
            assert cgrad.get_num_threads() == n
            digests.append(digest(CASES[name]()))
    finally:
        cgrad.set_num_threads(before)
    assert len(set(digests)) == 1


def test_random_numbers_do_not_depend_on_the_number_of_threads():
    before = cgrad.get_num_threads()
    try:
        digests = set()
        for n in (1, 2):
            cgrad.set_num_threads(n)
            cgrad.manual_seed(5)
            x = cgrad.randn(500_001)
            digests.add(digest([x, cgrad.rand(300_000), F.dropout(x, 0.3), cgrad.randperm(70_000)]))
    finally:
        cgrad.set_num_threads(before)
    assert len(digests) == 1


@pytest.mark.usefixtures("two_threads")
def test_threaded_results_are_right():
    a, b = array(700, 800), array(800, 900, seed=1)
    product = (cgrad.from_numpy(a) @ cgrad.from_numpy(b)).numpy()
    np.testing.assert_allclose(product, a @ b, rtol=1e-4, atol=1e-3)
    big = array(2_000_003)
    np.testing.assert_array_equal((cgrad.from_numpy(big) + 1).numpy(), big + np.float32(1))
    np.testing.assert_allclose(cgrad.from_numpy(big).double().sum().item(), big.sum(dtype=F64))


# --- Python threads --------------------------------------------------------------------------


def train(seed, steps=60, modes=None):
    """The parameters after training a small network; plain arrays, so threads share nothing."""
    x, y = tensor(64, 8, seed=seed), tensor(64, 1, seed=seed + 1)
    w1 = (tensor(8, 32, seed=seed + 2) * 0.3).requires_grad_()
    w2 = (tensor(32, 1, seed=seed + 3) * 0.3).requires_grad_()
    for i in range(steps):
        loss = F.mse_loss((x @ w1).tanh() @ w2, y)
        loss.backward()
        with cgrad.no_grad():
            if modes is not None and i % 7 == 0:
                modes.append(cgrad.is_grad_enabled())
            for w in (w1, w2):
                w -= 0.05 * w.grad
                w.grad = None
    return digest([w1, w2])


def in_threads(*functions):
    results, errors = [None] * len(functions), []

    def run(i, function):
        try:
            results[i] = function()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(functions)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]
    return results


@pytest.mark.usefixtures("two_threads")
def test_two_threads_train_two_models_as_one_thread_would():
    expected = [train(seed) for seed in (10, 20)]
    modes = []
    got = in_threads(lambda: train(10, modes=modes), lambda: train(20, modes=modes))
    assert got == expected
    assert not any(modes) and cgrad.is_grad_enabled()


@pytest.mark.usefixtures("two_threads")
def test_many_threads_with_large_kernels():
    def work(seed):
        a = tensor(300, 400, seed=seed).requires_grad_()
        for _ in range(5):
            ((a @ a.t()).softmax(-1).sum() + a.exp().sum()).backward()
        return digest([a.grad])

    expected = [work(s) for s in range(4)]
    assert in_threads(*[lambda s=s: work(s) for s in range(4)]) == expected


def test_threads_may_share_a_model():
    w = (tensor(8, 8, seed=3) * 0.1).requires_grad_()
    inputs = [tensor(16, 8, seed=s) for s in range(4)]

    def gradient(x):
        return digest(cgrad.autograd.grad((x @ w).tanh().sum(), w))

    expected = [gradient(x) for x in inputs]
    for _ in range(10):
        assert in_threads(*[lambda x=x: gradient(x) for x in inputs]) == expected


def test_threads_may_add_to_one_gradient():
    cgrad.set_num_threads(1)
    w = cgrad.zeros(300_000, requires_grad=True)
    ones = cgrad.ones(300_000)

    def add():
        for _ in range(25):
            (w * ones).sum().backward()

    in_threads(*[add] * 4)
    assert (w.grad == 100).all()


def test_graph_built_in_one_thread_and_swept_in_another():
    x = tensor(5, seed=1).requires_grad_()
    y = (x * x).sum()
    in_threads(y.backward)
    np.testing.assert_allclose(x.grad.numpy(), 2 * x.detach().numpy())


def test_threads_take_over_the_last_reference():
    x = cgrad.ones(10, requires_grad=True)
    gc.collect()
    rows_before = cgrad._engine.rows.live_rows()
    graphs = [[(x * float(i)).exp().sum()] for i in range(200)]
    in_threads(*[lambda part=graphs[i::4]: [g.clear() for g in part] for i in range(4)])
    assert cgrad._engine.rows.live_rows() == rows_before


def test_grad_mode_belongs_to_the_thread():
    with cgrad.no_grad():
        assert in_threads(cgrad.is_grad_enabled) == [True]
    with cgrad.inference_mode():
        assert in_threads(cgrad.is_inference_mode_enabled) == [False]

    started, done = threading.Event(), threading.Event()
    seen = []

    def other():
        with cgrad.no_grad():
            started.set()
            done.wait(10)
            seen.append(cgrad.is_grad_enabled())

    thread = threading.Thread(target=other)
    thread.start()
    started.wait(10)
    assert cgrad.is_grad_enabled()
    assert (cgrad.ones(1, requires_grad=True) * 2).requires_grad
    done.set()
    thread.join()
    assert seen == [False]


# --- Number of threads, and fork -------------------------------------------------------------


def run_python(code, **variables):
    import os

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **variables},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_number_of_threads():
    assert cgrad.get_num_threads() >= 1
    for wrong in (0, -1):
        with pytest.raises(RuntimeError, match="positive"):
            cgrad.set_num_threads(wrong)
    with pytest.raises(TypeError):
        cgrad.set_num_threads("two")


@pytest.mark.skipif(not hasattr(__import__("os"), "sched_setaffinity"), reason="Linux only")
def test_number_of_threads_follows_the_affinity_mask():
    printed = run_python("""
        import os
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        import cgrad
        print(cgrad.get_num_threads())
    """)
    assert printed.strip() == "1"


@pytest.mark.skipif(not hasattr(__import__("os"), "sched_setaffinity"), reason="Linux only")
def test_one_processor_computes_in_one_thread():
    """Also one that is assigned later; threads that take turns would only cost time."""
    printed = run_python("""
        import os
        import cgrad

        def threads():
            return len(os.listdir("/proc/self/task"))

        x = cgrad.ones(1 << 20)
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        before = threads()
        cgrad.set_num_threads(2)
        x.exp()
        print(cgrad.get_num_threads(), threads() - before)
    """)
    assert printed.strip() == "2 0"


FORK = """
    import os, sys
    import numpy as np
    import cgrad

    cgrad.set_num_threads(2)
    a = cgrad.from_numpy(np.random.default_rng(0).standard_normal((800, 800)))

    def work():
        x = a.clone().requires_grad_()
        ((x @ x).exp() * 1e-300 + x.softmax(-1)).sum().backward()
        return x.grad.numpy().tobytes()

    expected = work()
    children = []
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            ok = work() == expected
            grandchild = os.fork()
            if grandchild == 0:
                os._exit(0 if work() == expected else 1)
            _, status = os.waitpid(grandchild, 0)
            os._exit(0 if ok and status == 0 else 1)
        children.append(pid)
    assert work() == expected
    assert all(os.waitpid(pid, 0)[1] == 0 for pid in children)
    print("forked")
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="no fork on this system")
def test_fork_after_threaded_kernels():
    assert run_python(FORK).strip() == "forked"


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="no fork on this system")
def test_fork_while_another_thread_computes():
    printed = run_python("""
        import os, threading
        import cgrad

        cgrad.set_num_threads(2)
        stop = threading.Event()
        a = cgrad.ones(600, 600)
        a @ a  # BLAS is loaded with the first product: no import is under way at the forks

        def busy():
            while not stop.is_set():
                a @ a

        thread = threading.Thread(target=busy)
        thread.start()
        for _ in range(10):
            pid = os.fork()
            if pid == 0:
                x = cgrad.ones(500, 500, requires_grad=True)
                (x @ x).sum().backward()
                os._exit(0 if x.grad[0, 0].item() == 1000.0 else 1)
            assert os.waitpid(pid, 0)[1] == 0
        stop.set()
        thread.join()
        print("forked")
    """)
    assert printed.strip() == "forked"


@pytest.mark.slow
def test_multiprocessing_with_every_start_method():
    import multiprocessing

    for method in multiprocessing.get_all_start_methods():
        printed = run_python(f"""
            import multiprocessing as mp
            import cgrad

            def main():
                cgrad.ones(500, 500) @ cgrad.ones(500, 500)
                with mp.get_context({method!r}).Pool(2) as pool:
                    print(pool.map(abs, [cgrad.tensor(-1.0), cgrad.tensor(2.0)]))

            if __name__ == "__main__":
                main()
        """)
        assert printed.strip() == "[tensor(1.), tensor(2.)]"
