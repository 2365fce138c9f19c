"""Saving and loading the state of a module: the ``state_dict`` half of Module."""
from __future__ import annotations

import warnings
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad.nn.parameter import Parameter, is_lazy
from cgrad.utils.hooks import RemovableHandle

__all__ = ["StateMixin"]

_EXTRA_STATE = "_extra_state"


class _IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


def _without_module(hook: Callable, module: Any, *args: Any) -> Any:
    return hook(*args)


class StateMixin:
    """What :class:`~cgrad.nn.Module` inherits to save and load its parameters and buffers."""

    # Kept in state_dict()._metadata; a subclass that changes its layout raises it and converts
    # older states in its own _load_from_state_dict.
    _version: int = 1

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]
    _state_dict_hooks: OrderedDict[int, Callable]
    _state_dict_pre_hooks: OrderedDict[int, Callable]
    _load_state_dict_pre_hooks: OrderedDict[int, Callable]
    _load_state_dict_post_hooks: OrderedDict[int, Callable]

    def get_extra_state(self) -> Any:
        """Override, with :meth:`set_extra_state`, to keep more than tensors in the state."""
        raise NotImplementedError(f"{type(self).__name__} has no extra state")

    def set_extra_state(self, state: Any) -> None:
        """Take back what :meth:`get_extra_state` returned."""
        raise NotImplementedError(f"{type(self).__name__} has no extra state")

    def _has_extra_state(self, method: str) -> bool:
        return getattr(type(self), method) is not getattr(StateMixin, method)

    def _own_state(self) -> Iterator[tuple[str, Tensor]]:
        """The parameters and persistent buffers of this module alone."""
        for name, param in self._parameters.items():
            if param is not None:
                yield name, param
        for name, buffer in self._buffers.items():
            if buffer is not None and name not in self._non_persistent_buffers_set:
                yield name, buffer

    # -- saving -------------------------------------------------------------------------------

    def _save_to_state_dict(self, destination: dict, prefix: str, keep_vars: bool) -> None:
        """Add the members of this module alone to ``destination``; subclasses may extend it."""
        for name, member in self._own_state():
            destination[prefix + name] = member if keep_vars else member.detach()
        if self._has_extra_state("get_extra_state"):
            destination[prefix + _EXTRA_STATE] = self.get_extra_state()

    def state_dict(
        self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """Return parameters and persistent buffers by dotted name.

        The tensors share memory with the module: later training changes them. Clone them, or
        save them, to keep the present values.

        Args:
            destination: a dictionary to add to. Default: a new one
            prefix: what to put before the names. Default: ``""``
            keep_vars: return the parameters themselves, not detached. Default: ``False``

        Example::

            >>> list(cgrad.nn.Linear(2, 3).state_dict())
            ['weight', 'bias']
        """
        if args:
            warnings.warn(
                "Positional args are being deprecated, use kwargs instead.",
                FutureWarning,
                stacklevel=2,
            )
            given = dict(zip(("destination", "prefix", "keep_vars"), args))
            destination = given.get("destination") if destination is None else destination
            prefix = prefix or given.get("prefix", "")
            keep_vars = keep_vars or given.get("keep_vars", False)
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        local_metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local_metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(
                    destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars
                )
        for hook in self._state_dict_hooks.values():
            changed = hook(self, destination, prefix, local_metadata)
            if changed is not None:
                if getattr(hook, "_from_public_api", False):
                    raise RuntimeError("state_dict post-hook must return None")
                destination = changed
        return destination

    # -- loading ------------------------------------------------------------------------------

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> _IncompatibleKeys:
        """Copy values into the parameters and buffers of this module and those below it.

        Args:
            state_dict: what :meth:`state_dict` returned.
            strict: whether the names must match exactly. Default: ``True``
            assign: take over the tensors themselves instead of copying their values; an
                optimizer is then to be made afterwards. Default: ``False``

        Returns:
            a named tuple of ``missing_keys`` and ``unexpected_keys``.

        Raises:
            TypeError: ``state_dict`` is no mapping.
            RuntimeError: names differ (with ``strict``), or a shape does; the message lists
                every problem.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        missing_keys: list[str] = []
        unexpected_keys: list[str] = []
        errors: list[str] = []
        metadata = getattr(state_dict, "_metadata", None)
        incompatible = _IncompatibleKeys(missing_keys, unexpected_keys)

        def load(module: Any, state: dict[str, Any], prefix: str) -> None:
            local_metadata = dict((metadata or {}).get(prefix[:-1], {}))
            if assign:
                local_metadata["assign_to_params_buffers"] = True
            module._load_from_state_dict(
                state, prefix, local_metadata, True, missing_keys, unexpected_keys, errors
            )
            for name, child in module._modules.items():
                if child is not None:
                    path = f"{prefix}{name}."
                    part = {key: v for key, v in state.items() if key.startswith(path)}
                    load(child, part, path)
            for hook in module._load_state_dict_post_hooks.values():
                if hook(module, incompatible) is not None:
                    raise AssertionError(
                        "Hooks registered with ``register_load_state_dict_post_hook`` are not "
                        "expected to return new values, if incompatible_keys need to be "
                        "modified, it should be done inplace."
                    )

        copy = OrderedDict(state_dict)        # hooks and subclasses may change it
        if metadata is not None:
            copy._metadata = metadata  # type: ignore[attr-defined]
        load(self, copy, "")
        if strict:
            for keys, title in ((unexpected_keys, "Unexpected"), (missing_keys, "Missing")):
                if keys:
                    listed = ", ".join(f'"{key}"' for key in keys)
                    errors.insert(0, f"{title} key(s) in state_dict: {listed}. ")
        if errors:
            details = "\n\t".join(errors)
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{details}"
            )
        return incompatible

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Load the members of this module alone; subclasses may extend it."""
        for hook in self._load_state_dict_pre_hooks.values():
            hook(
                self, state_dict, prefix, local_metadata, strict,
                missing_keys, unexpected_keys, error_msgs,
            )  # fmt: skip
        assign = local_metadata.get("assign_to_params_buffers", False)
        own = dict(self._own_state())
        for name, member in own.items():
            key = prefix + name
            if key in state_dict:
                problem = self._load_member(name, member, key, state_dict[key], assign)
                if problem is not None:
                    error_msgs.append(problem)
            elif strict:
                missing_keys.append(key)

        extra_key = prefix + _EXTRA_STATE
        if self._has_extra_state("set_extra_state"):
            if extra_key in state_dict:
                self.set_extra_state(state_dict[extra_key])
            elif strict:
                missing_keys.append(extra_key)
        elif strict and extra_key in state_dict:
            unexpected_keys.append(extra_key)

        if strict:
            for key in state_dict:
                if not key.startswith(prefix) or key == extra_key:
                    continue
                name, dot, _ = key[len(prefix) :].partition(".")
                if name not in (self._modules if dot else own):
                    unexpected_keys.append(key)

    def _load_member(
        self, name: str, member: Tensor, key: str, value: Any, assign: bool
    ) -> str | None:
        """Load one parameter or buffer; return what is wrong with ``value``, if anything."""
        if not isinstance(value, Tensor):
            return (
                f'While copying the parameter named "{key}", expected cgrad.Tensor or Tensor-like '
                f"object from checkpoint but received {type(value)}"
            )
        if is_lazy(member) and is_lazy(value):
            return None
        if member.ndim == 0 and value.ndim == 1 and value.shape[0] == 1:
            value = value[0]                  # as numbers were saved by the oldest versions
        if member.shape != value.shape:
            return (
                f"size mismatch for {key}: copying a param with shape {value.shape} from "
                f"checkpoint, the shape in current model is {member.shape}."
            )
        try:
            with cgrad.no_grad():
                if not assign:
                    member.copy_(value)
                elif isinstance(value, Parameter) and isinstance(member, Parameter):
                    setattr(self, name, value.requires_grad_(member.requires_grad))
                elif isinstance(member, Parameter):
                    setattr(self, name, Parameter(value, member.requires_grad))
                else:
                    setattr(self, name, value)
        except Exception as error:
            return (
                f'While copying the parameter named "{key}", whose dimensions in the model are '
                f"{member.shape} and whose dimensions in the checkpoint are {value.shape}, "
                f"an exception occurred : {error.args}."
            )
        return None

    # -- hooks --------------------------------------------------------------------------------

    def register_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, prefix, keep_vars)`` before ``state_dict`` collects the state."""
        return self._register(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata)``, which may change the dict.

        Raises:
            RuntimeError: the hook returns something, when ``state_dict`` is called.
        """
        with suppress(AttributeError):                # a method takes no attributes
            hook._from_public_api = True  # type: ignore[attr-defined]
        return self._register(self._state_dict_hooks, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata, strict, missing_keys,
        unexpected_keys, error_msgs)`` before this module's part of a state is loaded.
        """
        return self._register(self._load_state_dict_pre_hooks, hook)

    def register_load_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(module, incompatible_keys)`` after loading; it may edit the two lists."""
        return self._register(self._load_state_dict_post_hooks, hook)

    def _register_state_dict_hook(self, hook: Callable) -> RemovableHandle:
        # An older form that programs use: what the hook returns takes the place of the dictionary.
        if getattr(hook, "_from_public_api", False):
            raise RuntimeError(
                "Cannot register the same function as the state dict post hook that was "
                "previously registered via register_state_dict_post_hook"
            )
        return self._register(self._state_dict_hooks, hook)

    def _register_load_state_dict_pre_hook(
        self, hook: Callable, with_module: bool = False
    ) -> RemovableHandle:
        # An older form that programs use: the hook does not get the module.
        takes = hook if with_module else partial(_without_module, hook)
        return self._register(self._load_state_dict_pre_hooks, takes)

    @staticmethod
    def _register(table: OrderedDict[int, Callable], hook: Callable) -> RemovableHandle:
        handle = RemovableHandle(table)
        table[handle.id] = hook
        return handle
