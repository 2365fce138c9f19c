"""Layers that PyTorch also has as functions of the package, with other orders of arguments.

The functions are those of `cgrad.nn.functional`, which is loaded when they are first called.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cgrad._composite.register import check_tensor, public
from cgrad._tensor.tensor import Tensor


def _functional() -> Any:
    from cgrad.nn import functional

    return functional


@public(method=False)
def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
    cudnn_enable: bool = True,
) -> Tensor:
    """layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-05) -> Tensor

    See :func:`cgrad.nn.functional.layer_norm`.

    Example::

        >>> cgrad.layer_norm(cgrad.tensor([1.0, 3.0]), (2,))
        tensor([-1.0000,  1.0000])
    """
    if not isinstance(input, Tensor):
        check_tensor("layer_norm", input)
    result: Tensor = _functional().layer_norm(input, normalized_shape, weight, bias, eps)
    return result


@public(method=False)
def rms_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    """rms_norm(input, normalized_shape, weight=None, eps=None) -> Tensor

    See :func:`cgrad.nn.functional.rms_norm`.

    Example::

        >>> cgrad.rms_norm(cgrad.tensor([3.0, 4.0]), (2,))
        tensor([0.8485, 1.1314])
    """
    if not isinstance(input, Tensor):
        check_tensor("rms_norm", input)
    result: Tensor = _functional().rms_norm(input, normalized_shape, weight, eps)
    return result


@public(method=False)
def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
    cudnn_enabled: bool = True,
) -> Tensor:
    """group_norm(input, num_groups, weight=None, bias=None, eps=1e-05) -> Tensor

    See :func:`cgrad.nn.functional.group_norm`.

    Example::

        >>> cgrad.group_norm(cgrad.tensor([[1.0, 3.0, 10.0, 30.0]]), 2)
        tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """
    if not isinstance(input, Tensor):
        check_tensor("group_norm", input)
    result: Tensor = _functional().group_norm(input, num_groups, weight, bias, eps)
    return result


@public(method=False)
def batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = True,
) -> Tensor:
    """batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps)
    -> Tensor

    See :func:`cgrad.nn.functional.batch_norm`.

    Example::

        >>> x = cgrad.tensor([[1.0], [3.0]])
        >>> cgrad.nn.functional.batch_norm(x, None, None, training=True)
        tensor([[-1.0000],
                [ 1.0000]])
    """
    result: Tensor = _functional().batch_norm(input, running_mean, running_var, weight, bias,
                                              training, momentum, eps)
    return result


@public(method=False)
def instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = True,
) -> Tensor:
    """instance_norm(input, weight, bias, running_mean, running_var, use_input_stats, momentum,
    eps) -> Tensor

    See :func:`cgrad.nn.functional.instance_norm`.

    Example::

        >>> x = cgrad.tensor([[[1.0, 3.0]]])
        >>> cgrad.nn.functional.instance_norm(x)
        tensor([[[-1.0000,  1.0000]]])
    """
    result: Tensor = _functional().instance_norm(input, running_mean, running_var, weight, bias,
                                                 use_input_stats, momentum, eps)
    return result
