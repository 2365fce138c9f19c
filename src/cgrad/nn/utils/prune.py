"""Pruning: parameters with a mask, so that entries of little importance are zero.

A pruned parameter ``w`` becomes ``w_orig``, with a buffer ``w_mask`` beside it; ``w`` itself is
their product, computed anew before every ``forward``. :func:`remove` makes the zeros permanent.
"""
from __future__ import annotations

import numbers
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import cgrad
from cgrad import Tensor
from cgrad.nn.modules.module import Module
from cgrad.nn.utils.convert_parameters import parameters_to_vector

__all__ = [
    "BasePruningMethod", "CustomFromMask", "Identity", "L1Unstructured", "LnStructured",
    "PruningContainer", "RandomStructured", "RandomUnstructured", "custom_from_mask",
    "global_unstructured", "identity", "is_pruned", "l1_unstructured", "ln_structured",
    "random_structured", "random_unstructured", "remove",
]  # fmt: skip

M = TypeVar("M", bound=Module)


class BasePruningMethod(ABC):
    """Base class of the ways to prune: a subclass defines :meth:`compute_mask`.

    An instance is the forward pre-hook that applies the mask of one parameter of one module.

    Attributes:
        PRUNING_TYPE: ``"unstructured"``, ``"structured"`` (whole slices along ``dim``) or
            ``"global"``: which part of a tensor that is pruned already the method looks at.
    """

    PRUNING_TYPE: str = ""
    _tensor_name: str

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask for a tensor.

        Args:
            t: how important each entry is.
            default_mask: the mask so far; the result is to be 0 wherever it is.
        """

    def apply_mask(self, module: Module) -> Tensor:
        """The product of the original parameter and its mask."""
        name = getattr(self, "_tensor_name", None)
        if name is None:
            raise AssertionError(f"Module {module} has to be pruned")
        mask, original = getattr(module, name + "_mask"), getattr(module, name + "_orig")
        return mask.to(dtype=original.dtype) * original

    @classmethod
    def apply(
        cls, module: Module, name: str, *args: Any, importance_scores: Tensor | None = None,
        **kwargs: Any,
    ) -> BasePruningMethod:  # fmt: skip
        """Prune the parameter ``name`` of ``module``; together with what pruned it before.

        Args:
            module: the module.
            name: of the parameter.
            args, kwargs: of the constructor of the method.
            importance_scores: what to rank entries by, in the parameter's shape. Default: the
                parameter itself.

        Returns:
            BasePruningMethod: the hook.

        Raises:
            AssertionError: the scores have another shape.
        """
        method = cls._joined(module, name, *args, **kwargs)
        original = getattr(module, name)
        if importance_scores is None:
            scores = original
        else:
            if importance_scores.shape != original.shape:
                raise AssertionError(
                    "importance_scores should have the same shape as parameter "
                    f"{name} of {module}: {importance_scores.shape} is not {original.shape}"
                )
            scores = importance_scores
        first = not isinstance(method, PruningContainer)
        if first:
            module.register_parameter(name + "_orig", original)
            del module._parameters[name]
            default = cgrad.ones_like(original, requires_grad=False)
        else:
            default = getattr(module, name + "_mask").detach().clone()
        try:
            with cgrad.no_grad():
                mask = method.compute_mask(scores, default_mask=default)
            module.register_buffer(name + "_mask", mask)
            setattr(module, name, method.apply_mask(module))
            module.register_forward_pre_hook(method)
        except Exception:
            if first:
                module.register_parameter(name, getattr(module, name + "_orig"))
                del module._parameters[name + "_orig"]
            raise
        return method

    @classmethod
    def _joined(cls, module: Module, name: str, *args: Any, **kwargs: Any) -> BasePruningMethod:
        """A new method, or the container of it and of those that pruned the parameter before."""
        before = [
            (key, hook) for key, hook in module._forward_pre_hooks.items()
            if isinstance(hook, BasePruningMethod) and hook._tensor_name == name
        ]  # fmt: skip
        if len(before) > 1:
            raise AssertionError(
                f"Avoid adding multiple pruning hooks to the same tensor {name} of module "
                f"{module}. Use a PruningContainer."
            )
        method = cls(*args, **kwargs)
        method._tensor_name = name
        if not before:
            return method
        key, old = before[0]
        del module._forward_pre_hooks[key]
        container = old if isinstance(old, PruningContainer) else PruningContainer(old)
        container.add_pruning_method(method)
        return container

    def prune(
        self, t: Tensor, default_mask: Tensor | None = None,
        importance_scores: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """A pruned version of a tensor that belongs to no module.

        Args:
            t: the tensor.
            default_mask: a mask to begin with. Default: ones
            importance_scores: what to rank entries by. Default: ``t``
        """
        if importance_scores is not None and importance_scores.shape != t.shape:
            raise AssertionError(
                "importance_scores should have the same shape as tensor t: "
                f"{importance_scores.shape} is not {t.shape}"
            )
        scores = t if importance_scores is None else importance_scores
        default = cgrad.ones_like(t) if default_mask is None else default_mask
        return t * self.compute_mask(scores, default_mask=default)

    def remove(self, module: Module) -> None:
        """Put the pruned values into the parameter, and take mask and original away."""
        name = getattr(self, "_tensor_name", None)
        if name is None:
            raise AssertionError(
                f"Module {module} has to be pruned before pruning can be removed"
            )
        weight = self.apply_mask(module)
        if hasattr(module, name):
            delattr(module, name)
        original: Any = module._parameters[name + "_orig"]
        original.data = weight.detach()
        del module._parameters[name + "_orig"]
        del module._buffers[name + "_mask"]
        setattr(module, name, original)


class PruningContainer(BasePruningMethod):
    """Several methods, one after the other: what pruned a parameter more than once.

    Args:
        args: the methods, all of one parameter.
    """

    def __init__(self, *args: BasePruningMethod) -> None:
        self._pruning_methods: tuple[Any, ...] = ()
        if len(args) == 1:
            self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: BasePruningMethod | None) -> None:
        """Add a method for the same parameter at the end."""
        if not isinstance(method, BasePruningMethod) and method is not None:
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if method is not None and getattr(self, "_tensor_name", None) != method._tensor_name:
            raise ValueError(
                "Can only add pruning methods acting on the parameter named "
                f"'{getattr(self, '_tensor_name', None)}' to PruningContainer {self}. "
                f"Found '{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, idx: int) -> BasePruningMethod:
        return self._pruning_methods[idx]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask of the newest method, for the part that is not pruned, within the old one."""
        method: Any = self._pruning_methods[-1]
        mask = default_mask.to(dtype=t.dtype)
        where: Any
        if method.PRUNING_TYPE == "unstructured":
            where = default_mask == 1
        elif method.PRUNING_TYPE == "structured":
            if not hasattr(method, "dim"):
                raise AttributeError(
                    "Pruning methods of PRUNING_TYPE "
                    f'"structured" need to have the attribute `dim` defined; {method} has not'
                )
            dim = method.dim % t.dim() if -t.dim() <= method.dim < t.dim() else None
            if dim is None:
                raise IndexError(
                    f"Index is out of bounds for tensor with dimensions {t.dim()}"
                )
            kept = default_mask.sum(dim=[d for d in range(t.dim()) if d != dim]) != 0
            where = (slice(None),) * dim + (kept,)
        elif method.PRUNING_TYPE == "global":
            where = (slice(None),) * t.dim()
        else:
            raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
        part = method.compute_mask(t[where], default_mask=default_mask[where])
        mask = mask.clone()
        mask[where] = part.to(dtype=mask.dtype)
        return mask


class Identity(BasePruningMethod):
    """Prune nothing: only give the parameter a mask, of ones."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return default_mask


def _check_amount(amount: Any) -> None:
    if not isinstance(amount, numbers.Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    if not (amount >= 0 if isinstance(amount, int) else 0.0 <= float(amount) <= 1.0):
        raise ValueError(
            f"amount={amount} should either be a float in the range [0, 1] or a non-negative "
            "integer"
        )


def _count(amount: Any, size: int) -> int:
    """How many of ``size`` an amount is: a number of them, or a fraction."""
    if isinstance(amount, int):
        if amount > size:
            raise ValueError(
                f"amount={amount} should be smaller than the number of parameters to prune={size}"
            )
        return amount
    return round(amount * size)


class RandomUnstructured(BasePruningMethod):
    """Prune entries at random.

    Args:
        amount: how many: a number, or a fraction between 0 and 1.
    """

    PRUNING_TYPE = "unstructured"

    def __init__(self, amount: float) -> None:
        _check_amount(amount)
        self.amount = amount

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return self._without_least(cgrad.rand_like(t), default_mask)

    def _without_least(self, scores: Tensor, default_mask: Tensor) -> Tensor:
        n = _count(self.amount, scores.numel())
        mask = default_mask.clone()
        if n:
            least = cgrad.topk(scores.reshape(-1), k=n, largest=False).indices
            mask.view(-1)[least] = 0
        return mask

    @classmethod
    def apply(cls, module: Module, name: str, amount: float) -> BasePruningMethod:  # type: ignore[override]
        """Prune the parameter ``name`` of ``module``."""
        return super().apply(module, name, amount=amount)


class L1Unstructured(RandomUnstructured):
    """Prune the entries of smallest magnitude.

    Args:
        amount: how many: a number, or a fraction between 0 and 1.
    """

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        return self._without_least(t.abs(), default_mask)

    @classmethod
    def apply(  # type: ignore[override]
        cls, module: Module, name: str, amount: float, importance_scores: Tensor | None = None
    ) -> BasePruningMethod:
        """Prune the parameter ``name`` of ``module``, by its own magnitudes or those given."""
        return super(RandomUnstructured, cls).apply(
            module, name, amount=amount, importance_scores=importance_scores
        )


class RandomStructured(BasePruningMethod):
    """Prune whole slices at random.

    Args:
        amount: how many: a number, or a fraction between 0 and 1.
        dim: the dimension that is thinned out. Default: -1
    """

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int = -1) -> None:
        _check_amount(amount)
        self.amount = amount
        self.dim = dim

    def _ranks(self, t: Tensor) -> Tensor:
        """A number for each slice; the smallest go."""
        return cgrad.rand(t.shape[self.dim])

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        if t.dim() < 2:
            raise ValueError(
                "Structured pruning can only be applied to multidimensional tensors. Found "
                f"tensor of shape {t.shape} with {t.dim()} dims"
            )
        if not -t.dim() <= self.dim < t.dim():
            raise IndexError(f"Invalid index {self.dim} for tensor of size {t.shape}")
        size = t.shape[self.dim]
        n = _count(self.amount, size)
        if n == 0:
            return default_mask
        kept = cgrad.topk(self._ranks(t), k=size - n, largest=True).indices
        mask = cgrad.zeros_like(t)
        mask[(slice(None),) * (self.dim % t.dim()) + (kept,)] = 1
        return mask * default_mask.to(dtype=mask.dtype)

    @classmethod
    def apply(  # type: ignore[override]
        cls, module: Module, name: str, amount: float, dim: int = -1
    ) -> BasePruningMethod:
        """Prune the parameter ``name`` of ``module``."""
        return super().apply(module, name, amount=amount, dim=dim)


class LnStructured(RandomStructured):
    """Prune the slices of smallest norm.

    Args:
        amount: how many: a number, or a fraction between 0 and 1.
        n: of which norm, as for :func:`cgrad.norm`.
        dim: the dimension that is thinned out. Default: -1
    """

    def __init__(self, amount: float, n: Any, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = n

    def _ranks(self, t: Tensor) -> Tensor:
        others = [d for d in range(t.dim()) if d != self.dim % t.dim()]
        return cgrad.norm(t, p=self.n, dim=others)

    @classmethod
    def apply(  # type: ignore[override]
        cls, module: Module, name: str, amount: float, n: Any, dim: int,
        importance_scores: Tensor | None = None,
    ) -> BasePruningMethod:  # fmt: skip
        """Prune the parameter ``name`` of ``module``, by its own norms or those of the scores."""
        return super(RandomStructured, cls).apply(
            module, name, amount=amount, n=n, dim=dim, importance_scores=importance_scores
        )


class CustomFromMask(BasePruningMethod):
    """Prune where a given mask is 0.

    Args:
        mask: in the parameter's shape.
    """

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        if default_mask.shape != self.mask.shape:
            raise AssertionError(
                "mask and default_mask must have the same shape: "
                f"{self.mask.shape} is not {default_mask.shape}"
            )
        return default_mask * self.mask.to(dtype=default_mask.dtype)

    @classmethod
    def apply(cls, module: Module, name: str, mask: Tensor) -> BasePruningMethod:  # type: ignore[override]
        """Prune the parameter ``name`` of ``module``."""
        return super().apply(module, name, mask=mask)


def identity(module: M, name: str) -> M:
    """Give a parameter a mask of ones; see :class:`Identity`. Returns the module."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: M, name: str, amount: float) -> M:
    """Prune entries of the parameter ``name`` at random; return the module.

    Args:
        module: the module, which is changed.
        name: of the parameter.
        amount: how many entries: a number, or a fraction between 0 and 1.

    Example::

        >>> from cgrad.nn.utils import prune
        >>> layer = prune.random_unstructured(cgrad.nn.Linear(4, 3), "weight", amount=5)
        >>> int((layer.weight == 0).sum())
        5
    """
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(
    module: M, name: str, amount: float, importance_scores: Tensor | None = None
) -> M:
    """Prune the entries of smallest magnitude of the parameter ``name``; return the module.

    Args:
        module: the module, which is changed.
        name: of the parameter.
        amount: how many entries: a number, or a fraction between 0 and 1.
        importance_scores: whose magnitudes count. Default: the parameter itself.

    Example::

        >>> from cgrad.nn.utils import prune
        >>> layer = prune.l1_unstructured(cgrad.nn.Linear(4, 3), "weight", amount=0.5)
        >>> int(layer.weight_mask.sum()), sorted(layer.state_dict())
        (6, ['bias', 'weight_mask', 'weight_orig'])
    """
    L1Unstructured.apply(module, name, amount=amount, importance_scores=importance_scores)
    return module


def random_structured(module: M, name: str, amount: float, dim: int) -> M:
    """Prune slices along ``dim`` of the parameter ``name`` at random; return the module.

    Example::

        >>> layer = cgrad.nn.Linear(4, 3)
        >>> layer = cgrad.nn.utils.prune.random_structured(layer, "weight", 1, dim=0)
        >>> sorted(layer.weight_mask.sum(dim=1).tolist())
        [0.0, 4.0, 4.0]
    """
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: M, name: str, amount: float, n: Any, dim: int, importance_scores: Tensor | None = None
) -> M:
    """Prune the slices along ``dim`` whose n-norm is smallest; return the module.

    Args:
        module: the module, which is changed.
        name: of the parameter.
        amount: how many slices: a number, or a fraction between 0 and 1.
        n: of which norm, as for :func:`cgrad.norm`.
        dim: the dimension that is thinned out.
        importance_scores: whose norms count. Default: the parameter itself.

    Example::

        >>> layer = cgrad.nn.Linear(4, 3)
        >>> layer = cgrad.nn.utils.prune.ln_structured(layer, "weight", 1, n=2, dim=0)
        >>> sorted(layer.weight_mask.sum(dim=1).tolist())
        [0.0, 4.0, 4.0]
    """
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]], pruning_method: Any,
    importance_scores: dict[tuple[Module, str], Tensor] | None = None, **kwargs: Any,
) -> None:  # fmt: skip
    """Prune several parameters as if they were one.

    Args:
        parameters: pairs of module and name.
        pruning_method: a class of ``PRUNING_TYPE`` "unstructured".
        importance_scores: what to rank entries by, for pairs. Default: the parameters.
        kwargs: of the constructor of the method, say ``amount``.

    Raises:
        TypeError: no iterable, or another type of method.

    Example::

        >>> from cgrad.nn.utils import prune
        >>> layers = [(cgrad.nn.Linear(4, 3), "weight"), (cgrad.nn.Linear(3, 2), "weight")]
        >>> prune.global_unstructured(layers, pruning_method=prune.L1Unstructured, amount=9)
        >>> int(sum((layer.weight == 0).sum() for layer, _ in layers))
        9
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    scores = {} if importance_scores is None else importance_scores
    if not isinstance(scores, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    pairs = list(parameters)
    method = pruning_method(**kwargs)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method '
            f"{pruning_method} of type {method.PRUNING_TYPE}"
        )
    with cgrad.no_grad():
        tensors = [getattr(module, name) for module, name in pairs]
        ranked = parameters_to_vector(
            scores.get(pair, t) for pair, t in zip(pairs, tensors, strict=True)
        )
        before = parameters_to_vector(
            getattr(module, name + "_mask", cgrad.ones_like(t))
            for (module, name), t in zip(pairs, tensors, strict=True)
        )
        method._tensor_name = "temp"
        mask = PruningContainer(method).compute_mask(ranked, before)
    start = 0
    for (module, name), t in zip(pairs, tensors, strict=True):
        custom_from_mask(module, name, mask[start : start + t.numel()].view_as(t))
        start += t.numel()


def custom_from_mask(module: M, name: str, mask: Tensor) -> M:
    """Prune the parameter ``name`` where ``mask`` is 0; return the module."""
    CustomFromMask.apply(module, name, mask)
    return module


def remove(module: M, name: str) -> M:
    """Make the pruning of the parameter ``name`` permanent; return the module.

    Raises:
        ValueError: it is not pruned.

    Example::

        >>> from cgrad.nn.utils import prune
        >>> layer = prune.l1_unstructured(cgrad.nn.Linear(4, 3), "weight", amount=5)
        >>> _ = prune.remove(layer, "weight")
        >>> int((layer.weight == 0).sum()), prune.is_pruned(layer), sorted(layer.state_dict())
        (5, False, ['bias', 'weight'])
    """
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(
        f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed"
    )


def is_pruned(module: Module) -> bool:
    """Whether a parameter of the module, or of one below it, is pruned.

    Example::

        >>> from cgrad.nn.utils import prune
        >>> prune.is_pruned(cgrad.nn.Linear(4, 3))
        False
    """
    return any(
        isinstance(hook, BasePruningMethod)
        for submodule in module.modules()
        for hook in submodule._forward_pre_hooks.values()
    )
