"""Other threads replace a tensor's memory, or give it another row, in the middle of a kernel."""
import sys
import threading

import cgrad
from cgrad.nn import functional as F

N = 1 << 18
SQUARE = (512, 512)
ALONG = cgrad.arange(N)
BACK = ALONG.flip(0)
EVERYWHERE = cgrad.ones(N) > 0
UNIT = cgrad.eye(512)
# Of a tensor of N ones: all elements of the result are 1.
ONES_FROM_ONES = {
    "mul": lambda a: a * 1.0, "exp": lambda a: (a - 1).exp(), "to": lambda a: a.double(),
    "where": lambda a: cgrad.where(EVERYWHERE, a, 1.0), "clone": lambda a: a.clone(),
    "sum": lambda a: a.sum() / N, "mean": lambda a: a.reshape(SQUARE).mean(0),
    "amax": lambda a: a.amax(), "argmax": lambda a: a.argmax() + 1.0, "var": lambda a: a.var() + 1,
    "cumsum": lambda a: a.cumsum(0)[-1] / N, "cumprod": lambda a: a.cumprod(0),
    "norm": lambda a: a.norm() / 512, "histc": lambda a: a.histc(4, 0, 2).sum() / N,
    "sort": lambda a: a.sort().values, "topk": lambda a: a.topk(5).values,
    "median": lambda a: a.median(), "unique": lambda a: a.unique(),
    "index": lambda a: a[BACK], "mask": lambda a: a[EVERYWHERE],
    "gather": lambda a: a.gather(0, BACK), "scatter": lambda a: cgrad.zeros(N).scatter(0, ALONG, a),
    "index_add": lambda a: cgrad.zeros(N).index_add(0, ALONG, a),
    "copy_": lambda a: cgrad.zeros(N).copy_(a), "mul_": lambda a: cgrad.ones(N).mul_(a),
    "cat": lambda a: cgrad.cat([a, a]), "flip": lambda a: a.flip(0), "roll": lambda a: a.roll(3),
    "contiguous": lambda a: a.reshape(SQUARE).T.contiguous(),
    "pad": lambda a: F.pad(a, (1, 1), value=1.0),
    "matmul": lambda a: a.reshape(SQUARE) @ UNIT,
    "bmm": lambda a: a.reshape(4, 256, 256) @ UNIT[:256, :256],
    "softmax": lambda a: a.reshape(SQUARE).softmax(1) * 512,
    "layer_norm": lambda a: F.layer_norm(a.reshape(SQUARE), [512]) + 1,
    "mse_loss": lambda a: F.mse_loss(a, cgrad.zeros(N)),
    "conv2d": lambda a: F.conv2d(a.reshape(1, 1, *SQUARE), cgrad.ones(1, 1, 1, 1)),
    "max_pool2d": lambda a: F.max_pool2d(a.reshape(1, 1, *SQUARE), 2),
    "avg_pool2d": lambda a: F.avg_pool2d(a.reshape(1, 1, *SQUARE), 2),
    "interpolate": lambda a: F.interpolate(a.reshape(1, 1, N), size=N // 2),
}


def test_operands_whose_memory_is_replaced_by_another_thread():
    a = cgrad.ones(N)
    stop = threading.Event()

    def replace():
        while not stop.is_set():
            a.data = cgrad.ones(N)
            cgrad.full((N,), 7.0)

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        wrong = {name for name, function in ONES_FROM_ONES.items() for _ in range(5)
                 if not bool(((function(a) - 1).abs() < 1e-4).all())}
    finally:
        stop.set()
        thread.join()
    assert not wrong


def test_small_operands_of_a_large_result_whose_rows_are_replaced_by_another_thread():
    a, b = cgrad.ones(250, 1, requires_grad=True), cgrad.ones(1, 250)
    stop = threading.Event()

    def replace():
        while not stop.is_set():
            b.unsqueeze_(0)               # a new row for `b`; nobody else keeps the old one
            b.squeeze_(0)
            cgrad.ones(1)                 # takes its place

    thread, interval = threading.Thread(target=replace), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread.start()
    done = 0
    try:
        for _ in range(200):
            try:
                (a * b).sum().backward()
                done += 1
            except RuntimeError as error:     # changed between the product and its derivative
                assert "modified by an inplace operation" in str(error)
    finally:
        sys.setswitchinterval(interval)
        stop.set()
        thread.join()
    assert done and a.grad.tolist() == [[done * 250.0]] * 250


def test_optimizer_step_while_another_thread_replaces_the_memory():
    n = 1 << 19
    p = cgrad.zeros(n, requires_grad=True)
    p.grad = cgrad.ones(n)
    optimizer = cgrad.optim.Adam([p], lr=0.1)
    stop = threading.Event()

    def replace():
        while not stop.is_set():
            p.data = cgrad.zeros(n)
            p.grad.data = cgrad.ones(n)
            cgrad.full((n,), 7.0)

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        for _ in range(40):
            optimizer.step()
    finally:
        stop.set()
        thread.join()
    assert p.shape == (n,) and bool(p.isfinite().all())


def test_drawing_while_another_thread_replaces_the_memory():
    n = 1 << 19
    t, stop = cgrad.zeros(n), threading.Event()

    def replace():
        while not stop.is_set():
            t.data = cgrad.zeros(n)
            cgrad.full((n,), 7.0)

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        for _ in range(30):
            t.normal_()
            cgrad.normal(t, 1.0)
            t.uniform_()
    finally:
        stop.set()
        thread.join()


def test_positions_of_a_tensor_that_another_thread_makes_smaller():
    n = 1 << 18
    t = cgrad.ones(n)
    stop = threading.Event()

    def replace():
        while not stop.is_set():
            t.data = cgrad.ones(2)
            t.data = cgrad.ones(n)

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        for _ in range(30):
            try:
                values, indices = t.sort()
                assert len(values) == len(indices)
            except RuntimeError as error:
                assert "another thread" in str(error)
    finally:
        stop.set()
        thread.join()


def test_order_in_a_tensor_that_another_thread_gives_another_row():
    t, stop = cgrad.arange(1 << 16), threading.Event()

    def replace():
        while not stop.is_set():
            t.unsqueeze_(0)
            t.squeeze_(0)
            cgrad.ones(3)

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        for _ in range(25):
            for values in (t.sort().values, t.topk(5, largest=False).values, t.kthvalue(1).values,
                           t.mode().values):
                assert values.flatten()[0] == 0
    finally:
        stop.set()
        thread.join()
