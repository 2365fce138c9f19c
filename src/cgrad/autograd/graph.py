"""What hangs on the graph: its nodes, and hooks on them and on saved values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from cgrad._engine import tracing as _tracing
from cgrad._tensor.graph import GraphNode
from cgrad._tensor.hooks import RemovableHandle
from cgrad._tensor.tensor import Tensor

__all__ = [
    "GradientEdge", "Node", "disable_saved_tensors_hooks", "get_gradient_edge",
    "increment_version", "register_multi_grad_hook", "save_on_cpu", "saved_tensors_hooks",
]  # fmt: skip

Node = GraphNode


class GradientEdge(NamedTuple):
    """One output of a node of the graph.

    Example::

        >>> y = cgrad.ones(1, requires_grad=True).exp()
        >>> cgrad.autograd.graph.GradientEdge(y.grad_fn, 0).output_nr
        0
    """

    node: Node
    output_nr: int


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge of the graph by which a gradient reaches `tensor`.

    Raises:
        RuntimeError: the tensor requires no gradient.

    Example::

        >>> y = cgrad.ones(1, requires_grad=True).exp()
        >>> cgrad.autograd.graph.get_gradient_edge(y).node.name()
        'ExpBackward0'
    """
    if not tensor.requires_grad:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does "
                           "not require gradients")
    node, number = tensor.view_as(tensor).grad_fn.next_functions[0]     # type: ignore[union-attr]
    assert node is not None
    return GradientEdge(node, number)


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Tell autograd that the memory of a tensor was changed behind its back.

    Example::

        >>> x = cgrad.zeros(2)
        >>> cgrad.autograd.graph.increment_version(x)
        >>> x._version
        1
    """
    for t in [tensor] if isinstance(tensor, Tensor) else tensor:
        t._bump_version()


class saved_tensors_hooks:
    """Context manager: values saved for backward go through a pair of functions.

    ``pack_hook(tensor)`` gets each value that an operation saves and returns anything;
    ``unpack_hook(that)`` gives a tensor of the same shape and dtype back when the derivative is
    computed. The innermost pair is in force.

    Example::

        >>> x = cgrad.tensor([1.0, 2.0], requires_grad=True)
        >>> with cgrad.autograd.graph.saved_tensors_hooks(lambda t: t.numpy(), cgrad.from_numpy):
        ...     y = (x * x).sum()
        >>> y.backward()
        >>> x.grad
        tensor([2., 4.])
    """

    def __init__(self, pack_hook: Callable[[Tensor], Any],
                 unpack_hook: Callable[[Any], Tensor]) -> None:
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self) -> None:
        _tracing.push_hooks(self.pack_hook, self.unpack_hook)

    def __exit__(self, *exc: Any) -> None:
        _tracing.pop_hooks()


class save_on_cpu(saved_tensors_hooks):
    """Saved values are copies; everything is on the CPU here.

    Example::

        >>> x = cgrad.tensor(3.0, requires_grad=True)
        >>> with cgrad.autograd.graph.save_on_cpu():
        ...     y = x * x
        >>> y.backward()
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda tensor: tensor.clone(), lambda tensor: tensor)


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Context manager: `saved_tensors_hooks` raises RuntimeError with this message.

    Example::

        >>> with cgrad.autograd.graph.disable_saved_tensors_hooks("not here"):
        ...     y = cgrad.ones(1, requires_grad=True).exp()
    """
    before = _tracing.disable_hooks(error_message)
    try:
        yield
    finally:
        _tracing.disable_hooks(before)


class _MultiHandle(RemovableHandle):
    def __init__(self, handles: Sequence[RemovableHandle]) -> None:
        super().__init__({}, lambda: None)
        self.handles = tuple(handles)

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()


def register_multi_grad_hook(
    tensors: Sequence[Tensor],
    fn: Callable[..., None],
    *,
    mode: str = "all",
) -> RemovableHandle:
    """Call `fn` when the gradients of several tensors have been computed in one sweep.

    Args:
        tensors: tensors that require a gradient.
        fn: with mode "all" gets a sequence with one gradient a tensor, None for those the sweep
            does not reach; with mode "any" the first gradient that is computed.
        mode: "all" or "any".

    Example::

        >>> a, b = (cgrad.ones(1, requires_grad=True) for _ in range(2))
        >>> hook = cgrad.autograd.graph.register_multi_grad_hook((a, b), lambda g: print(len(g)))
        >>> (a * b).backward()
        2
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    grads: list[Tensor | None] = [None] * len(tensors)
    done = [0]

    def reset(complete: bool = True) -> None:
        grads[:] = [None] * len(tensors)
        done[0] = 0

    def finish(complete: bool = True) -> None:
        if not complete:
            reset()
        if done[0]:
            found = list(grads)
            reset()
            fn(found)

    def hook(i: int) -> Callable[[Tensor], None]:
        def inner(grad: Tensor) -> None:
            if mode == "any":
                if done[0] == 0:
                    _tracing.at_end_of_sweep(reset)
                    fn(grad)
                done[0] += 1
                return
            if done[0] == 0:
                # Tensors that the sweep does not reach get None at its end.
                _tracing.at_end_of_sweep(finish)
            done[0] += 1
            grads[i] = grad
            if done[0] == len(tensors):
                finish()

        return inner

    return _MultiHandle([t.register_hook(hook(i)) for i, t in enumerate(tensors)])
