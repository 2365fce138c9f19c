"""Functions that run around the forward and backward of modules: of one, or of all."""
from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from itertools import chain
from typing import TYPE_CHECKING, Any

from cgrad import Tensor
from cgrad.autograd import Function
from cgrad.utils.hooks import RemovableHandle

if TYPE_CHECKING:
    from cgrad.nn.modules.module import Module

__all__ = [
    "register_module_forward_hook", "register_module_forward_pre_hook",
    "register_module_full_backward_hook", "register_module_full_backward_pre_hook",
]  # fmt: skip

# Hooks on all modules run before those on one.
_pre: OrderedDict[int, Callable] = OrderedDict()
_post: OrderedDict[int, Callable] = OrderedDict()
_post_with_kwargs: OrderedDict[int, bool] = OrderedDict()
_post_always_called: OrderedDict[int, bool] = OrderedDict()
_backward: OrderedDict[int, Callable] = OrderedDict()
_backward_pre: OrderedDict[int, Callable] = OrderedDict()
GLOBAL = (_pre, _post, _backward, _backward_pre)


def _insert(
    hooks: OrderedDict, handle: RemovableHandle, hook: Callable, prepend: bool = False
) -> RemovableHandle:
    hooks[handle.id] = hook
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def register_module_forward_pre_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(module, args)`` before the forward of every module; for debugging.

    Args:
        hook: returns None, the new arguments, or one new argument.
    """
    return _insert(_pre, RemovableHandle(_pre), hook)


def register_module_forward_hook(
    hook: Callable, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call ``hook(module, args, output)`` after the forward of every module; for debugging.

    Args:
        hook: returns None or the new output.
        with_kwargs: call ``hook(module, args, kwargs, output)``. Default: ``False``
        always_call: run also when ``forward`` raises. Default: ``False``
    """
    handle = RemovableHandle(_post, extra_dict=[_post_with_kwargs, _post_always_called])
    if with_kwargs:
        _post_with_kwargs[handle.id] = True
    if always_call:
        _post_always_called[handle.id] = True
    return _insert(_post, handle, hook)


def register_module_full_backward_pre_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(module, grad_output)`` before the backward of every module."""
    return _insert(_backward_pre, RemovableHandle(_backward_pre), hook)


def register_module_full_backward_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(module, grad_input, grad_output)`` after the backward of every module."""
    return _insert(_backward, RemovableHandle(_backward), hook)


class _Boundary(Function):
    """The identity; ``watch`` sees, and may replace, the gradients that pass back through it."""

    @staticmethod
    def forward(ctx: Any, watch: Callable, *tensors: Tensor) -> Any:
        ctx.watch = watch
        ctx.set_materialize_grads(False)
        return tuple(t.view_as(t) for t in tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> Any:
        return None, *ctx.watch(grads)


class _Passage:
    """The backward hooks around one call of a module."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.before = [*_backward_pre.values(), *module._backward_pre_hooks.values()]
        self.after = [*_backward.values(), *module._backward_hooks.values()]
        self.places: list[int] | None = None  # of the inputs with gradients; None without any
        self.n_inputs = 0
        self.grad_output: tuple = ()

    def _through(self, values: tuple, watch: Callable) -> tuple[tuple, list[int]]:
        """Lead the tensors among ``values`` that require grad through a boundary."""
        places = [i for i, v in enumerate(values) if isinstance(v, Tensor) and v.requires_grad]
        if not places:
            return values, places
        passed = _Boundary.apply(watch, *(values[i] for i in places))
        result = list(values)
        for i, tensor in zip(places, passed):
            result[i] = tensor
        return tuple(result), places

    def enter(self, args: tuple) -> tuple:
        self.n_inputs = len(args)
        args, places = self._through(args, self._on_inputs)
        self.places = places or None
        return args

    def leave(self, result: Any) -> Any:
        values = result if isinstance(result, tuple) else (result,)
        self.n_outputs = len(values)
        values, self.out_places = self._through(values, self._on_outputs)
        if not isinstance(result, tuple):
            return values[0]
        return type(result)(*values) if hasattr(result, "_fields") else values

    def _on_outputs(self, grads: tuple) -> tuple:
        full: list = [None] * self.n_outputs
        for i, g in zip(self.out_places, grads):
            full[i] = g
        self.grad_output = tuple(full)
        for hook in self.before:
            changed = hook(self.module, self.grad_output)
            if changed is not None:
                changed = changed if isinstance(changed, tuple) else (changed,)
                if len(changed) != len(self.grad_output):
                    raise RuntimeError(
                        "Backward pre hook returned an invalid number of grad_output, got "
                        f"{len(changed)}, but expected {len(self.grad_output)}"
                    )
                self.grad_output = changed
        if self.places is None and self.after:
            warnings.warn(
                "Full backward hook is firing when gradients are computed with respect to module "
                "outputs since no inputs require gradients.",
                stacklevel=2,
            )
            nothing = (None,) * self.n_inputs
            for hook in self.after:
                changed = hook(self.module, nothing, self.grad_output)
                if changed is not None and any(g is not None for g in changed):
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always "
                        "return None or None for all gradients."
                    )
        return tuple(self.grad_output[i] for i in self.out_places)

    def _on_inputs(self, grads: tuple) -> tuple:
        full: list = [None] * self.n_inputs
        assert self.places is not None
        for i, g in zip(self.places, grads):
            full[i] = g
        grad_input = tuple(full)
        for hook in self.after:
            changed = hook(self.module, grad_input, self.grad_output)
            if changed is not None:
                changed = changed if isinstance(changed, tuple) else (changed,)
                if len(changed) != len(grad_input):
                    raise RuntimeError(
                        "Backward hook returned an invalid number of grad_input, got "
                        f"{len(changed)}, but expected {len(grad_input)}"
                    )
                grad_input = changed
        return tuple(grad_input[i] for i in self.places)


class HookMixin:
    """The part of Module that keeps and runs hooks."""

    _forward_hooks: OrderedDict[int, Callable]
    _forward_hooks_with_kwargs: OrderedDict[int, bool]
    _forward_hooks_always_called: OrderedDict[int, bool]
    _forward_pre_hooks: OrderedDict[int, Callable]
    _forward_pre_hooks_with_kwargs: OrderedDict[int, bool]
    _backward_hooks: OrderedDict[int, Callable]
    _backward_pre_hooks: OrderedDict[int, Callable]
    forward: Callable[..., Any]

    def _call_with_hooks(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        result = None
        passage = None
        always = {**{k: _post[k] for k in _post_always_called},
                  **{k: self._forward_hooks[k] for k in self._forward_hooks_always_called}}
        try:
            for key, hook in tuple(chain(_pre.items(), self._forward_pre_hooks.items())):
                if key in self._forward_pre_hooks_with_kwargs:
                    changed = hook(self, args, kwargs)
                    if changed is None:
                        continue
                    if not (isinstance(changed, tuple) and len(changed) == 2):
                        raise RuntimeError(
                            "forward pre-hook must return None or a tuple "
                            f"of (new_args, new_kwargs), but got {changed}."
                        )
                    args, kwargs = changed
                else:
                    changed = hook(self, args)
                    if changed is not None:
                        args = changed if isinstance(changed, tuple) else (changed,)
            if _backward or _backward_pre or self._backward_hooks or self._backward_pre_hooks:
                passage = _Passage(self)  # type: ignore[arg-type]
                args = passage.enter(args)
            result = self.forward(*args, **kwargs)
            for key, hook in tuple(chain(_post.items(), self._forward_hooks.items())):
                always.pop(key, None)
                changed = self._run_forward_hook(key, hook, args, kwargs, result)
                if changed is not None:
                    result = changed
            return result if passage is None else passage.leave(result)
        except Exception:
            for key, hook in always.items():
                try:
                    changed = self._run_forward_hook(key, hook, args, kwargs, result)
                except Exception as error:
                    warnings.warn(
                        "module forward hook with ``always_call=True`` raised an exception "
                        f"that was silenced as another error was raised in forward: {error}",
                        stacklevel=3,
                    )
                else:
                    result = result if changed is None else changed
            raise

    def _run_forward_hook(
        self, key: int, hook: Callable, args: tuple, kwargs: dict[str, Any], result: Any
    ) -> Any:
        if key in self._forward_hooks_with_kwargs or key in _post_with_kwargs:
            return hook(self, args, kwargs, result)
        return hook(self, args, result)

    def register_forward_pre_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before each ``forward``; its result replaces the arguments.

        Args:
            hook: returns None, the new arguments, or one new argument.
            prepend: run before the pre-hooks registered so far. Default: ``False``
            with_kwargs: call ``hook(module, args, kwargs)``, which returns None or a pair
                ``(args, kwargs)``. Default: ``False``

        Returns:
            RemovableHandle: ``handle.remove()`` takes the hook away.
        """
        handle = RemovableHandle(
            self._forward_pre_hooks, extra_dict=self._forward_pre_hooks_with_kwargs
        )
        if with_kwargs:
            self._forward_pre_hooks_with_kwargs[handle.id] = True
        return _insert(self._forward_pre_hooks, handle, hook, prepend)

    def register_forward_hook(
        self,
        hook: Callable,
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after each ``forward``.

        Args:
            hook: returns None or the new output.
            prepend: run before the hooks registered so far. Default: ``False``
            with_kwargs: call ``hook(module, args, kwargs, output)``. Default: ``False``
            always_call: run also when ``forward`` raises. Default: ``False``

        Returns:
            RemovableHandle: ``handle.remove()`` takes the hook away.
        """
        handle = RemovableHandle(
            self._forward_hooks,
            extra_dict=[self._forward_hooks_with_kwargs, self._forward_hooks_always_called],
        )
        if with_kwargs:
            self._forward_hooks_with_kwargs[handle.id] = True
        if always_call:
            self._forward_hooks_always_called[handle.id] = True
        return _insert(self._forward_hooks, handle, hook, prepend)

    def register_full_backward_pre_hook(
        self, hook: Callable, prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` before the gradients of the module are computed.

        Args:
            hook: takes the tuple of the outputs' gradients; returns None or what replaces it.
            prepend: run before the hooks registered so far. Default: ``False``
        """
        handle = RemovableHandle(self._backward_pre_hooks)
        return _insert(self._backward_pre_hooks, handle, hook, prepend)

    def register_full_backward_hook(
        self, hook: Callable, prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` after the inputs' gradients are there.

        Args:
            hook: takes the gradients of the positional arguments (None where there is none) and of
                the outputs; returns None, or what replaces ``grad_input``.
            prepend: run before the hooks registered so far. Default: ``False``

        Example::

            >>> layer = cgrad.nn.Linear(2, 1)
            >>> handle = layer.register_full_backward_hook(lambda m, gi, go: (gi[0] * 0,))
            >>> x = cgrad.ones(1, 2, requires_grad=True)
            >>> layer(x).backward()
            >>> x.grad.tolist()
            [[0.0, 0.0]]
        """
        handle = RemovableHandle(self._backward_hooks)
        return _insert(self._backward_hooks, handle, hook, prepend)

    def register_backward_hook(self, hook: Callable) -> RemovableHandle:
        """Deprecated: the same as :meth:`register_full_backward_hook`."""
        return self.register_full_backward_hook(hook)
