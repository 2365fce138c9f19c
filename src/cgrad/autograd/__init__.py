"""Differentiation: `backward`, `grad` and the modes that switch recording on and off.

This module checks arguments as PyTorch does; the sweep itself is the engine's
(`cgrad._engine.backward`). Start with `grad` for derivatives as values, or with
`Tensor.backward` to collect them in the leaves.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from typing import Any

from cgrad._engine import backward as _engine
from cgrad._engine import tracing as _tracing  # noqa: F401  (enters itself into the table)
from cgrad._tensor.tensor import Tensor
from cgrad.autograd.anomaly_mode import detect_anomaly, set_detect_anomaly
from cgrad.autograd.function import Function
from cgrad.autograd.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from cgrad.autograd.gradcheck import gradcheck, gradgradcheck
from cgrad.autograd.variable import Variable

__all__ = [
    "Function",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]


_LAZY = ("function", "functional", "graph", "profiler")


def __getattr__(name: str) -> Any:
    # Loaded when first used.
    if name in _LAZY:
        return importlib.import_module(f"cgrad.autograd.{name}")
    raise AttributeError(f"module 'cgrad.autograd' has no attribute {name!r}")


def _tensors(value: Any, function: str, argument: str) -> list[Tensor]:
    """`value` (a Tensor or a sequence of them) as a list."""
    if isinstance(value, Tensor):
        return [value]
    try:
        tensors = list(value)
    except TypeError:
        raise TypeError(
            f"{function}(): argument '{argument}' must be a Tensor or a sequence of Tensors, "
            f"not {type(value).__name__}"
        ) from None
    for i, tensor in enumerate(tensors):
        if not isinstance(tensor, Tensor):
            raise TypeError(
                f"{function}(): expected Tensor as element {i} of argument '{argument}', "
                f"but got {type(tensor).__name__}"
            )
    return tensors


def _cotangents(roots: list[Tensor], grads: Any, function: str) -> list[Tensor | None]:
    """One gradient a root, checked; `None` where the engine starts from ones or skips the root."""
    if grads is None:
        given: list[Any] = [None] * len(roots)
    elif isinstance(grads, Tensor):
        given = [grads]
    else:
        try:
            given = list(grads)
        except TypeError:
            raise TypeError(
                f"{function}(): gradients can be either Tensors or None, "
                f"but got {type(grads).__name__}"
            ) from None
    if len(given) != len(roots):
        raise RuntimeError(f"{function}(): got {len(roots)} tensors and {len(given)} gradients")
    for i, (root, gradient) in enumerate(zip(roots, given, strict=True)):
        if isinstance(gradient, Tensor):
            if gradient.shape != root.shape:
                raise RuntimeError(
                    f"Mismatch in shape: grad_output[{i}] has a shape of {gradient.shape} and "
                    f"output[{i}] has a shape of {root.shape}."
                )
            if gradient.dtype != root.dtype:
                given[i] = gradient.to(root.dtype)
        elif gradient is not None:
            raise TypeError(
                f"gradients can be either Tensors or None, but got {type(gradient).__name__}"
            )
        elif root.requires_grad and root.numel() != 1:
            raise RuntimeError(
                "grad can be implicitly created only for scalar outputs; "
                f"output[{i}] has a shape of {root.shape}: reduce it to a scalar (for example "
                "with .sum()) or pass a gradient of the same shape"
            )
        if not root.requires_grad:
            raise RuntimeError(
                f"element {i} of tensors does not require grad and does not have a grad_fn"
            )
    return given


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Tensor | Sequence[Tensor | None] | None = None,
    inputs: Tensor | Sequence[Tensor] | dict[Any, Tensor] | None = None,
) -> None:
    """Add the gradients of `tensors` to ``.grad`` of the leaves they were computed from.

    For outputs ``y_k`` with given ``v_k``, each leaf ``x`` receives
    ``x.grad += sum_k v_k^T (d y_k / d x)``. Set ``.grad`` to ``None`` (as
    ``optimizer.zero_grad()`` does) before a new accumulation.

    Args:
        tensors: the outputs; each must require a gradient.
        grad_tensors: for each output the vector ``v_k``, of the output's shape; ``None`` stands
            for 1 and is allowed for outputs of one element.
        retain_graph: keep saved values for another sweep through the same graph. Default: the
            value of `create_graph`.
        create_graph: record the derivative computation itself, so that the gradients can be
            differentiated again. Default ``False``. The gradients then hold the graph: set
            ``.grad`` to ``None`` after use, or prefer `grad`.
        grad_variables: deprecated name of `grad_tensors`.
        inputs: accumulate only into these tensors (leaves or not); a dict stands for its
            values. Default: all leaves.

    Raises:
        RuntimeError: an output has several elements and no gradient, or does not require one;
            shapes do not match; `inputs` is empty; the graph was swept before without
            `retain_graph`; a saved value was changed in place since.
        TypeError: something that is not a Tensor.

    Example::

        >>> x = cgrad.tensor([1.0, 2.0], requires_grad=True)
        >>> cgrad.autograd.backward([x.sum(), x * x], [None, cgrad.ones(2)])
        >>> x.grad
        tensor([3., 5.])
    """
    if grad_variables is not None:
        if grad_tensors is not None:
            raise RuntimeError(
                "backward(): both grad_tensors and its deprecated name grad_variables were given; "
                "pass grad_tensors only"
            )
        warnings.warn(
            "`grad_variables` is deprecated; use `grad_tensors`", FutureWarning, stacklevel=2
        )
        grad_tensors = grad_variables
    wanted: list[Tensor] | None = None
    if inputs is not None:
        values = inputs.values() if isinstance(inputs, dict) else inputs
        wanted = _tensors(values, "backward", "inputs")
        if not wanted:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
        _check_differentiable(wanted)
    roots = _tensors(tensors, "backward", "tensors")
    grads = _cotangents(roots, grad_tensors, "backward")
    retain = create_graph if retain_graph is None else retain_graph
    _engine.run(roots, grads, wanted, bool(retain), bool(create_graph), True, True)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor] | dict[Any, Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> Any:
    """The gradients of `outputs` with respect to `inputs`, returned and not accumulated.

    For outputs ``y_k`` with given ``v_k``, the result for input ``x_i`` is
    ``sum_k v_k^T (d y_k / d x_i)``, of the shape of ``x_i``.

    Args:
        outputs: the differentiated tensors; each must require a gradient.
        inputs: leaves or intermediate results; for a dict the result is a dict of the same keys.
        grad_outputs: for each output the vector ``v_k``, of the output's shape; ``None`` stands
            for 1 and is allowed for outputs of one element.
        retain_graph: keep saved values for another sweep through the same graph. Default: the
            value of `create_graph`.
        create_graph: record the derivative computation itself, so that the result can be
            differentiated again. Default ``False``.
        only_inputs: deprecated and ignored.
        allow_unused: give ``None`` for an input that no output depends on, instead of raising.
            Default: the value of `materialize_grads`.
        is_grads_batched: not supported; must be ``False``.
        materialize_grads: give zeros for an input that no output depends on. Default ``False``.

    Returns:
        A tuple with one Tensor (or ``None``) an input, or a dict if `inputs` is one.

    Raises:
        RuntimeError: an output has several elements and no gradient, or does not require one;
            an input does not require a gradient or was not used; shapes do not match; the graph
            was swept before without `retain_graph`; a saved value was changed in place since.
        ValueError: `materialize_grads` together with ``allow_unused=False``.
        NotImplementedError: `is_grads_batched`.
        TypeError: something that is not a Tensor.

    Example::

        >>> x = cgrad.tensor(3.0, requires_grad=True)
        >>> (dx,) = cgrad.autograd.grad(x**3, x, create_graph=True)
        >>> (ddx,) = cgrad.autograd.grad(dx, x)
        >>> dx.item(), ddx.item()
        (27.0, 18.0)
    """
    if is_grads_batched:
        raise NotImplementedError(
            "grad(): is_grads_batched=True is not supported; call grad() once for each vector "
            "in grad_outputs, with retain_graph=True"
        )
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, "
            "but got: allow_unused=False."
        )
    if not only_inputs:
        warnings.warn(
            "`only_inputs` is deprecated and ignored; use `cgrad.autograd.backward` to accumulate "
            "gradients of other parts of the graph",
            FutureWarning,
            stacklevel=2,
        )
    unused_is_error = not (materialize_grads if allow_unused is None else allow_unused)
    roots = _tensors(outputs, "grad", "outputs")
    values = inputs.values() if isinstance(inputs, dict) else inputs
    wanted = _tensors(values, "grad", "inputs")
    if not wanted:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    _check_differentiable(wanted)
    grads = _cotangents(roots, grad_outputs, "grad")
    retain = create_graph if retain_graph is None else retain_graph
    result = _engine.run(
        roots, grads, wanted, bool(retain), bool(create_graph), False, not unused_is_error
    )
    for i, gradient in enumerate(result):
        if gradient is None and unused_is_error:
            raise RuntimeError(
                "One of the differentiated Tensors appears to not have been used in the graph. "
                "Set allow_unused=True if this is the desired behavior. "
                f"(It is inputs[{i}], of shape {tuple(wanted[i].shape)}.)"
            )
        if gradient is None and materialize_grads:
            # With create_graph the zeros take part in further derivatives, as leaves.
            zeros = wanted[i].detach().clone().zero_()
            result[i] = zeros.requires_grad_(bool(create_graph))
    if isinstance(inputs, dict):
        return dict(zip(inputs.keys(), result, strict=True))
    return tuple(result)


def _check_differentiable(inputs: list[Tensor]) -> None:
    for i, tensor in enumerate(inputs):
        if not tensor.requires_grad:
            raise RuntimeError(
                "One of the differentiated Tensors does not require grad: "
                f"inputs[{i}], of shape {tuple(tensor.shape)}; call requires_grad_() on it before "
                "it is used"
            )
