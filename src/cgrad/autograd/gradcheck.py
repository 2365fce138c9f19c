"""gradcheck and gradgradcheck: derivatives against two-sided differences.

The numerical Jacobian costs two evaluations of the function for every entry of every input, the
analytical one a backward sweep for every entry of every output: meant for small inputs of float64.
"""
from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import cgrad
from cgrad import Tensor

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]

_SHOWN = 5  # entries in a report


class GradcheckError(RuntimeError):
    """Numerical and analytical derivatives differ, or the function is not fit to be checked."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Check first derivatives against two-sided differences.

    Passes if ``|analytical - numerical| <= atol + rtol * |numerical|`` for every entry of every
    output with respect to every entry of every input that requires a gradient.

    Args:
        func: takes ``inputs`` and returns a tensor or a tuple of tensors; its result must
            depend on nothing else that changes.
        inputs: a tensor or a sequence; those to check are float64 and require gradients.
        eps: the entries are moved by this much in either direction. Default: 1e-6
        atol: absolute tolerance. Default: 1e-5
        rtol: relative tolerance. Default: 1e-3
        raise_exception: raise the report instead of returning False. Default: ``True``
        nondet_tol: how much two evaluations of the derivatives may differ. Default: 0
        check_grad_dtypes: whether gradients must have the dtype of their input. Default: False
        check_undefined_grad, fast_mode, masked: accepted for compatibility; the full Jacobian
            is always compared.
        check_batched_grad, check_batched_forward_grad, check_forward_ad: must be False.
        check_backward_ad: with False there is nothing to check. Default: ``True``

    Returns:
        bool: whether everything agrees.

    Raises:
        GradcheckError: a derivative is wrong. The message names output, input, the indices and
            the two values of the worst entries.
        ValueError: no input requires a gradient.

    Example::

        >>> x = cgrad.tensor([0.5, 2.0], dtype=cgrad.float64, requires_grad=True)
        >>> cgrad.autograd.gradcheck(lambda x: x.log() * x, x)
        True
    """
    if check_batched_grad or check_batched_forward_grad or check_forward_ad:
        raise NotImplementedError("gradcheck: batched gradients and forward mode are not supported")
    try:
        if check_backward_ad:
            _check(func, _as_tuple(inputs), eps, atol, rtol, nondet_tol, check_grad_dtypes)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence,
    grad_outputs: Tensor | Sequence | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Check second derivatives: :func:`gradcheck` of the function's gradients.

    What is checked is the map from ``inputs`` and ``grad_outputs`` to the gradients of the
    inputs.

    Args:
        func, inputs, eps, atol, rtol: as for :func:`gradcheck`.
        raise_exception, nondet_tol, check_grad_dtypes, fast_mode: as for :func:`gradcheck`.
        grad_outputs: the gradients of the outputs. Default: random, in [0, 1)
        gen_non_contig_grad_outputs: make the random ones non-contiguous. Default: ``False``
        check_undefined_grad, masked: accepted for compatibility.
        check_batched_grad, check_fwd_over_rev: must be False.
        check_rev_over_rev: with False there is nothing to check. Default: ``True``

    Example::

        >>> x = cgrad.tensor([0.5, 2.0], dtype=cgrad.float64, requires_grad=True)
        >>> cgrad.autograd.gradgradcheck(lambda x: x.exp() * x, x)
        True
    """
    if check_batched_grad or check_fwd_over_rev:
        raise NotImplementedError(
            "gradgradcheck: batched gradients and forward mode are not supported"
        )
    if not check_rev_over_rev:
        return True
    inputs = _as_tuple(inputs)
    if grad_outputs is None:
        outputs = _differentiable(func(*inputs))
        grad_outputs = tuple(
            _random_like(output, gen_non_contig_grad_outputs) for output in outputs
        )
    else:
        grad_outputs = _as_tuple(grad_outputs)
    count = len(inputs)

    def gradients(*arguments: Any) -> tuple[Tensor, ...]:
        values = arguments[:count]
        wanted = [v for v in values if isinstance(v, Tensor) and v.requires_grad]
        found = cgrad.autograd.grad(
            _differentiable(func(*values)),
            wanted,
            arguments[count:],
            create_graph=True,
            allow_unused=True,
        )
        return tuple(g for g in found if g is not None)

    return gradcheck(
        gradients,
        inputs + grad_outputs,
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_grad_dtypes=check_grad_dtypes,
        fast_mode=fast_mode,
    )


def _as_tuple(value: Any) -> tuple:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def _differentiable(outputs: Any) -> tuple[Tensor, ...]:
    return tuple(o for o in _as_tuple(outputs) if isinstance(o, Tensor) and o.requires_grad)


def _random_like(output: Tensor, non_contiguous: bool) -> Tensor:
    # A generator of its own: a check must not disturb the user's random numbers.
    values = cgrad.from_numpy(np.random.default_rng(0).random((*output.shape, 2)))
    grad = values.to(output.dtype)[..., 0]
    return (grad if non_contiguous else grad.contiguous()).detach().requires_grad_(True)


def _check(
    func: Callable,
    inputs: tuple,
    eps: float,
    atol: float,
    rtol: float,
    nondet_tol: float,
    check_dtypes: bool,
) -> None:
    checked = [
        (i, x) for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad
    ]
    if not checked:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, "
            "but none of the them have requires_grad=True."
        )
    for i, x in checked:
        if x.dtype != cgrad.float64:
            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point. "
                "This check will likely fail if all the inputs are not of double precision.",
                stacklevel=3,
            )
        if any(n > 1 and s == 0 for n, s in zip(x.shape, x.stride())):
            raise RuntimeError(
                f"The {i}th input has a dimension with stride 0. gradcheck only supports inputs "
                "that are non-overlapping to be able to compute the numerical gradients "
                "correctly. You should call .contiguous() on the input before passing it to "
                "gradcheck."
            )
    outputs = _as_tuple(func(*inputs))
    for j, output in enumerate(outputs):
        if not isinstance(output, Tensor):
            raise GradcheckError(f"output {j} is not a tensor but {type(output)}")
    numerical = _numerical(func, inputs, checked, outputs, eps)
    for j, output in enumerate(outputs):
        analytical = _analytical(func, inputs, checked, j, output, check_dtypes)
        again = _analytical(func, inputs, checked, j, output, check_dtypes)
        for k, (i, x) in enumerate(checked):
            if not np.allclose(analytical[k], again[k], rtol=0, atol=nondet_tol, equal_nan=True):
                raise GradcheckError(
                    f"the gradient of output {j} with respect to input {i} is not the same in "
                    f"two evaluations of it, up to nondet_tol={nondet_tol:g}"
                )
            _compare(numerical[j][k], analytical[k], j, i, output, x, atol, rtol)


def _numerical(
    func: Callable, inputs: tuple, checked: list, outputs: tuple, eps: float
) -> list[list[np.ndarray]]:
    """Jacobians by two-sided differences, [output][input] of shape (input, output) entries."""
    jacobians = [
        [np.zeros((x.numel(), output.numel())) for _, x in checked] for output in outputs
    ]

    def evaluate() -> list[np.ndarray]:
        # Not under no_grad: func may itself ask for gradients.
        return [o.detach().clone().numpy().reshape(-1) for o in _as_tuple(func(*inputs))]

    for k, (_, x) in enumerate(checked):
        values = x.detach().numpy()  # the same memory
        for row, index in enumerate(np.ndindex(values.shape)):
            original = values[index]
            try:
                values[index] = original + eps
                above = evaluate()
                values[index] = original - eps
                below = evaluate()
            finally:
                values[index] = original
            for j in range(len(outputs)):
                if outputs[j].is_floating_point():
                    jacobians[j][k][row] = (above[j] - below[j]) / (2 * eps)
    return jacobians


def _analytical(
    func: Callable, inputs: tuple, checked: list, j: int, output: Tensor, check_dtypes: bool
) -> list[np.ndarray]:
    """Jacobians of one output by a backward sweep for each of its entries."""
    jacobians = [np.zeros((x.numel(), output.numel())) for _, x in checked]
    if not output.requires_grad:
        return jacobians
    seed = np.zeros(tuple(output.shape), dtype=output.detach().numpy().dtype)
    for column, index in enumerate(np.ndindex(seed.shape)):
        seed[index] = 1
        grads = cgrad.autograd.grad(
            output,
            [x for _, x in checked],
            cgrad.from_numpy(seed.copy()),
            retain_graph=True,
            allow_unused=True,
        )
        seed[index] = 0
        for (i, x), grad, jacobian in zip(checked, grads, jacobians):
            if grad is None:
                continue
            if grad.shape != x.shape:
                raise GradcheckError(
                    f"the gradient of output {j} with respect to input {i} has shape "
                    f"{tuple(grad.shape)}, the input {tuple(x.shape)}"
                )
            if check_dtypes and grad.dtype != x.dtype:
                raise GradcheckError(
                    f"the gradient of output {j} with respect to input {i} has dtype "
                    f"{grad.dtype}, the input {x.dtype}"
                )
            jacobian[:, column] = grad.detach().numpy().reshape(-1)
    return jacobians


def _compare(
    numerical: np.ndarray,
    analytical: np.ndarray,
    j: int,
    i: int,
    output: Tensor,
    x: Tensor,
    atol: float,
    rtol: float,
) -> None:
    """Raise a report unless the two Jacobians agree."""
    # A NaN on both sides is no agreement: neither value was checked.
    wrong = ~np.isclose(analytical, numerical, rtol=rtol, atol=atol)
    if not wrong.any():
        return
    with np.errstate(invalid="ignore"):
        error = np.nan_to_num(np.abs(analytical - numerical), nan=np.inf, posinf=np.inf)
    error[~wrong] = -1
    worst = np.argsort(-error, axis=None, kind="stable")[: min(_SHOWN, int(wrong.sum()))]
    rows = []
    for row, column in zip(*np.unravel_index(worst, error.shape)):
        at_input = tuple(map(int, np.unravel_index(row, tuple(x.shape))))
        at_output = tuple(map(int, np.unravel_index(column, tuple(output.shape))))
        rows.append(
            f"  {at_input!s:>14} {at_output!s:>14} {numerical[row, column]:>16.8g} "
            f"{analytical[row, column]:>16.8g} {error[row, column]:>12.3g}"
        )
    title = (
        f"Jacobian mismatch for output {j} with respect to input {i}: "
        f"{int(wrong.sum())} of {wrong.size} entries differ by more than "
        f"{atol:g} + {rtol:g} * |numerical|."
    )
    if not output.requires_grad:
        title += f"\nOutput {j} does not require a gradient, although it depends on the input."
    heading = (
        f"  {'input index':>14} {'output index':>14} {'numerical':>16} {'analytical':>16} "
        f"{'difference':>12}"
    )
    count = f"The {len(rows)} worst:" if len(rows) > 1 else "The worst:"
    raise GradcheckError("\n".join([title, count, heading, *rows]))
