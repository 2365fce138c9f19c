"""Optimizer: parameter groups, per-parameter state, and their saving and loading.

A subclass says in ``step`` what happens to one group: it collects the tensors of the group and
hands them to one call of the engine.
"""
from __future__ import annotations

import warnings
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from copy import deepcopy
from functools import wraps
from itertools import chain
from typing import Any, TypeAlias

import cgrad
from cgrad import Tensor
from cgrad.utils.hooks import RemovableHandle

__all__ = [
    "Optimizer", "register_optimizer_step_post_hook", "register_optimizer_step_pre_hook",
    "required",
]  # fmt: skip

ParamsT: TypeAlias = Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]
StateDict: TypeAlias = dict[str, Any]

_HOOKS = (
    "_optimizer_step_pre_hooks",
    "_optimizer_step_post_hooks",
    "_optimizer_state_dict_pre_hooks",
    "_optimizer_state_dict_post_hooks",
    "_optimizer_load_state_dict_pre_hooks",
    "_optimizer_load_state_dict_post_hooks",
)


class _Required:
    """The type of :data:`required`."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()
"""As a default of a group's option: every group must give it."""

# Hooks of all optimizers
_global_pre_hooks: OrderedDict[int, Callable] = OrderedDict()
_global_post_hooks: OrderedDict[int, Callable] = OrderedDict()


def register_optimizer_step_pre_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` before every step of every optimizer."""
    return _add_hook(_global_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` after every step of every optimizer."""
    return _add_hook(_global_post_hooks, hook)


def _add_hook(hooks: OrderedDict, hook: Callable, prepend: bool = False) -> RemovableHandle:
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def _run_hooks_around(step: Callable) -> Callable:
    """Make a subclass's ``step`` run the hooks registered on the optimizer.

    It also notes that a step was taken: learning-rate schedulers warn if they come first.
    """

    @wraps(step)
    def hooked(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        self._opt_called = True
        before, after = self._optimizer_step_pre_hooks, self._optimizer_step_post_hooks
        if not (before or after or _global_pre_hooks or _global_post_hooks) or self._in_step:
            return step(self, *args, **kwargs)
        self._in_step = True  # a subclass's step may call that of its base
        try:
            return with_hooks(self, args, kwargs)
        finally:
            self._in_step = False

    def with_hooks(self: Optimizer, args: Any, kwargs: Any) -> Any:
        own = self._optimizer_step_pre_hooks.values()
        for hook in (*_global_pre_hooks.values(), *own):
            changed = hook(self, args, kwargs)
            if changed is not None:
                if not (isinstance(changed, tuple) and len(changed) == 2):
                    raise RuntimeError(
                        f"{step} must return None or a tuple of (new_args, new_kwargs), "
                        f"but got {changed}."
                    )
                args, kwargs = changed
        result = step(self, *args, **kwargs)
        own = self._optimizer_step_post_hooks.values()
        for hook in (*own, *_global_post_hooks.values()):
            hook(self, args, kwargs)
        return result

    return hooked


class Optimizer:
    """Base class of all optimizers.

    Args:
        params: the tensors to train, in a fixed order: an iterable of tensors, of pairs
            ``(name, tensor)``, or of dictionaries, one for each group, with the key ``params``
            and the options that differ from the defaults.
        defaults: the options of a group that does not give its own.

    Attributes:
        param_groups (list of dict): tensors and options of each group.
        state (dict): what a parameter's update remembers, such as its momentum.

    Raises:
        TypeError: ``params`` is a tensor, or contains something that is none.
        ValueError: there are no parameters, one is in two groups, or one is no leaf.

    Example::

        >>> class Sign(cgrad.optim.Optimizer):
        ...     def __init__(self, params, lr):
        ...         super().__init__(params, {"lr": lr})
        ...     def step(self, closure=None):
        ...         with cgrad.no_grad():
        ...             for group in self.param_groups:
        ...                 for p in group["params"]:
        ...                     p -= group["lr"] * p.grad.sign()
        >>> w = cgrad.tensor([1.0, -2.0], requires_grad=True)
        >>> (w * w).sum().backward()
        >>> Sign([w], lr=0.5).step()
        >>> w.tolist()
        [0.5, -1.5]
    """

    # Also of optimizers whose __init__ has not called that of this class.
    _opt_called = False
    _in_step = False
    _optimizer_step_pre_hooks: OrderedDict[int, Callable] = OrderedDict()
    _optimizer_step_post_hooks: OrderedDict[int, Callable] = OrderedDict()
    _optimizer_state_dict_pre_hooks: OrderedDict[int, Callable] = OrderedDict()
    _optimizer_state_dict_post_hooks: OrderedDict[int, Callable] = OrderedDict()
    _optimizer_load_state_dict_pre_hooks: OrderedDict[int, Callable] = OrderedDict()
    _optimizer_load_state_dict_post_hooks: OrderedDict[int, Callable] = OrderedDict()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in vars(cls):
            cls.step = _run_hooks_around(cls.step)  # type: ignore[method-assign]

    def __init__(self, params: ParamsT, defaults: dict[str, Any]) -> None:
        for name in _HOOKS:
            setattr(self, name, OrderedDict())
        self.defaults = defaults
        self.state: defaultdict[Any, Any] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be "
                f"an iterable of Tensors or dicts, but got {type(params).__name__}"
            )
        groups: list[Any] = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters, with options of its own where they differ.

        Args:
            param_group: ``params`` (a tensor, or an iterable of tensors or of pairs of name and
                tensor) and any options.

        Raises:
            TypeError: the group or its parameters are of the wrong type.
            ValueError: a parameter is in another group already, or is no leaf.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but "
                "the ordering of tensors in sets will change between runs. "
                "Please use a list instead."
            )
        params = [params] if isinstance(params, Tensor) else list(params)
        names = [param[0] for param in params if isinstance(param, tuple)]
        if names:
            if len(names) != len(params):
                raise ValueError(
                    "all optimizer params should be with/without names. "
                    "Some param names are missing"
                )
            params = [param for _, param in params]
            param_group["param_names"] = names
        for param in params:
            if not isinstance(param, Tensor):
                raise TypeError(
                    "optimizer can only optimize Tensors, "
                    f"but one of the params is {type(param).__name__}"
                )
            if not (param.is_leaf or param.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        param_group["params"] = params
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    "parameter group didn't specify a value of required optimization parameter "
                    f"{name}"
                )
            param_group.setdefault(name, default)

        ids = {id(param) for param in params}
        if len(ids) != len(params):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; "
                "in future, this will cause an error",
                stacklevel=3,
            )
        for group in self.param_groups:
            if ("param_names" in param_group) != ("param_names" in group):
                given = "with" if names else "without"
                raise ValueError(
                    "all optimizer param groups should be with/without names. "
                    f"cannot add param group {given} names to the optimizer"
                )
            if not ids.isdisjoint(id(param) for param in group["params"]):
                raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(param_group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to zero."""
        for group in self.param_groups:
            for param in group["params"]:
                if set_to_none:
                    param.grad = None
                    continue
                grad = param.grad
                if grad is not None:
                    if grad.requires_grad:
                        grad = param.grad = grad.detach()
                    grad.zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once; subclasses override this.

        Args:
            closure: evaluates the model anew, calls ``backward`` and returns the loss.
        """
        raise NotImplementedError

    @staticmethod
    def _evaluate(closure: Callable[[], Any] | None) -> Any:
        if closure is None:
            return None
        with cgrad.enable_grad():
            return closure()

    # -- saving and loading -------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return ``{"state": …, "param_groups": …}`` with numbers in the place of parameters.

        Parameters are numbered in the order of the groups. The tensors are the optimizer's own:
        later steps change them.
        """
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        number: dict[int, int] = {}
        start = 0
        groups = []
        for group in self.param_groups:
            for i, param in enumerate(group["params"], start):
                number.setdefault(id(param), i)
            start += len(group["params"])
            packed = {key: value for key, value in group.items() if key != "params"}
            packed["params"] = [number[id(param)] for param in group["params"]]
            groups.append(packed)
        state = {
            number[id(key)] if isinstance(key, Tensor) else key: value
            for key, value in self.state.items()
        }
        result: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            changed = hook(self, result)
            result = result if changed is None else changed
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state that :meth:`state_dict` returned; its tensors are copied.

        Parameters are matched by their place in the groups. Make learning-rate schedulers first:
        they write to the groups when they are made.

        Raises:
            ValueError: the number of groups, or of parameters in one, differs.
        """
        state_dict = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            changed = hook(self, state_dict)
            state_dict = state_dict if changed is None else changed
        saved_groups = deepcopy(state_dict["param_groups"])
        if len(self.param_groups) != len(saved_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        for group, saved in zip(self.param_groups, saved_groups):
            if len(group["params"]) != len(saved["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group "
                    "that doesn't match the size of optimizer's group"
                )

        param_of = dict(
            zip(
                chain.from_iterable(group["params"] for group in saved_groups),
                chain.from_iterable(group["params"] for group in self.param_groups),
            )
        )
        group_of = {number: group for group in saved_groups for number in group["params"]}
        state: defaultdict[Any, Any] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in param_of:
                param = param_of[key]
                state[param] = _copied(value, param, group_of[key])
            else:
                state[key] = value
        for group, saved in zip(self.param_groups, saved_groups):
            saved["params"] = group["params"]
            if "param_names" in group:
                saved.setdefault("param_names", group["param_names"])
        self.__setstate__({"state": state, "param_groups": saved_groups})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    def __getstate__(self) -> dict[str, Any]:
        return {
            "defaults": self.defaults,
            "state": self.state,
            "param_groups": self.param_groups,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for name in _HOOKS:
            self.__dict__.setdefault(name, OrderedDict())
        # A state written by an older version, or by another library, may lack an option.
        for group in self.param_groups:
            for name, default in self.defaults.items():
                if default is not required:
                    group.setdefault(name, default)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join(lines) + "\n)"

    # -- hooks --------------------------------------------------------------------------------

    def register_step_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before ``step``; it may return new ones."""
        return self._register("_optimizer_step_pre_hooks", hook)

    def register_step_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after ``step``."""
        return self._register("_optimizer_step_post_hooks", hook)

    def register_state_dict_pre_hook(
        self, hook: Callable, prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer)`` before ``state_dict``."""
        return self._register("_optimizer_state_dict_pre_hooks", hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable, prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` after ``state_dict``; it may return another."""
        return self._register("_optimizer_state_dict_post_hooks", hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable, prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` before loading; it may return another."""
        return self._register("_optimizer_load_state_dict_pre_hooks", hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable, prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer)`` after loading."""
        return self._register("_optimizer_load_state_dict_post_hooks", hook, prepend)

    def _register(self, table: str, hook: Callable, prepend: bool = False) -> RemovableHandle:
        return _add_hook(self.__dict__.setdefault(table, OrderedDict()), hook, prepend)


def _copied(value: Any, param: Tensor, group: dict[str, Any], key: Any = None) -> Any:
    """Copy a parameter's state, its tensors in the parameter's dtype.

    A count of steps keeps its own dtype, but is float32 where the group asks for a fused or
    capturable step.
    """
    if isinstance(value, Tensor):
        if key == "step":
            if group.get("capturable") or group.get("fused"):
                value = value.to(cgrad.float32)
        elif param.is_floating_point():
            value = value.to(param.dtype)
        return value.detach().clone()
    if isinstance(value, dict):
        return {name: _copied(item, param, group, name) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset, deque)):
        items = [_copied(item, param, group) for item in value]
        make = getattr(value, "_make", type(value))  # named tuples
        return make(items)
    return value
