"""Hooks of all modules at once, and the hooks that run in the backward sweep."""
from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad._engine.module import global_hooks
from cgrad.autograd import Function
from cgrad.utils.hooks import RemovableHandle

__all__ = [
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]

# The engine looks whether these are empty at every call of a module.
backward_hooks, backward_pre_hooks, forward_hooks, forward_pre_hooks = global_hooks

forward_hooks_with_kwargs: OrderedDict[int, bool] = OrderedDict()
forward_hooks_always_called: OrderedDict[int, bool] = OrderedDict()
registrations: dict[str, OrderedDict[int, Callable]] = {
    "buffer": OrderedDict(), "parameter": OrderedDict(), "module": OrderedDict(),
}  # fmt: skip
full_backward: bool | None = None           # which kind of global backward hooks is in use


def _register(table: Any, hook: Callable, *flags: Any) -> RemovableHandle:
    handle = RemovableHandle(table, extra_dict=list(flags))
    table[handle.id] = hook
    for flag in flags:
        flag[handle.id] = True
    return handle


def registered(kind: str, module: Any, name: str, value: Any) -> Any:
    """What is to be registered after the global hooks for this kind have seen it."""
    for hook in registrations[kind].values():
        changed = hook(module, name, value)
        if changed is not None:
            value = changed
    return value


def register_module_buffer_registration_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(module, name, buffer)`` at every ``register_buffer``; it may return another."""
    return _register(registrations["buffer"], hook)


def register_module_module_registration_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(module, name, submodule)`` whenever a submodule is registered.

    It may return another one.
    """
    return _register(registrations["module"], hook)


def register_module_parameter_registration_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(module, name, param)`` whenever a parameter is registered.

    It may return another one.
    """
    return _register(registrations["parameter"], hook)


def register_module_forward_pre_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(module, args)`` before the ``forward`` of every module, before its own hooks.

    It returns None or what replaces the arguments. For debugging and profiling.
    """
    return _register(forward_pre_hooks, hook)


def register_module_forward_hook(
    hook: Callable, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call ``hook(module, args, output)`` after the ``forward`` of every module.

    Args:
        hook: returns None or the new output.
        with_kwargs: call ``hook(module, args, kwargs, output)``. Default: ``False``
        always_call: run also when ``forward`` raises. Default: ``False``

    Returns:
        RemovableHandle: ``handle.remove()`` takes the hook away.
    """
    flags = [forward_hooks_with_kwargs] if with_kwargs else []
    if always_call:
        flags.append(forward_hooks_always_called)
    return _register(forward_hooks, hook, *flags)


def _backward_kind(full: bool) -> None:
    global full_backward
    if full_backward is (not full):
        raise RuntimeError(
            "Cannot use both regular backward hooks and full backward hooks as a "
            "global Module hook. Please use only one of them."
        )
    full_backward = full


def register_module_backward_hook(hook: Callable) -> RemovableHandle:
    """Deprecated: use :func:`register_module_full_backward_hook`.

    Calls ``hook(module, grad_input, grad_output)`` with what passes the last operation of each
    module's ``forward``.
    """
    _backward_kind(full=False)
    return _register(backward_hooks, hook)


def register_module_full_backward_pre_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(module, grad_output)`` before the gradient of every module is computed.

    It returns None or what replaces ``grad_output``.
    """
    return _register(backward_pre_hooks, hook)


def register_module_full_backward_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(module, grad_input, grad_output)`` when a module's gradients are computed.

    It returns None or what replaces ``grad_input``.
    """
    _backward_kind(full=True)
    return _register(backward_hooks, hook)


# -- in the sweep -----------------------------------------------------------------------------


class _Gate(Function):
    """The identity on tensors, whose derivative shows the gradients to a function."""

    @staticmethod
    def forward(ctx: Any, show: Callable, zeros: bool, *tensors: Tensor) -> Any:
        ctx.show = show
        ctx.set_materialize_grads(zeros)
        ctx.mark_non_differentiable(*[t for t in tensors if not t.requires_grad])
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Any:
        return None, None, *ctx.show(grads)


def _pass(
    show: Callable, values: tuple, *, zeros: bool = False
) -> tuple[tuple, list[int] | None]:
    """``values`` with their tensors led through a gate, and the positions of those.

    zeros: whether ``show`` gets zeros for gradients that are not there.
    """
    places = [i for i, value in enumerate(values) if isinstance(value, Tensor)]
    tensors = [values[i] for i in places]
    if not (cgrad.is_grad_enabled() and any(t.requires_grad for t in tensors)):
        return values, None
    result = list(values)
    for i, tensor in zip(places, _Gate.apply(show, zeros, *tensors), strict=True):
        result[i] = tensor
    return tuple(result), places


def _spread(places: list[int], grads: Any, length: int) -> tuple:
    full: list[Any] = [None] * length
    for i, grad in zip(places, grads, strict=True):
        full[i] = grad
    return tuple(full)


class BackwardHooks:
    """The full backward hooks during one call of a module.

    The inputs and the outputs pass through a gate each. The gradients of the outputs arrive first
    and are kept; when those of the inputs arrive, the hooks are called with both. Where no input
    requires a gradient the gate of the outputs calls them.
    """

    def __init__(self, module: Any, hooks: list[Callable], pre_hooks: list[Callable]) -> None:
        self.module = module
        self.hooks = hooks
        self.pre_hooks = pre_hooks
        self.inputs: list[int] | None = None
        self.outputs: list[int] | None = None
        self.n_inputs = self.n_outputs = -1
        self.grad_outputs: tuple | None = None

    def enter(self, args: tuple) -> tuple:
        """The arguments to call ``forward`` with."""
        self.n_inputs = len(args)
        args, self.inputs = _pass(self._show_inputs, args, zeros=True)
        return args

    def leave(self, result: Any) -> Any:
        """The result for the caller."""
        single = not isinstance(result, tuple)
        values = (result,) if single else result
        self.n_outputs = len(values)
        passed, self.outputs = _pass(self._show_outputs, values)
        return passed[0] if single else passed

    def _show_outputs(self, grads: tuple) -> tuple:
        assert self.outputs is not None
        self.grad_outputs = _spread(self.outputs, grads, self.n_outputs)
        for hook in self.pre_hooks:
            changed = hook(self.module, self.grad_outputs)
            if changed is None:
                continue
            self._check(changed, self.grad_outputs, "pre hook", "grad_output")
            self.grad_outputs = changed if isinstance(changed, tuple) else tuple(changed)
        seen = self.grad_outputs
        if self.inputs is None:
            if self.hooks:
                warnings.warn(
                    "Full backward hook is firing when gradients are computed with respect to "
                    "module outputs since no inputs require gradients.",
                    stacklevel=5,
                )
            for hook in self.hooks:
                changed = hook(self.module, (None,) * self.n_inputs, seen)
                if changed is not None and not (
                    isinstance(changed, tuple) and all(part is None for part in changed)
                ):
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should "
                        "always return None or None for all gradients."
                    )
            self.grad_outputs = None
        return tuple(seen[i] for i in self.outputs)

    def _show_inputs(self, grads: tuple) -> tuple:
        if self.grad_outputs is None:
            # The gradient came by another way than through the outputs: a second derivative.
            return grads
        assert self.inputs is not None
        result = _spread(self.inputs, grads, self.n_inputs)
        for hook in self.hooks:
            changed = hook(self.module, result, self.grad_outputs)
            if changed is None:
                continue
            self._check(changed, result, "hook", "grad_input")
            result = changed if isinstance(changed, tuple) else tuple(changed)
        self.grad_outputs = None
        return tuple(result[i] for i in self.inputs)

    @staticmethod
    def _check(changed: Any, expected: tuple, kind: str, name: str) -> None:
        if isinstance(changed, Tensor):
            raise RuntimeError(
                f"Backward {kind} must return None or a tuple of {len(expected)} for {name}, "
                "but it returned a Tensor"
            )
        if len(changed) != len(expected):
            raise RuntimeError(
                f"Backward {kind} returned an invalid number of {name}, "
                f"got {len(changed)}, but expected {len(expected)}"
            )
