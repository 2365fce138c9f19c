"""Sweeps that the program interferes with: hooks, threads, tensors of others as results."""

import gc
import threading

import pytest

import cgrad
from cgrad._engine import rows
from cgrad.autograd.graph import register_multi_grad_hook


def live_rows():
    gc.collect()
    return rows.live_rows()


@pytest.mark.parametrize("requires_grad", [False, True])
def test_a_function_may_return_a_tensor_that_its_argument_was_made_from(requires_grad):
    w = cgrad.ones(3, requires_grad=requires_grad)
    a = cgrad.ones(3, requires_grad=True)

    class Other(cgrad.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return w

        @staticmethod
        def backward(ctx, grad):
            return grad

    Other.apply(w * a * 2).sum().backward()
    assert w.is_leaf and w.requires_grad == requires_grad
    assert a.grad.tolist() == [2, 2, 2]


def test_hooks_before_a_node_must_keep_the_shape():
    x = cgrad.ones(40, 100, requires_grad=True)
    y = x.gather(1, cgrad.zeros(40, 5, dtype=cgrad.int64))
    y.grad_fn.register_prehook(lambda grads: (cgrad.ones(1),))
    with pytest.raises(RuntimeError, match="must have the shape"):
        y.sum().backward()


def test_hooks_before_the_node_of_a_function_see_all_its_gradients():
    class Two(cgrad.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, a, b):
            return a * 2 + b * 3

    x = cgrad.ones(2, requires_grad=True)
    y, z = Two.apply(x)
    seen = []

    def hook(grads):
        seen.append([g.tolist() for g in grads])
        return grads[0], grads[1] * 10

    y.grad_fn.register_prehook(hook)
    (y + z).sum().backward()
    assert seen == [[[1, 1], [1, 1]]]
    assert x.grad.tolist() == [32, 32]


def test_hooks_after_a_node_see_sparse_gradients():
    w = cgrad.ones(4, 2, requires_grad=True)
    y = cgrad.nn.functional.embedding(cgrad.tensor([1, 1]), w, sparse=True)
    seen = []
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append(inputs[0].is_sparse))
    y.sum().backward()
    assert seen == [True]


def test_an_error_at_the_end_of_a_sweep_leaves_nothing_behind():
    def fail(grads):
        raise ValueError("at the end")

    x, z = (cgrad.ones(5, requires_grad=True) for _ in range(2))
    handle = register_multi_grad_hook((x, z), fail)

    def sweep():
        with pytest.raises(ValueError, match="at the end"):
            (x.exp() * 2).sum().backward()

    sweep()
    before = live_rows()
    for _ in range(20):
        sweep()
    assert live_rows() == before
    handle.remove()


def test_a_sweep_inside_a_sweep_does_not_end_the_outer_one():
    x, z, u = (cgrad.ones(1, requires_grad=True) for _ in range(3))
    seen = []
    register_multi_grad_hook((x, z), lambda grads: seen.append([g is not None for g in grads]))

    def inner(grad):
        with cgrad.enable_grad():
            (u * u).sum().backward()

    y = z * 2
    y.register_hook(inner)
    for loss in (y * x.clone(), x.clone() * y):
        loss.backward(retain_graph=True)
    assert seen == [[True, True]] * 2


def test_after_a_broken_sweep_hooks_of_several_gradients_start_anew():
    x, z = (cgrad.ones(1, requires_grad=True) for _ in range(2))
    seen = []
    register_multi_grad_hook((x, z), lambda grads: seen.append([g is not None for g in grads]))
    y = z * 2

    def fail(grad):
        raise ValueError("broken off")

    handle = y.register_hook(fail)
    for loss in (y + x, x + y):
        with pytest.raises(ValueError, match="broken off"):
            loss.backward(retain_graph=True)
    handle.remove()
    (y + x).backward()
    assert seen == [[True, True]]


def test_threads_sweep_one_graph_that_is_released_meanwhile():
    before = live_rows()
    for _ in range(5):
        w, v = (cgrad.ones(200_000, requires_grad=True) for _ in range(2))
        y = w * v
        z = (cgrad.nn.functional.gelu(y) / v + y).tanh().sum()

        def sweep(z=z):
            try:
                z.backward()
            except RuntimeError as error:
                assert "second time" in str(error)

        threads = [threading.Thread(target=sweep) for _ in range(3)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        del w, v, y, z, sweep, threads, t
    assert live_rows() == before


def test_a_thread_takes_grad_away_while_others_add_to_it():
    before = live_rows()
    w = cgrad.ones(200_000, requires_grad=True)
    over = threading.Event()

    def take():
        while not over.is_set():
            w.grad = None

    def sweep(create_graph):
        for _ in range(20):
            (w * w).sum().backward(create_graph=create_graph)

    threads = [threading.Thread(target=sweep, args=(c,)) for c in (False, False, True)]
    taker = threading.Thread(target=take)
    for t in [taker, *threads]:
        t.start()
    for t in threads:
        t.join()
    over.set()
    taker.join()
    w.grad = None
    assert live_rows() <= before + 1     # w
