"""Calling a module: ``forward`` and the hooks around it."""
from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad._engine.module import compiled
from cgrad.nn.modules import hooks
from cgrad.utils.hooks import RemovableHandle

__all__ = ["CallMixin"]


class CallMixin:
    """What :class:`~cgrad.nn.Module` inherits to be called.

    ``__call__`` is _engine/module.pyx's: it runs ``forward`` when there are no hooks,
    ``_call_impl`` when there are.
    """

    _compiled_call_impl: Callable[..., Any] | None = None

    _backward_hooks: OrderedDict[int, Callable]
    _backward_pre_hooks: OrderedDict[int, Callable]
    _forward_hooks: OrderedDict[int, Callable]
    _forward_pre_hooks: OrderedDict[int, Callable]
    _forward_hooks_with_kwargs: OrderedDict[int, bool]
    _forward_hooks_always_called: OrderedDict[int, bool]
    _forward_pre_hooks_with_kwargs: OrderedDict[int, bool]
    _is_full_backward_hook: bool | None

    __call__: Callable[..., Any]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; every subclass overrides this."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def _call_impl(self, *args: Any, **kwargs: Any) -> Any:
        return self._call_with_hooks(args, kwargs)

    def _wrapped_call_impl(self, *args: Any, **kwargs: Any) -> Any:
        return cgrad.nn.Module.__call__(self, *args, **kwargs)

    def _call_with_hooks(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        result = None
        called: set[int] = set()
        try:
            backward, old_backward = self._get_backward_hooks()
            pre_backward = [*hooks.backward_pre_hooks.values(), *self._backward_pre_hooks.values()]
            args, kwargs = self._run_pre_hooks(args, kwargs)
            gates = None
            if backward or pre_backward:
                gates = hooks.BackwardHooks(self, backward, pre_backward)
                args = gates.enter(args)
            result = self.forward(*args, **kwargs)
            for key, hook in (*hooks.forward_hooks.items(), *self._forward_hooks.items()):
                called.add(key)
                changed = self._run_forward_hook(key, hook, args, kwargs, result)
                if changed is not None:
                    result = changed
            if gates is not None:
                if not isinstance(result, (Tensor, tuple)):
                    warnings.warn(
                        "For backward hooks to be called, module output should be a Tensor or a "
                        f"tuple of Tensors but received {type(result)}",
                        stacklevel=3,
                    )
                result = gates.leave(result)
            if old_backward:
                self._hang_old_hooks(old_backward, result)
            return result
        except Exception:
            self._run_always_called(called, args, kwargs, result)
            raise

    def _run_pre_hooks(self, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
        for key, hook in (*hooks.forward_pre_hooks.items(), *self._forward_pre_hooks.items()):
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
        return args, kwargs

    def _run_forward_hook(
        self, key: int, hook: Callable, args: tuple, kwargs: dict[str, Any], result: Any
    ) -> Any:
        if key in self._forward_hooks_with_kwargs or key in hooks.forward_hooks_with_kwargs:
            return hook(self, args, kwargs, result)
        return hook(self, args, result)

    def _run_always_called(
        self, called: set[int], args: tuple, kwargs: dict[str, Any], result: Any
    ) -> None:
        # A call has failed: the hooks that are wanted all the same, unless they ran before it did.
        for kind, table, wanted in (
            ("global module", hooks.forward_hooks, hooks.forward_hooks_always_called),
            ("module", self._forward_hooks, self._forward_hooks_always_called),
        ):
            for key in [key for key in table if key in wanted and key not in called]:
                try:
                    changed = self._run_forward_hook(key, table[key], args, kwargs, result)
                except Exception as error:
                    warnings.warn(
                        f"{kind} forward hook with ``always_call=True`` raised an exception "
                        f"that was silenced as another error was raised in forward: {error}",
                        stacklevel=4,
                    )
                else:
                    result = result if changed is None else changed

    def _get_backward_hooks(self) -> tuple[list[Callable], list[Callable]]:
        """The full and the older backward hooks, global ones first."""
        full: list[Callable] = []
        old: list[Callable] = []
        if hooks.full_backward is not None:
            (full if hooks.full_backward else old).extend(hooks.backward_hooks.values())
        if self._is_full_backward_hook is not None:
            (full if self._is_full_backward_hook else old).extend(self._backward_hooks.values())
        return full, old

    def _get_backward_pre_hooks(self) -> list[Callable]:
        return [*hooks.backward_pre_hooks.values(), *self._backward_pre_hooks.values()]

    def _hang_old_hooks(self, old_hooks: list[Callable], result: Any) -> None:
        # They see what passes the operation that made the result, whatever it is.
        while not isinstance(result, Tensor):
            if isinstance(result, dict):
                result = next(v for v in result.values() if isinstance(v, Tensor))
            else:
                result = result[0]
        if result.grad_fn is not None:
            for hook in old_hooks:
                result.grad_fn.register_hook(
                    lambda inputs, outputs, hook=hook: hook(self, inputs, outputs)
                )

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
        self._forward_pre_hooks[handle.id] = hook
        if with_kwargs:
            self._forward_pre_hooks_with_kwargs[handle.id] = True
        if prepend:
            self._forward_pre_hooks.move_to_end(handle.id, last=False)
        return handle

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
        self._forward_hooks[handle.id] = hook
        if with_kwargs:
            self._forward_hooks_with_kwargs[handle.id] = True
        if always_call:
            self._forward_hooks_always_called[handle.id] = True
        if prepend:
            self._forward_hooks.move_to_end(handle.id, last=False)
        return handle

    def register_full_backward_pre_hook(
        self, hook: Callable, prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` before the module's gradients are computed.

        Args:
            hook: returns None or what replaces ``grad_output``, a tuple with one entry for each
                output.
            prepend: run before the hooks registered so far. Default: ``False``

        Returns:
            RemovableHandle: ``handle.remove()`` takes the hook away.
        """
        return self._register_backward(self._backward_pre_hooks, hook, prepend)

    def register_full_backward_hook(
        self, hook: Callable, prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the gradients are computed.

        ``grad_input`` has an entry for each positional argument, None for those that are no
        tensors; ``grad_output`` one for each output. Where no input requires a gradient the hook
        runs when the gradients of the outputs are there. Inputs and outputs of the module may not
        be changed in place.

        Args:
            hook: returns None or what replaces ``grad_input``.
            prepend: run before the hooks registered so far. Default: ``False``

        Returns:
            RemovableHandle: ``handle.remove()`` takes the hook away.

        Raises:
            RuntimeError: the module has hooks of :meth:`register_backward_hook`.

        Example::

            >>> layer = cgrad.nn.Linear(2, 1)
            >>> seen = []
            >>> _ = layer.register_full_backward_hook(lambda m, gi, go: seen.append(go[0].item()))
            >>> layer(cgrad.ones(2, requires_grad=True)).backward()
            >>> seen
            [1.0]
        """
        self._backward_kind(full=True)
        return self._register_backward(self._backward_hooks, hook, prepend)

    def register_backward_hook(self, hook: Callable) -> RemovableHandle:
        """Deprecated: use :meth:`register_full_backward_hook`.

        ``hook(module, grad_input, grad_output)`` sees what passes the last operation of
        ``forward`` alone.
        """
        self._backward_kind(full=False)
        return self._register_backward(self._backward_hooks, hook, prepend=False)

    def _backward_kind(self, full: bool) -> None:
        if self._is_full_backward_hook is (not full):
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a "
                "single Module. Please use only one of them."
            )
        self._is_full_backward_hook = full

    @staticmethod
    def _register_backward(
        table: OrderedDict[int, Callable], hook: Callable, prepend: bool
    ) -> RemovableHandle:
        handle = RemovableHandle(table)
        table[handle.id] = hook
        if prepend:
            table.move_to_end(handle.id, last=False)
        return handle

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Accepted for programs that compile their models: :func:`cgrad.compile` of the call."""
        compiled()
        self._compiled_call_impl = cgrad.compile(self._call_impl, *args, **kwargs)
