"""Programs that pull memory away at the worst moment: an error or the right result, no crash."""
import threading

import numpy as np
import pytest

import cgrad
from cgrad._engine import memory


def test_sizes_whose_product_wraps_around():
    with pytest.raises(RuntimeError, match="reshape"):
        cgrad.zeros(16).reshape(2**60 + 1, 16)


def test_index_that_changes_the_tensor():
    class Key:
        def __index__(self):
            t.mul_(w)
            return 0

    w = cgrad.ones(1000, requires_grad=True)
    t = cgrad.ones(1000)
    assert t[Key(),].item() == 1.0
    t = cgrad.ones(1000)
    with pytest.raises(RuntimeError, match="__setitem__"):
        t[Key(),] = 2.0


def test_size_that_only_has_index():
    class Six:
        def __index__(self):
            return 6

    assert cgrad.ones(6).reshape(Six()).shape == (6,)


def test_operand_whose_memory_is_replaced_by_another_thread():
    n = 1 << 20
    a = cgrad.ones(n)
    stop = threading.Event()

    def replace():
        while not stop.is_set():
            a.data = cgrad.ones(n)
            cgrad.full((n,), 7.0)

    thread = threading.Thread(target=replace)
    thread.start()
    try:
        for _ in range(50):
            assert bool((a * 1.0 == 1).all())
    finally:
        stop.set()
        thread.join()


def test_many_handles_that_end_inside_one_another():
    for _ in range(2):
        previous = None
        for _ in range(600):
            y = cgrad.ones((), requires_grad=True) * 2.0
            z = y * 1.0
            y.register_hook(lambda g, p=previous: None)
            previous = z
        del y, z, previous


def test_memoryview_outlives_the_memory_of_its_tensor():
    t = cgrad.ones(300_000)
    view = memoryview(t)
    t.data = cgrad.zeros(1)
    cgrad.full((300_000,), 7.0)
    memory.empty_cache()
    assert view[5] == 1.0 and view[299_999] == 1.0


def test_saved_value_replaced_by_one_of_another_size():
    x = cgrad.ones(30, 30, requires_grad=True)
    w = cgrad.ones(30, 30)
    y = x @ w
    w.data = cgrad.ones(1, 1)
    with pytest.raises(RuntimeError, match="matmul"):
        y.sum().backward()


def test_gradient_of_another_size_than_the_new_data():
    x = cgrad.ones(5000, requires_grad=True)
    x.sum().backward()
    x.data = cgrad.ones(2)
    with pytest.raises(RuntimeError, match="grad"):
        (x * x).sum().backward()


def test_tensor_without_data():
    class Empty(cgrad.Tensor):
        def __init__(self):
            pass

    for t in (cgrad.Tensor.__new__(cgrad.Tensor), Empty()):
        assert t.shape == (0,) and t.grad is None and len(t) == 0
        with pytest.raises(RuntimeError):
            t.item()
        with pytest.raises(RuntimeError, match="without data"):
            t + 1


def test_concatenation_of_an_iterator():
    parts = [cgrad.full((1000,), float(i)) for i in range(4)]
    whole = cgrad.cat(x * 1.0 for x in parts)
    assert whole.reshape(4, 1000).mean(dim=1).tolist() == [0.0, 1.0, 2.0, 3.0]


def test_gradient_slot_over_read_only_memory():
    x = cgrad.ones(2, requires_grad=True)
    constant = np.frombuffer(bytes(8), np.float32)
    x.grad = cgrad.from_numpy(constant)
    x.sum().backward()
    assert constant.tolist() == [0.0, 0.0] and x.grad.tolist() == [1.0, 1.0]


def test_data_of_another_size_under_an_operation_that_saves_nothing():
    x = cgrad.ones(3, requires_grad=True)
    y = x * 2
    x.data = cgrad.ones(30_000)
    with pytest.raises(RuntimeError, match="reshape"):
        y.sum().backward()
