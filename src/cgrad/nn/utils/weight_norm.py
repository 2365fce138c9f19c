"""The older form of weight and spectral normalisation: hooks that set the weight before forward.

:mod:`cgrad.nn.utils.parametrizations` is the newer one.
"""
from __future__ import annotations

import warnings
from typing import Any, TypeVar

import cgrad
from cgrad import Tensor
from cgrad.nn import functional as F
from cgrad.nn.modules.module import Module
from cgrad.nn.parameter import Parameter
from cgrad.nn.utils.parametrizations import as_matrix, norm_except

__all__ = ["remove_spectral_norm", "remove_weight_norm", "spectral_norm", "weight_norm"]

T = TypeVar("T", bound=Module)


class WeightNorm:
    """Sets a weight from its length ``<name>_g`` and direction ``<name>_v``."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name, self.dim = name, -1 if dim is None else dim

    def compute_weight(self, module: Any) -> Tensor:
        g, v = getattr(module, f"{self.name}_g"), getattr(module, f"{self.name}_v")
        return v * (g / norm_except(v, self.dim))

    def __call__(self, module: Module, args: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


class SpectralNorm:
    """Sets a weight from ``<name>_orig`` and the singular vectors ``<name>_u`` and ``_v``."""

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        if n_power_iterations <= 0:
            raise ValueError("Expected n_power_iterations to be positive, but got "
                             f"n_power_iterations={n_power_iterations}")  # fmt: skip
        self.name, self.n_power_iterations, self.dim, self.eps = name, n_power_iterations, dim, eps

    def compute_weight(self, module: Any, do_power_iteration: bool) -> Tensor:
        weight = getattr(module, f"{self.name}_orig")
        u, v = getattr(module, f"{self.name}_u"), getattr(module, f"{self.name}_v")
        matrix = as_matrix(weight, self.dim)
        if do_power_iteration:
            with cgrad.no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(F.normalize(matrix.T.mv(u), dim=0, eps=self.eps))
                    u.copy_(F.normalize(matrix.mv(v), dim=0, eps=self.eps))
        u, v = u.clone(), v.clone()
        return weight / u.dot(matrix.mv(v))

    def __call__(self, module: Module, args: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, module.training))


_NAMES: dict[type, str] = {WeightNorm: "weight_norm", SpectralNorm: "spectral_norm"}


def _refuse_second(module: Module, kind: type, name: str) -> None:
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, kind) and hook.name == name:  # type: ignore[attr-defined]
            raise RuntimeError(
                f"Cannot register two {_NAMES[kind]} hooks on the same parameter {name}"
            )


def _take_out(module: Module, kind: type, name: str) -> Any:
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, kind) and hook.name == name:  # type: ignore[attr-defined]
            del module._forward_pre_hooks[key]
            return hook
    raise ValueError(f"{_NAMES[kind]} of '{name}' not found in {module}")


def weight_norm(module: T, name: str = "weight", dim: int = 0) -> T:
    """Deprecated form of :func:`cgrad.nn.utils.parametrizations.weight_norm`.

    The module gets the parameters ``<name>_g`` and ``<name>_v`` instead of ``<name>``.
    """
    warnings.warn(
        "`nn.utils.weight_norm` is deprecated in favor of `nn.utils.parametrizations.weight_norm`.",
        FutureWarning,
        stacklevel=2,
    )
    _refuse_second(module, WeightNorm, name)
    made = WeightNorm(name, dim)
    weight = getattr(module, name)
    del module._parameters[name]
    module.register_parameter(f"{name}_g", Parameter(norm_except(weight.detach(), made.dim)))
    module.register_parameter(f"{name}_v", Parameter(weight.detach()))
    setattr(module, name, made.compute_weight(module))
    module.register_forward_pre_hook(made)
    return module


def remove_weight_norm(module: T, name: str = "weight") -> T:
    """Undo :func:`weight_norm`: the weight is a parameter again.

    Example::

        >>> import warnings
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     layer = cgrad.nn.utils.weight_norm(cgrad.nn.Linear(2, 3))
        >>> list(dict(cgrad.nn.utils.remove_weight_norm(layer).named_parameters()))
        ['bias', 'weight']
    """
    made = _take_out(module, WeightNorm, name)
    weight = made.compute_weight(module).detach()
    delattr(module, name)
    del module._parameters[f"{name}_g"], module._parameters[f"{name}_v"]
    setattr(module, name, Parameter(weight))
    return module


def spectral_norm(
    module: T,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> T:
    """Older form of :func:`cgrad.nn.utils.parametrizations.spectral_norm`.

    The module gets the parameter ``<name>_orig`` and the buffers ``<name>_u`` and ``<name>_v``.

    Example::

        >>> layer = cgrad.nn.utils.spectral_norm(cgrad.nn.Linear(2, 3), n_power_iterations=20)
        >>> y = layer(cgrad.ones(1, 2))
        >>> cgrad.linalg.matrix_norm(layer.weight.detach(), 2).round(decimals=2)
        tensor(1.)
    """
    if dim is None:
        dim = 1 if getattr(module, "transposed", False) else 0
    _refuse_second(module, SpectralNorm, name)
    made = SpectralNorm(name, n_power_iterations, dim, eps)
    weight = module._parameters.pop(name)
    if weight is None:
        module._parameters[name] = None
        raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
    matrix = as_matrix(weight.detach(), dim)
    u, v = (F.normalize(matrix.new_empty(n).normal_(), dim=0, eps=eps) for n in matrix.shape)
    module.register_parameter(f"{name}_orig", weight)
    setattr(module, name, weight.detach())
    module.register_buffer(f"{name}_u", u)
    module.register_buffer(f"{name}_v", v)
    module.register_forward_pre_hook(made)
    return module


def remove_spectral_norm(module: T, name: str = "weight") -> T:
    """Undo :func:`spectral_norm`: the weight, normalized, is a parameter again.

    Example::

        >>> layer = cgrad.nn.utils.spectral_norm(cgrad.nn.Linear(2, 3))
        >>> list(dict(cgrad.nn.utils.remove_spectral_norm(layer).named_parameters()))
        ['bias', 'weight']
    """
    made = _take_out(module, SpectralNorm, name)
    with cgrad.no_grad():
        weight = made.compute_weight(module, False)
    delattr(module, name)
    del module._buffers[f"{name}_u"], module._buffers[f"{name}_v"]
    del module._parameters[f"{name}_orig"]
    setattr(module, name, Parameter(weight.detach()))
    return module
