"""Gradients kept in bounds, all parameters together."""
from __future__ import annotations

import types
import warnings
from collections.abc import Iterable
from typing import Any

import cgrad
from cgrad import Tensor

__all__ = [
    "clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_",
    "get_total_norm",
]  # fmt: skip


def _listed(tensors: Tensor | Iterable[Tensor]) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    return [p.grad for p in _listed(parameters) if p.grad is not None]


def _numbers(grad: Any) -> Tensor:
    # A sparse gradient may hold a row twice; only the sum counts for its norm.
    values: Tensor = grad.coalesce().values() if getattr(grad, "is_sparse", False) else grad
    return values


@cgrad.no_grad()
def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of all tensors as if they were one vector.

    Args:
        tensors: a tensor or several.
        norm_type: order of the norm, ``inf`` too. Default: 2
        error_if_nonfinite: raise when the norm is NaN or infinite. Default: ``False``
        foreach: accepted and ignored.

    Raises:
        RuntimeError: the norm is not finite and ``error_if_nonfinite`` is set.

    Example::

        >>> cgrad.nn.utils.get_total_norm([cgrad.tensor([3.0]), cgrad.tensor([4.0])])
        tensor(5.)
    """
    listed = _listed(tensors)
    norm_type = float(norm_type)
    if not listed:
        return cgrad.tensor(0.0)
    norms = [cgrad.linalg.vector_norm(_numbers(t), norm_type) for t in listed]
    total: Tensor = cgrad.linalg.vector_norm(cgrad.stack(norms), norm_type)
    if error_if_nonfinite and not bool(cgrad.isfinite(total)):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from "
            "`parameters` is non-finite, so it cannot be clipped. To disable "
            "this error and scale the gradients by the non-finite norm anyway, "
            "set `error_if_nonfinite=False`"
        )
    return total


@cgrad.no_grad()
def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    total_norm: Tensor,
    foreach: bool | None = None,
) -> None:
    """Scale the gradients in place by min(1, max_norm / (total_norm + 1e-6)).

    Example::

        >>> w = cgrad.ones(2, requires_grad=True)
        >>> w.grad = cgrad.tensor([3.0, 4.0])
        >>> cgrad.nn.utils.clip_grads_with_norm_([w], 2.5, cgrad.tensor(5.0))
        >>> w.grad.norm().round(decimals=3)
        tensor(2.5000)
    """
    factor = cgrad.clamp(float(max_norm) / (total_norm + 1e-6), max=1.0)
    for grad in _gradients(parameters):
        grad.mul_(factor)


@cgrad.no_grad()
def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale the gradients in place so that their total norm is at most ``max_norm``.

    Args:
        parameters: a tensor or several; those without a gradient are skipped.
        max_norm: the greatest norm allowed.
        norm_type: order of the norm. Default: 2
        error_if_nonfinite: raise when the norm is NaN or infinite. Default: ``False``
        foreach: accepted and ignored.

    Returns:
        Tensor: the norm before clipping.

    Example::

        >>> w = cgrad.ones(4, requires_grad=True)
        >>> (3 * w).sum().backward()
        >>> cgrad.nn.utils.clip_grad_norm_(w, 1.0).item()
        6.0
    """
    listed = _listed(parameters)
    if not listed and isinstance(parameters, types.GeneratorType):
        warnings.warn(
            "`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=3
        )
    total = get_total_norm(_gradients(listed), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(listed, max_norm, total)
    return total


def clip_grad_norm(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Old name of :func:`clip_grad_norm_`."""
    warnings.warn(
        "`cgrad.nn.utils.clip_grad_norm` is now deprecated "
        "in favor of `cgrad.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite)


@cgrad.no_grad()
def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Clamp every element of the gradients in place to [-clip_value, clip_value].

    Example::

        >>> w = cgrad.ones(2, requires_grad=True)
        >>> w.grad = cgrad.tensor([5.0, -0.5])
        >>> cgrad.nn.utils.clip_grad_value_([w], 1.0)
        >>> w.grad
        tensor([ 1.0000, -0.5000])
    """
    bound = float(clip_value)
    for grad in _gradients(parameters):
        grad.clamp_(-bound, bound)
