"""Module: the base class of every layer and network.

A module keeps three tables in its instance dictionary: ``_parameters``, ``_buffers`` and
``_modules``. Assigning an attribute files the value in the right one (``__setattr__``); reading
one that is no ordinary attribute looks there (``__getattr__``). Everything else walks these
tables. Saving and loading is in ``state.py``.
"""
from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import cgrad
from cgrad import Tensor
from cgrad._engine.module import find_member, install, quick
from cgrad.nn.modules.calling import CallMixin
from cgrad.nn.modules.errors import explain
from cgrad.nn.modules.hooks import (
    register_module_backward_hook,
    register_module_buffer_registration_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
    registered,
)
from cgrad.nn.modules.state import StateMixin
from cgrad.nn.parameter import Buffer, Parameter

__all__ = [
    "Module", "register_module_backward_hook", "register_module_buffer_registration_hook",
    "register_module_forward_hook", "register_module_forward_pre_hook",
    "register_module_full_backward_hook", "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook", "register_module_parameter_registration_hook",
]  # fmt: skip

T = TypeVar("T", bound="Module")

# One list decides which tables a module has, for __init__ and for unpickling older states.
_TABLES: tuple[tuple[str, Callable[[], Any]], ...] = (
    ("_parameters", dict),
    ("_buffers", dict),
    ("_non_persistent_buffers_set", set),
    # The engine looks for these four here first (_engine/module.pyx, FIRST_HOOKS).
    ("_backward_hooks", OrderedDict),
    ("_backward_pre_hooks", OrderedDict),
    ("_forward_hooks", OrderedDict),
    ("_forward_pre_hooks", OrderedDict),
    ("_is_full_backward_hook", type(None)),
    ("_forward_hooks_with_kwargs", OrderedDict),
    ("_forward_hooks_always_called", OrderedDict),
    ("_forward_pre_hooks_with_kwargs", OrderedDict),
    ("_state_dict_hooks", OrderedDict),
    ("_state_dict_pre_hooks", OrderedDict),
    ("_load_state_dict_pre_hooks", OrderedDict),
    ("_load_state_dict_post_hooks", OrderedDict),
    ("_modules", dict),
)


def _addindent(text: str, spaces: int) -> str:
    first, *rest = text.split("\n")
    return "\n".join([first, *(" " * spaces + line for line in rest)])


class Module(CallMixin, StateMixin):
    """Base class for all neural network modules.

    A subclass calls ``super().__init__()`` first, assigns parameters, buffers and submodules as
    attributes, and defines ``forward``; calling the module runs ``forward`` and the hooks.

    Attributes:
        training (bool): whether the module is in training mode, set by :meth:`train` and
            :meth:`eval`.

    Example::

        >>> class Net(cgrad.nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.hidden = cgrad.nn.Linear(4, 8)
        ...         self.out = cgrad.nn.Linear(8, 1)
        ...     def forward(self, x):
        ...         return self.out(cgrad.relu(self.hidden(x)))
        >>> Net()(cgrad.ones(2, 4)).shape == (2, 1)
        True
    """

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _non_persistent_buffers_set: set[str]

    # Whether __init__ hands its arguments on to the next class in the order of bases.
    call_super_init: bool = False
    dump_patches: bool = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not self.call_super_init and (args or kwargs):
            name = type(self).__name__
            if kwargs:
                raise TypeError(
                    f"{name}.__init__() got an unexpected keyword argument '{next(iter(kwargs))}'"
                )
            raise TypeError(
                f"{name}.__init__() takes 1 positional argument but {len(args) + 1} were given"
            )
        # Straight into the dictionary: __setattr__ below relies on the tables being there.
        attributes = self.__dict__
        attributes["training"] = True
        for name, make in _TABLES:
            attributes[name] = make()
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    # -- registration and attributes ----------------------------------------------------------

    def _check_name(self, kind: str, name: object, table: dict) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {cgrad.typename(name)}")
        if kind == "module" and hasattr(self, name) and name not in table:
            raise KeyError(f"attribute '{name}' already exists")
        if "." in name:
            got = f", got: {name}" if kind == "module" else ""
            raise KeyError(f'{kind} name can\'t contain "."{got}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if hasattr(self, name) and name not in table:
            raise KeyError(f"attribute '{name}' already exists")

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that belongs to the state but is not trained, such as a running mean.

        Args:
            name: attribute name.
            tensor: the buffer, or None for one that is not there yet.
            persistent: whether ``state_dict`` contains it. Default: ``True``

        Raises:
            AttributeError: before ``Module.__init__`` ran.
            KeyError: the name is empty, contains a dot, or is taken.
            TypeError: ``tensor`` is neither a Tensor nor None.
        """
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        self._check_name("buffer", name, self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{cgrad.typename(tensor)}' object to buffer '{name}' "
                "(cgrad Tensor or None required)"
            )
        self._buffers[name] = registered("buffer", self, name, tensor)
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter; the same as assigning it, but None reserves the name.

        Raises:
            AttributeError: before ``Module.__init__`` ran.
            KeyError: the name is empty, contains a dot, or is taken.
            TypeError: ``param`` is neither a Parameter nor None.
            ValueError: ``param`` is the result of an operation.
        """
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        self._check_name("parameter", name, self._parameters)
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"cannot assign '{cgrad.typename(param)}' object to parameter '{name}' "
                    "(cgrad.nn.Parameter or None required)"
                )
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model "
                    f"parameters must be created explicitly. To express '{name}' "
                    "as a function of another Tensor, compute the value in "
                    "the forward() method."
                )
            param = registered("parameter", self, name, param)
        self._parameters[name] = param

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child module under ``name``; the same as assigning it.

        Raises:
            KeyError: the name is empty, contains a dot, or is taken.
            TypeError: ``module`` is neither a Module nor None.
        """
        if not isinstance(module, Module) and module is not None:
            raise TypeError(f"{cgrad.typename(module)} is not a Module subclass")
        self._check_name("module", name, self._modules)
        self._modules[name] = registered("module", self, name, module)

    def register_module(self, name: str, module: Module | None) -> None:
        """Alias for :meth:`add_module`."""
        self.add_module(name, module)

    if TYPE_CHECKING:
        def __getattr__(self, name: str) -> Any: ...
    else:
        __getattr__ = find_member

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        quick(cls)

    def __setattr__(self, name: str, value: Any) -> None:
        attributes = self.__dict__
        if isinstance(value, Parameter):
            if "_parameters" not in attributes:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._forget(name, attributes, self._buffers, self._modules)
            self.register_parameter(name, value)
        elif name in attributes.get("_parameters", ()):
            self._refuse(value, name, "parameter", "cgrad.nn.Parameter or None expected")
            self.register_parameter(name, None)
        elif isinstance(value, Module):
            if "_modules" not in attributes:
                raise AttributeError("cannot assign module before Module.__init__() call")
            self._forget(name, attributes, self._parameters, self._buffers)
            self._modules[name] = registered("module", self, name, value)
        elif name in attributes.get("_modules", ()):
            self._refuse(value, name, "child module", "cgrad.nn.Module or None expected")
            self._modules[name] = registered("module", self, name, None)
        elif name in attributes.get("_buffers", ()) or (
            isinstance(value, Tensor) and getattr(value, "_is_buffer", False)
        ):
            self._set_buffer(name, value)
        else:
            object.__setattr__(self, name, value)

    def _set_buffer(self, name: str, value: Any) -> None:
        if value is not None and not isinstance(value, Tensor):
            self._refuse(value, name, "buffer", "cgrad.nn.Buffer, cgrad.Tensor or None expected")
        if isinstance(value, Buffer):
            persistent = value.persistent
        else:
            persistent = name not in self._non_persistent_buffers_set
        if persistent:
            self.register_buffer(name, value)      # a subclass's own may take two arguments
        else:
            self.register_buffer(name, value, persistent)

    def _refuse(self, value: object, name: str, kind: str, wanted: str) -> None:
        if value is not None:
            got = cgrad.typename(value)
            raise TypeError(f"cannot assign '{got}' as {kind} '{name}' ({wanted})")

    def _forget(self, name: str, *tables: dict) -> None:
        for table in tables:
            table.pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def __delattr__(self, name: str) -> None:
        for table in (self._parameters, self._buffers, self._modules):
            if name in table:
                del table[name]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        own = [*self.__dict__, *self._parameters, *self._buffers, *self._modules]
        return sorted(name for name in {*dir(type(self)), *own} if not name[0].isdigit())

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for name, make in _TABLES:
            self.__dict__.setdefault(name, make())

    # -- looking up by path -------------------------------------------------------------------

    def get_submodule(self, target: str) -> Module:
        """Return the submodule at a dotted path; ``""`` is the module itself.

        Raises:
            AttributeError: nothing is there, or something that is no module.
        """
        module: Any = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put ``module`` at a dotted path whose parent exists.

        With ``strict`` there must be a module already. Default: ``False``

        Raises:
            ValueError: the path is empty or ``module`` is no Module.
            AttributeError: the parent is missing, or something there is no module.
        """
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict or hasattr(parent, name):
            parent.get_submodule(name)
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter at a dotted path; AttributeError if there is none."""
        _, name, member = self._get_member(target)
        if not isinstance(member, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return member

    def get_buffer(self, target: str) -> Tensor:
        """Return the buffer at a dotted path; AttributeError if there is none."""
        module, name, member = self._get_member(target)
        if name not in module._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return member

    def _get_member(self, target: str) -> tuple[Module, str, Any]:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
        return module, name, getattr(module, name)

    # -- traversals ---------------------------------------------------------------------------

    def _named_members(
        self,
        get_members_fn: Callable[[Module], Iterable[tuple[str, Any]]],
        prefix: str = "",
        recurse: bool = True,
        remove_duplicate: bool = True,
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else [(prefix, self)]
        )
        for path, module in modules:
            for name, member in get_members_fn(module):
                if member is None or id(member) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(member))
                yield (f"{path}.{name}" if path else name), member

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Iterate over pairs of dotted name and parameter, each parameter once."""
        return self._named_members(
            lambda module: module._parameters.items(), prefix, recurse, remove_duplicate
        )

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Iterate over the parameters, of submodules too unless ``recurse`` is False."""
        return (param for _, param in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Iterate over pairs of dotted name and buffer, each buffer once."""
        return self._named_members(
            lambda module: module._buffers.items(), prefix, recurse, remove_duplicate
        )

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Iterate over the buffers, of submodules too unless ``recurse`` is False."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Iterate over pairs of name and direct child, each child once."""
        seen: set[Module] = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """Iterate over the direct children."""
        return (module for _, module in self.named_children())

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Iterate over pairs of dotted name and module, this one first (named ``prefix``).

        Args:
            memo: modules to leave out; those yielded are added.
            prefix: what to put before the names. Default: ``""``
            remove_duplicate: yield a module that occurs twice once only. Default: ``True``
        """
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                path = f"{prefix}.{name}" if prefix else name
                yield from module.named_modules(memo, path, remove_duplicate)

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """Iterate over this module and all below it, each once."""
        return (m for _, m in self.named_modules(remove_duplicate=remove_duplicate))

    def apply(self: T, fn: Callable[[Module], None]) -> T:
        """Call ``fn`` on every submodule, children first, then on this one; return it.

        Example::

            >>> net = cgrad.nn.Sequential(cgrad.nn.Linear(2, 2))
            >>> _ = net.apply(lambda m: isinstance(m, cgrad.nn.Linear) and m.bias.data.zero_())
            >>> net[0].bias.tolist()
            [0.0, 0.0]
        """
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    # -- modes and conversions ----------------------------------------------------------------

    def train(self: T, mode: bool = True) -> T:
        """Set training mode here and below; dropout and batch normalization depend on it."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self: T) -> T:
        """Set evaluation mode: ``train(False)``."""
        return self.train(False)

    def requires_grad_(self: T, requires_grad: bool = True) -> T:
        """Set ``requires_grad`` of every parameter, say to freeze a part of a network."""
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of every parameter, or set them to zero."""
        for param in self.parameters():
            if set_to_none:
                param.grad = None
            elif param.grad is not None:
                param.grad = param.grad.detach().zero_()

    def _apply(self: T, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> T:
        """Replace the value of each parameter, gradient and buffer by ``fn`` of it.

        Parameters stay the same objects, so that optimizers and tied weights still hold them.
        """
        if recurse:
            for module in self.children():
                module._apply(fn)
        with cgrad.no_grad():
            for param in self._parameters.values():
                if param is None:
                    continue
                grad = param.grad
                param.data = fn(param.data)
                if grad is not None:
                    param.grad = fn(grad.detach()).requires_grad_(grad.requires_grad)
            for name, buffer in self._buffers.items():
                if buffer is not None:
                    self._buffers[name] = fn(buffer)
        return self

    def to(self: T, *args: Any, **kwargs: Any) -> T:
        """Convert parameters and buffers: ``to(dtype)``, ``to(device)``, ``to(tensor)``.

        Only floating point members are converted, in place; the module itself is returned. The
        only device is the CPU.

        Raises:
            TypeError: the dtype is not a floating point one.
        """
        kwargs.pop("non_blocking", None)
        dtype = kwargs.get("dtype")
        for arg in args:
            if isinstance(arg, Tensor):
                dtype = arg.dtype
            elif isinstance(arg, cgrad.dtype):
                dtype = arg
        if dtype is not None and not dtype.is_floating_point:
            raise TypeError(
                "nn.Module.to only accepts floating point or complex dtypes, but got desired "
                f"dtype={dtype}"
            )
        cgrad.empty(0).to(*args, **kwargs)  # refuses devices and arguments that make no sense
        return self if dtype is None else self._to_dtype(dtype)

    def _to_dtype(self: T, dtype: Any) -> T:
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() else t)

    def float(self: T) -> T:
        """Convert floating point parameters and buffers to float32."""
        return self._to_dtype(cgrad.float32)

    def double(self: T) -> T:
        """Convert floating point parameters and buffers to float64."""
        return self._to_dtype(cgrad.float64)

    def type(self: T, dst_type: Any) -> T:
        """Convert all parameters and buffers to ``dst_type``."""
        return self._apply(lambda t: t.to(dst_type))

    def cpu(self: T) -> T:
        """Return the module, which is on the CPU already."""
        return self

    def cuda(self: T, device: Any = None) -> T:
        """Raise RuntimeError: there is only the CPU."""
        cgrad.empty(0).to("cuda" if device is None or isinstance(device, int) else device)
        return self  # device="cpu"

    def half(self: T) -> T:
        """Raise NotImplementedError: there is no half precision."""
        raise NotImplementedError("Module.half: cgrad has no half precision; use float()")

    def bfloat16(self: T) -> T:
        """Raise NotImplementedError: there is no half precision."""
        raise NotImplementedError("Module.bfloat16: cgrad has no half precision; use float()")

    def to_empty(self: T, *, device: Any, recurse: bool = True) -> T:
        """Give every parameter and buffer new memory, whose values are not set."""
        return self._apply(lambda t: cgrad.empty_like(t, device=device), recurse)

    def share_memory(self: T) -> T:
        """Raise RuntimeError, as ``Tensor.share_memory_`` does: processes get copies."""
        return self._apply(lambda t: t.share_memory_())

    # -- printing -----------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What a subclass wants shown between the parentheses of its repr."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        extra_lines = extra.split("\n") if extra else []
        child_lines = [
            f"({name}): {_addindent(repr(module), 2)}" for name, module in self._modules.items()
        ]
        if len(extra_lines) == 1 and not child_lines:
            return f"{self._get_name()}({extra})"
        if not extra_lines and not child_lines:
            return f"{self._get_name()}()"
        return f"{self._get_name()}(\n  " + "\n  ".join(extra_lines + child_lines) + "\n)"

install(Module, explain)
