"""Less memory for more time: values of a part of a program are computed again in backward."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import cgrad
from cgrad._tensor.tensor import Tensor
from cgrad.autograd import Function, enable_grad
from cgrad.autograd.graph import saved_tensors_hooks

__all__ = [
    "CheckpointError", "checkpoint", "checkpoint_sequential", "set_checkpoint_early_stop",
]  # fmt: skip


class CheckpointError(RuntimeError):
    """The second computation did not save what the first one did."""


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], tuple[Any, Any]] | None = None,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """Call ``function(*args, **kwargs)`` without keeping what its derivative reads.

    Backward calls it a second time to get these values back (Chen et al. 2016, "Training deep
    nets with sublinear memory cost").

    Args:
        function: what to call; it must do the same both times.
        use_reentrant: False (recommended): saved values are made again one call at a time, inside
            the outer sweep. True: backward starts a sweep of its own, and at least one argument
            must require a gradient. Default: True with a warning, as in PyTorch.
        context_fn: returns two context managers, around the first and the second call.
        determinism_check: "default" compares shapes and dtypes of what is saved; "none" does not.
        debug, early_stop: accepted.
        preserve_rng_state: the second call draws the same random numbers. Default ``True``

    Raises:
        CheckpointError: the second call saved other values than the first.

    Example::

        >>> x = cgrad.tensor(2.0, requires_grad=True)
        >>> y = cgrad.utils.checkpoint.checkpoint(lambda x: x.exp() * x, x, use_reentrant=False)
        >>> y.backward()
        >>> cgrad.allclose(x.grad, 3 * x.exp())
        True
    """
    if use_reentrant is None:
        warnings.warn(
            "cgrad.utils.checkpoint: the use_reentrant parameter should be passed explicitly. "
            "use_reentrant=False is recommended.", stacklevel=2)
        use_reentrant = True
    if determinism_check not in ("default", "none"):
        raise ValueError("determinism_check should be 'default' or 'none', got "
                         f"{determinism_check!r}")
    if not use_reentrant:
        return _with_hooks(function, args, kwargs, context_fn, determinism_check,
                           preserve_rng_state)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if context_fn is not None:
        raise ValueError("Passing `context_fn` is only supported when use_reentrant=False.")
    return _Again.apply(function, preserve_rng_state, *args)


@contextmanager
def _random_state(state: Any) -> Iterator[None]:
    # Draw from `state`, then go on as if nothing had been drawn.
    if state is None:
        yield
        return
    before = cgrad.get_rng_state()
    cgrad.set_rng_state(state)
    try:
        yield
    finally:
        cgrad.set_rng_state(before)


class _Again(Function):
    @staticmethod
    def forward(ctx: Any, function: Any, preserve: bool, *args: Any) -> Any:
        ctx.function = function
        ctx.state = cgrad.get_rng_state() if preserve else None
        ctx.rest = [None if isinstance(a, Tensor) else a for a in args]
        ctx.save_for_backward(*(a if isinstance(a, Tensor) else None for a in args))
        return function(*args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        args = [rest if saved is None else saved.detach().requires_grad_(saved.requires_grad)
                for saved, rest in zip(ctx.saved_tensors, ctx.rest)]
        with enable_grad(), _random_state(ctx.state):
            outputs = ctx.function(*args)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        pairs = [(y, g) for y, g in zip(outputs, grads)
                 if isinstance(y, Tensor) and y.requires_grad]
        if not pairs:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not "
                               "necessary")
        cgrad.autograd.backward([y for y, _ in pairs], [g for _, g in pairs])
        return (None, None, *(a.grad if isinstance(a, Tensor) else None for a in args))


class _Place:
    """Stands for one saved value: its number in the order of saving."""

    def __init__(self, number: int) -> None:
        self.number = number


def _with_hooks(function: Any, args: Any, kwargs: Any, context_fn: Any, check: str,
                preserve: bool) -> Any:
    state = cgrad.get_rng_state() if preserve else None
    first, second = context_fn() if context_fn is not None else (nullcontext(), nullcontext())
    seen: list[tuple[Any, Any]] = []               # shape and dtype of each saved value
    again: dict[int, Tensor] = {}                  # values of the second call, until they are read

    def pack(tensor: Tensor) -> _Place:
        seen.append((tensor.shape, tensor.dtype))
        return _Place(len(seen) - 1)

    def compute_again() -> None:
        made: list[Tensor] = []

        def keep(tensor: Tensor) -> Any:
            made.append(tensor)
            return tensor

        with (enable_grad(), _random_state(state), second,
              saved_tensors_hooks(keep, lambda tensor: tensor)):
            function(*args, **kwargs)
        found = [(t.shape, t.dtype) for t in made]
        if len(found) != len(seen) or (check == "default" and found != seen):
            raise CheckpointError(
                "cgrad.utils.checkpoint: the second computation saved other values than the first: "
                f"{len(seen)} values then, {len(found)} now, or of another shape or dtype. The "
                "function must do the same both times.")
        again.update(enumerate(made))

    def unpack(place: _Place) -> Tensor:
        if place.number not in again:
            compute_again()
        return again.pop(place.number)

    with saved_tensors_hooks(pack, unpack), first:
        return function(*args, **kwargs)


def checkpoint_sequential(
    functions: Any,
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
) -> Any:
    """Apply modules one after the other, in `segments` checkpointed parts.

    Args:
        functions: a ``Sequential`` or a list of functions.
        segments: number of parts; the last one is not checkpointed.
        input: what the first function gets.

    Example::

        >>> model = cgrad.nn.Sequential(*[cgrad.nn.Linear(2, 2) for _ in range(4)])
        >>> x = cgrad.ones(1, 2, requires_grad=True)
        >>> cgrad.utils.checkpoint.checkpoint_sequential(model, 2, x, use_reentrant=False).shape
        cgrad.Size([1, 2])
    """
    if use_reentrant is None:
        warnings.warn(
            "cgrad.utils.checkpoint_sequential: the use_reentrant parameter should be passed "
            "explicitly.", stacklevel=2)
        use_reentrant = True
    functions = list(functions)
    if not 1 <= segments <= max(len(functions), 1):
        raise ValueError(f"checkpoint_sequential: segments must be between 1 and the number of "
                         f"functions ({len(functions)}), got {segments}")

    def run(part: Sequence[Any]) -> Callable[[Any], Any]:
        def forward(x: Any) -> Any:
            for f in part:
                x = f(x)
            return x
        return forward

    size = len(functions) // segments
    for i in range(segments - 1):
        input = checkpoint(run(functions[i * size:(i + 1) * size]), input,
                           use_reentrant=use_reentrant, preserve_rng_state=preserve_rng_state)
    return run(functions[(segments - 1) * size:])(input)


@contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """A block whose checkpoints may stop the second call early, in PyTorch.

    Here the second call always runs to its end, whatever is asked for: the values are the same.

    Args:
        enable: accepted.

    Example::

        >>> with cgrad.utils.checkpoint.set_checkpoint_early_stop(False):
        ...     x = cgrad.ones(1, requires_grad=True)
        ...     y = cgrad.utils.checkpoint.checkpoint(cgrad.exp, x, use_reentrant=False)
        >>> y.requires_grad
        True
    """
    yield
