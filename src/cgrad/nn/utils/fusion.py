"""A layer and the batch normalisation behind it as one layer, for evaluation."""
from __future__ import annotations

import copy
from typing import Any, TypeVar

import cgrad
from cgrad import Tensor
from cgrad.nn.modules.module import Module
from cgrad.nn.parameter import Parameter

__all__ = [
    "fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights",
]  # fmt: skip

T = TypeVar("T", bound=Module)


def _fused(
    weight: Tensor, bias: Tensor | None, mean: Tensor, var: Tensor, eps: float,
    scale: Tensor | None, shift: Tensor | None, axis: int,
) -> tuple[Parameter, Parameter]:  # fmt: skip
    bias = cgrad.zeros_like(mean) if bias is None else bias
    factor = cgrad.rsqrt(var + eps)
    if scale is not None:
        factor = factor * scale
    shape = [1] * weight.dim()
    shape[axis] = -1
    moved = (bias - mean) * factor
    if shift is not None:
        moved = moved + shift
    return (Parameter((weight * factor.reshape(shape)).detach(), weight.requires_grad),
            Parameter(moved.detach(), bias.requires_grad))  # fmt: skip


def fuse_conv_bn_weights(
    conv_w: Tensor, conv_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float,
    bn_w: Tensor | None, bn_b: Tensor | None, transpose: bool = False,
) -> tuple[Parameter, Parameter]:  # fmt: skip
    """Weight and bias of a convolution that does what it and a batch normalisation did.

    Args:
        conv_w, conv_b: weight and bias of the convolution; no bias is zeros.
        bn_rm, bn_rv, bn_eps: running mean and variance, and what is added to the latter.
        bn_w, bn_b: weight and bias of the normalisation, or None.
        transpose: the convolution is a transposed one. Default: ``False``

    Example::

        >>> conv, norm = cgrad.nn.Conv1d(1, 2, 3), cgrad.nn.BatchNorm1d(2)
        >>> weight, bias = cgrad.nn.utils.fuse_conv_bn_weights(
        ...     conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight,
        ...     norm.bias)
        >>> weight.shape, bias.shape
        (cgrad.Size([2, 1, 3]), cgrad.Size([2]))
    """
    return _fused(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, 1 if transpose else 0)


def fuse_linear_bn_weights(
    linear_w: Tensor, linear_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float,
    bn_w: Tensor, bn_b: Tensor,
) -> tuple[Parameter, Parameter]:  # fmt: skip
    """Weight and bias of a linear layer that does what it and a batch normalisation did.

    Example::

        >>> linear, norm = cgrad.nn.Linear(3, 2), cgrad.nn.BatchNorm1d(2)
        >>> weight, bias = cgrad.nn.utils.fuse_linear_bn_weights(
        ...     linear.weight, linear.bias, norm.running_mean, norm.running_var, norm.eps,
        ...     norm.weight, norm.bias)
        >>> weight.shape, bias.shape
        (cgrad.Size([2, 3]), cgrad.Size([2]))
    """
    return _fused(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, 0)


def _fuse(layer: Any, bn: Any, axis: int) -> Any:
    if layer.training or bn.training:
        raise AssertionError("Fusion only for eval!")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError("fusion needs a batch normalisation with running statistics")
    layer = copy.deepcopy(layer)
    layer.weight, layer.bias = _fused(layer.weight, layer.bias, bn.running_mean, bn.running_var,
                                      bn.eps, bn.weight, bn.bias, axis)  # fmt: skip
    return layer


def fuse_conv_bn_eval(conv: T, bn: Module, transpose: bool = False) -> T:
    """A copy of ``conv`` that does what both do in evaluation.

    Args:
        conv: a convolution, in evaluation mode.
        bn: the batch normalisation behind it, in evaluation mode.
        transpose: it is a transposed convolution. Default: ``False``

    Raises:
        AssertionError: one of them is in training mode.

    Example::

        >>> conv, bn = cgrad.nn.Conv2d(3, 4, 3).eval(), cgrad.nn.BatchNorm2d(4).eval()
        >>> x = cgrad.randn(1, 3, 5, 5)
        >>> one = cgrad.nn.utils.fuse_conv_bn_eval(conv, bn)
        >>> cgrad.allclose(one(x), bn(conv(x)), atol=1e-5)
        True
    """
    return _fuse(conv, bn, 1 if transpose else 0)


def fuse_linear_bn_eval(linear: T, bn: Module) -> T:
    """A copy of ``linear`` that does what both do in evaluation; see :func:`fuse_conv_bn_eval`.

    Example::

        >>> linear, norm = cgrad.nn.Linear(2, 3).eval(), cgrad.nn.BatchNorm1d(3).eval()
        >>> fused, x = cgrad.nn.utils.fuse_linear_bn_eval(linear, norm), cgrad.ones(4, 2)
        >>> cgrad.allclose(fused(x), norm(linear(x)), atol=1e-6)
        True
    """
    out, features = linear.out_features, bn.num_features
    if out != features and features != 1:
        raise AssertionError(
            f"To fuse, linear.out_features == bn.num_features or bn.num_features == 1, got {out} "
            f"and {features}"
        )
    return _fuse(linear, bn, 0)
