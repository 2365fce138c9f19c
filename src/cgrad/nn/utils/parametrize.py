"""Parameters that are computed from others: ``weight`` as a function of what is trained.

A parametrized module's class is replaced by one with a property for each computed name; reading it
runs the parametrizations on the originals, which are in ``module.parametrizations``.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad.nn.modules.container import ModuleDict, ModuleList
from cgrad.nn.modules.module import Module
from cgrad.nn.parameter import Parameter

__all__ = [
    "ParametrizationList", "cached", "is_parametrized", "register_parametrization",
    "remove_parametrizations", "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]  # fmt: skip

_depth = 0
_cache: dict[tuple[int, str], Tensor] = {}
_classes: dict[tuple[type, frozenset[str]], type] = {}


@contextmanager
def cached() -> Iterator[None]:
    """Compute each parametrized tensor once inside the block, however often it is read.

    Example::

        >>> from cgrad.nn.utils import parametrize
        >>> layer = cgrad.nn.utils.parametrizations.weight_norm(cgrad.nn.Linear(2, 2))
        >>> with parametrize.cached():
        ...     layer.weight is layer.weight
        True
    """
    global _depth
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if not _depth:
            _cache.clear()


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, in order, and what it is computed from.

    Args:
        modules: the parametrizations.
        original: the tensor as it is now.
        unsafe: do not check that shape and dtype are kept. Default: ``False``

    Attributes:
        original: what is trained; ``original0``, ``original1``, … if the right inverse of the
            first parametrization gives several tensors.
    """

    unsafe: bool

    def __init__(
        self, modules: list[Module], original: Tensor | Parameter, unsafe: bool = False
    ) -> None:
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        value = self._inverted(original)
        self.is_tensor = isinstance(value, Tensor)
        trained = isinstance(original, Parameter)
        if isinstance(value, Tensor):
            self.ntensors = 1
            if original.dtype != value.dtype:
                raise ValueError(
                    "When `right_inverse` outputs one tensor, it may not change the dtype.\n"
                    f"original.dtype: {original.dtype}\n"
                    f"right_inverse(original).dtype: {value.dtype}"
                )
            if value is not original:        # the same object: optimizers hold it
                original.data = value.detach()
            self._hold("original", original, trained)
        else:
            self.ntensors = len(value)
            for i, part in enumerate(value):
                if not isinstance(part, Tensor):
                    raise ValueError(
                        "right_inverse must return a Tensor or a Sequence of tensors "
                        f"(list, tuple...). Got element {i} of the sequence with type "
                        f"{type(part).__name__}."
                    )
                self._hold(f"original{i}", part, trained, original.requires_grad)
        if not unsafe:
            result = self()
            if not isinstance(result, Tensor):
                raise ValueError(
                    f"A parametrization must return a tensor. Got {type(result).__name__}."
                )
            for what in ("dtype", "shape"):
                if getattr(result, what) != getattr(original, what):
                    raise ValueError(
                        f"Registering a parametrization may not change the {what} of the tensor, "
                        "unless `unsafe` flag is enabled.\n"
                        f"unparametrized {what}: {getattr(original, what)}\n"
                        f"parametrized {what}: {getattr(result, what)}"
                    )

    def _hold(self, name: str, value: Tensor, trained: bool, requires_grad: bool = True) -> None:
        if not trained:
            self.register_buffer(name, value)
        elif isinstance(value, Parameter):
            self.register_parameter(name, value)
        else:
            self.register_parameter(name, Parameter(value.detach(), requires_grad))

    def _inverted(self, value: Any) -> Any:
        # At registration what has no right inverse counts as the identity.
        with cgrad.no_grad():
            for module in reversed(list(self)):
                if hasattr(module, "right_inverse"):
                    with suppress(NotImplementedError):
                        value = module.right_inverse(value)
        if not isinstance(value, Tensor) and not isinstance(value, (tuple, list)):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(value).__name__}"
            )
        return value

    def originals(self) -> list[Tensor]:
        """What the tensor is computed from."""
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def right_inverse(self, value: Tensor) -> None:
        """Change the originals so that the parametrized tensor becomes ``value``."""
        result: Any = value
        with cgrad.no_grad():
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement "
                        "right_inverse."
                    )
                result = module.right_inverse(result)
        if self.is_tensor:
            if not isinstance(result, Tensor):
                raise ValueError(
                    f"`right_inverse` should return a tensor. Got {type(result).__name__}"
                )
            parts, names = [result], ["`original`"]
        else:
            if not isinstance(result, Sequence):
                raise ValueError(
                    "'right_inverse' must return a sequence of tensors. "
                    f"Got {type(result).__name__}."
                )
            if len(result) != self.ntensors:
                raise ValueError(
                    "'right_inverse' must return a sequence of tensors of length "
                    f"{self.ntensors}. Got a sequence of length {len(result)}."
                )
            parts, names = list(result), [f"`original{i}`" for i in range(self.ntensors)]
        for i, (name, original, part) in enumerate(
            zip(names, self.originals(), parts, strict=True)
        ):
            if not isinstance(part, Tensor):
                raise ValueError(
                    "'right_inverse' must return a sequence of tensors. "
                    f"Got element {i} of type {type(part).__name__}."
                )
            if part.dtype != original.dtype:
                which = "The tensor" if self.is_tensor else f"Tensor {i}"
                raise ValueError(
                    f"{which} returned by `right_inverse` has dtype {part.dtype} "
                    f"while {name} has dtype {original.dtype}"
                )
            original.data = part.detach().clone()

    def forward(self) -> Tensor:
        value = self[0](*self.originals())
        for i in range(1, len(self)):
            value = self[i](value)
        return value


def _property(name: str) -> property:
    def get(module: Module) -> Tensor:
        parametrization = module.parametrizations[name]
        if not _depth:
            return parametrization()
        key = (id(module), name)
        if key not in _cache:
            _cache[key] = parametrization()
        return _cache[key]

    def change(module: Module, value: Tensor) -> None:
        module.parametrizations[name].right_inverse(value)

    return property(get, change)


def _class(base: Any, names: frozenset[str]) -> Any:
    """The subclass of ``base`` with properties for ``names``; one for all modules."""
    if not names:
        return base
    made = _classes.get((base, names))
    if made is None:
        members: dict[str, Any] = {name: _property(name) for name in names}
        members |= {"__reduce_ex__": _reduce, "_parametrized": (base, names),
                    "__module__": __name__}  # fmt: skip
        made = _classes[base, names] = type(f"Parametrized{base.__name__}", (base,), members)
    return made


def _rebuild(base: type, names: frozenset[str], state: dict[str, Any]) -> Module:
    kind = _class(base, names)
    module = kind.__new__(kind)
    module.__setstate__(state)
    return module


def _reduce(module: Any, protocol: Any) -> tuple:
    return _rebuild, (*module._parametrized, module.__dict__)


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Make a parameter or buffer of a module a function of what it was.

    From now on ``module.<tensor_name>`` is ``parametrization(original)``, or the composition with
    the parametrizations registered before. A ``right_inverse`` method, if there is one, gives the
    original for a value, at the first registration and when the tensor is assigned.

    Args:
        module: whose tensor it is; it is changed, and returned.
        tensor_name: the name of a parameter or buffer.
        parametrization: a module that takes the tensor (or those that the right inverse gives) and
            returns one.
        unsafe: allow another shape or dtype. Default: ``False``

    Raises:
        ValueError: there is no such tensor, or shape or dtype change.

    Example::

        >>> class Symmetric(cgrad.nn.Module):
        ...     def forward(self, x):
        ...         return x.triu() + x.triu(1).T
        >>> layer = cgrad.nn.Linear(3, 3)
        >>> _ = cgrad.nn.utils.parametrize.register_parametrization(layer, "weight", Symmetric())
        >>> bool((layer.weight == layer.weight.T).all())
        True
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        entries = module.parametrizations[tensor_name]
        if not unsafe:
            with cgrad.no_grad():
                value = getattr(module, tensor_name)
                result = parametrization(value)
            if not isinstance(result, Tensor):
                raise ValueError(
                    f"A parametrization must return a tensor. Got {type(result).__name__}."
                )
            for what in ("dtype", "shape"):
                if getattr(result, what) != getattr(value, what):
                    raise ValueError(
                        f"Registering a parametrization may not change the {what} of the tensor, "
                        "unless the `unsafe` flag is enabled.\n"
                        f"module.{tensor_name}.{what}: {getattr(value, what)}\n"
                        f"parametrization(module.{tensor_name}).{what}: {getattr(result, what)}"
                    )
            _check_inverse(parametrization, tensor_name, value, result)
        entries.append(parametrization)
        entries.unsafe |= unsafe
        return module
    if tensor_name not in module._parameters and tensor_name not in module._buffers:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element "
            f"with name '{tensor_name}'"
        )
    entries = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe)
    delattr(module, tensor_name)
    base, names = getattr(type(module), "_parametrized", (type(module), frozenset()))
    if not names:
        module.parametrizations = ModuleDict()
    module.parametrizations[tensor_name] = entries
    module.__class__ = _class(base, names | {tensor_name})
    return module


def _check_inverse(parametrization: Any, name: str, value: Tensor, result: Tensor) -> None:
    """Raise unless the right inverse, if there is one, gives a tensor like ``value``."""
    if not hasattr(parametrization, "right_inverse"):
        return
    try:
        back = parametrization.right_inverse(result)
    except NotImplementedError:
        return
    if not isinstance(back, Tensor):
        raise ValueError(
            f"parametrization.right_inverse must return a tensor. Got: {type(back).__name__}"
        )
    for what in ("dtype", "shape"):
        if getattr(back, what) != getattr(value, what):
            raise ValueError(
                f"The tensor returned by parametrization.right_inverse must have the same {what} "
                f"as module.{name}, unless the `unsafe` flag is enabled.\n"
                f"module.{name}.{what}: {getattr(value, what)}\n"
                f"returned {what}: {getattr(back, what)}"
            )


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a module has a parametrization, of this tensor if a name is given.

    Example::

        >>> layer = cgrad.nn.utils.parametrizations.weight_norm(cgrad.nn.Linear(2, 3))
        >>> cgrad.nn.utils.parametrize.is_parametrized(layer, "weight")
        True
    """
    _, names = getattr(type(module), "_parametrized", (None, frozenset()))
    return bool(names) if tensor_name is None else tensor_name in names


def remove_parametrizations(
    module: Module, tensor_name: str, leave_parametrized: bool = True
) -> Module:
    """Make a parametrized tensor a plain parameter or buffer again.

    Args:
        module: whose tensor it is; it is changed, and returned.
        tensor_name: its name.
        leave_parametrized: with the value that it has now; if not, with that of the original.
            Default: ``True``

    Raises:
        ValueError: it is not parametrized, or there is no single original to go back to.

    Example::

        >>> layer = cgrad.nn.utils.parametrizations.weight_norm(cgrad.nn.Linear(2, 3))
        >>> layer = cgrad.nn.utils.parametrize.remove_parametrizations(layer, "weight")
        >>> list(dict(layer.named_parameters()))
        ['bias', 'weight']
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(
            f"Module {module} does not have a parametrization on {tensor_name}"
        )
    entries = module.parametrizations[tensor_name]
    if not leave_parametrized and not entries.is_tensor:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor "
            "that is parametrized in terms of a sequence of tensors."
        )
    original = entries.originals()[0]
    trained = isinstance(original, Parameter)
    if leave_parametrized:
        with cgrad.no_grad():
            value = getattr(module, tensor_name).detach().clone()
        if entries.is_tensor:
            if trained and original.shape == value.shape:
                original.data = value  # the same object: optimizers hold it
            else:
                original = Parameter(value, original.requires_grad) if trained else value
        else:
            needs = any(part.requires_grad for part in entries.originals())
            original = Parameter(value, needs) if trained else value
    base, names = type(module)._parametrized  # type: ignore[attr-defined]
    module.__class__ = _class(base, names - {tensor_name})
    del module.parametrizations[tensor_name]
    if not len(module.parametrizations):
        del module.parametrizations
    if trained:
        module.register_parameter(tensor_name, original)
    else:
        module.register_buffer(tensor_name, original)
    return module


def type_before_parametrizations(module: Module) -> type:
    """The class that the module had before its first parametrization.

    Example::

        >>> layer = cgrad.nn.utils.parametrizations.weight_norm(cgrad.nn.Linear(2, 3))
        >>> cgrad.nn.utils.parametrize.type_before_parametrizations(layer).__name__
        'Linear'
    """
    base: type = getattr(type(module), "_parametrized", (type(module),))[0]
    return base


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Give ``to_module`` the parametrizations and values of ``from_module``.

    Args:
        from_module, to_module: of the same class, apart from parametrizations.
        tensor_name: only those of this tensor. Default: all

    Example::

        >>> old = cgrad.nn.utils.parametrizations.weight_norm(cgrad.nn.Linear(2, 3))
        >>> new = cgrad.nn.Linear(2, 3)
        >>> new = cgrad.nn.utils.parametrize.transfer_parametrizations_and_params(old, new)
        >>> cgrad.equal(new.weight, old.weight)
        True
    """
    if not is_parametrized(from_module):
        return to_module
    names = [tensor_name] if tensor_name else list(from_module.parametrizations)
    for name in names:
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name).detach().clone()))
        entries = from_module.parametrizations[name]
        for parametrization in entries:
            register_parametrization(to_module, name, parametrization, unsafe=entries.unsafe)
        with cgrad.no_grad():
            copies = to_module.parametrizations[name].originals()
            for own, given in zip(copies, entries.originals()):
                own.data = given.detach().clone()
    return to_module
