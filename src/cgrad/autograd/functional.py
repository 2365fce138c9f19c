"""Derivatives of functions of tensors: Jacobians, Hessians and their products with vectors.

The functions take and return tensors or tuples of them, as ``torch.autograd.functional`` does.
`cgrad.func` has the same as transformations of functions. Products with a Jacobian from the right
(`jvp`) are the derivative of the product from the left, `v -> v^T J`, which is linear in `v`
("double backward", Townsend 2017).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cgrad
from cgrad._tensor.tensor import Tensor
from cgrad.autograd.grad_mode import enable_grad

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Tensors = Tensor | tuple[Tensor, ...]


def _tuple(value: Any, argument: str, function: str) -> tuple[Tensor, ...]:
    found = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    for i, t in enumerate(found):
        if not isinstance(t, Tensor):
            where = f" at index {i}" if isinstance(value, (tuple, list)) else ""
            raise TypeError(f"The {argument} given to {function} must be either a Tensor or a "
                            f"tuple of Tensors but the value{where} has type {type(t)}.")
    return found


def _fresh(inputs: tuple[Tensor, ...], connected: bool) -> tuple[Tensor, ...]:
    # Inputs to differentiate by: views of the caller's with create_graph, else copies of the graph.
    if connected:
        return tuple(x.view_as(x) if x.requires_grad else x.detach().requires_grad_()
                     for x in inputs)
    return tuple(x.detach().requires_grad_() for x in inputs)


def _like(inputs: tuple[Tensor, ...], v: Any, function: str, other: str) -> tuple[Tensor, ...]:
    # The vectors of a product, checked against what they are multiplied with.
    if v is None:
        if len(inputs) != 1 or inputs[0].numel() != 1:
            raise RuntimeError(f"The vector v can only be None if the {other} to the user-provided "
                               "function is a single Tensor with a single element.")
        return (cgrad.ones_like(inputs[0]),)
    vectors = _tuple(v, "v", function)
    if len(vectors) != len(inputs):
        raise RuntimeError(f"v is a tuple of invalid length: should be {len(inputs)} but got "
                           f"{len(vectors)}.")
    for i, (a, b) in enumerate(zip(vectors, inputs)):
        if a.shape != b.shape:
            raise RuntimeError(f"Entry {i} of v has size {tuple(a.shape)}, the {other} "
                               f"{tuple(b.shape)}: v has invalid size")
    return vectors


def _grads(outputs: Sequence[Tensor], inputs: tuple[Tensor, ...], vectors: Any, graph: bool,
           retain: bool = True) -> list[Tensor | None]:
    # autograd.grad with None where nothing is connected, also if no output requires a gradient.
    pairs = [(y, v) for y, v in zip(outputs, vectors) if y.requires_grad]
    if not pairs:
        return [None] * len(inputs)
    return list(cgrad.autograd.grad(
        [y for y, _ in pairs], inputs, [v for _, v in pairs], retain_graph=retain or graph,
        create_graph=graph, allow_unused=True))


def _filled(grads: list[Tensor | None], inputs: tuple[Tensor, ...], strict: bool, what: str,
            graph: bool) -> list[Tensor]:
    for i, g in enumerate(grads):
        if strict and g is None:
            raise RuntimeError(f"{what} the user-provided function is independent of input {i}. "
                               "This is not allowed in strict mode.")
        if strict and graph and g is not None and not g.requires_grad:
            raise RuntimeError(f"{what} the gradient of the user-provided function is independent "
                               f"of input {i}. This is not allowed in strict mode when "
                               "create_graph=True.")
    return [cgrad.zeros_like(x) if g is None else g for g, x in zip(grads, inputs)]


def _shaped(found: Sequence[Any], like: Any) -> Any:
    # A tuple if the caller's value was one.
    return tuple(found) if isinstance(like, (tuple, list)) else found[0]


def _result(found: Sequence[Tensor], like: Any, graph: bool) -> Any:
    return _shaped([t if graph else t.detach() for t in found], like)


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of a function: the derivative of each output entry by each input entry.

    Args:
        func: takes tensors, returns a tensor or a tuple of tensors.
        inputs: a tensor or a tuple of tensors.
        create_graph: record, so that the result can be differentiated. Default ``False``
        strict: raise instead of giving zeros where an output does not depend on an input.
        vectorize, strategy: accepted; the result is the same.

    Returns:
        For one output of shape S and one input of shape T a tensor of shape S + T; for tuples a
        tuple (one entry an input), or a tuple of tuples (outputs, then inputs).

    Example::

        >>> x = cgrad.tensor([1.0, 2.0])
        >>> cgrad.autograd.functional.jacobian(lambda x: x * x, x)
        tensor([[2., 0.],
                [0., 4.]])
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')
    with enable_grad():
        xs = _fresh(_tuple(inputs, "inputs", "jacobian"), create_graph)
        output = func(*xs)
        ys = _tuple(output, "outputs", "jacobian")
        rows = []
        for y in ys:
            if strict and not y.requires_grad:
                raise RuntimeError("Output of the user-provided function does not require "
                                   "gradients. The outputs must be computed in a differentiable "
                                   "manner from the input when running in strict mode.")
            parts: list[list[Tensor]] = [[] for _ in xs]
            flat = y.reshape(-1)
            for k in range(y.numel()):
                found = _grads([flat[k]], xs, [None], create_graph)
                filled = _filled(found, xs, strict, "jacobian:", create_graph)
                for part, g in zip(parts, filled):
                    part.append(g)
            rows.append(tuple(
                (cgrad.stack(part) if part else x.new_zeros(0, *x.shape)).reshape(
                    tuple(y.shape) + tuple(x.shape))
                for part, x in zip(parts, xs)))
    rows = [_result(row, inputs, create_graph) for row in rows]
    return _shaped(rows, output)


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The second derivatives of a scalar function.

    Args:
        func: takes tensors, returns a tensor of one element.
        inputs: a tensor or a tuple of tensors.
        create_graph, strict, vectorize: as for :func:`jacobian`.
        outer_jacobian_strategy: accepted; the result is the same.

    Returns:
        For an input of shape T a tensor of shape T + T; for a tuple a tuple of tuples.

    Example::

        >>> x = cgrad.tensor([1.0, 2.0])
        >>> cgrad.autograd.functional.hessian(lambda x: (x**3).sum(), x)
        tensor([[ 6.,  0.],
                [ 0., 12.]])
    """
    xs = _tuple(inputs, "inputs", "hessian")

    def first(*xs: Tensor) -> Any:
        y = _tuple(func(*xs), "outputs", "hessian")
        if len(y) != 1 or y[0].numel() != 1:
            raise RuntimeError("The Tensor returned by the function given to hessian should "
                               "contain a single element")
        if strict and not y[0].requires_grad:
            raise RuntimeError("Output of the user-provided function does not require gradients. "
                               "This is not allowed in strict mode.")
        found = _grads([y[0].reshape(())], xs, [None], True)
        filled = _filled(found, xs, strict, "hessian:", False)
        return tuple(filled)

    found = jacobian(first, xs, create_graph, strict)
    rows = [_shaped(row, inputs) for row in found]
    return _shaped(rows, inputs)


def vjp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """The outputs of a function, and v^T J for a vector `v` of their shapes.

    `v` may be left out for a single output of one element. Other arguments as for
    :func:`jacobian`.

    Example::

        >>> x, v = cgrad.tensor([1.0, 2.0]), cgrad.tensor([1.0, 0.0])
        >>> cgrad.autograd.functional.vjp(cgrad.square, x, v)
        (tensor([1., 4.]), tensor([2., 0.]))
    """
    with enable_grad():
        xs = _fresh(_tuple(inputs, "inputs", "vjp"), create_graph)
        output = func(*xs)
        ys = _tuple(output, "outputs", "vjp")
        found = _grads(ys, xs, _like(ys, v, "vjp", "output"), create_graph)
        found = _filled(found, xs, strict, "vjp:", create_graph)       # type: ignore[assignment]
    return _result(ys, output, create_graph), _result(found, inputs, create_graph)  # type: ignore[arg-type]


def _products(
    ys: Sequence[Tensor], xs: tuple[Tensor, ...], vectors: tuple[Tensor, ...], graph: bool
) -> list[Tensor | None]:
    # J v for each output, as the derivative of u^T J by u.
    us = [cgrad.zeros_like(y).requires_grad_() for y in ys]
    rows = _grads(ys, xs, us, True)
    pairs = [(r, v) for r, v in zip(rows, vectors) if r is not None and r.requires_grad]
    return _grads([r for r, _ in pairs], tuple(us), [v for _, v in pairs], graph)


def jvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """The outputs of a function, and J v for a vector `v` of the inputs' shapes.

    `v` may be left out for a single input of one element. Other arguments as for
    :func:`jacobian`.

    Example::

        >>> x, v = cgrad.tensor([1.0, 2.0]), cgrad.tensor([1.0, 0.0])
        >>> cgrad.autograd.functional.jvp(cgrad.square, x, v)
        (tensor([1., 4.]), tensor([2., 0.]))
    """
    with enable_grad():
        given = _tuple(inputs, "inputs", "jvp")
        xs = _fresh(given, create_graph)
        vectors = _like(given, v, "jvp", "input")
        output = func(*xs)
        ys = _tuple(output, "outputs", "jvp")
        found = _filled(_products(ys, xs, vectors, create_graph), ys, strict, "jvp:", create_graph)
    return _result(ys, output, create_graph), _result(found, output, create_graph)


def _scalar(output: Any, function: str) -> Tensor:
    ys = _tuple(output, "outputs", function)
    if len(ys) != 1 or ys[0].numel() != 1:
        raise RuntimeError(f"The Tensor returned by the function given to {function} should "
                           "contain a single element")
    return ys[0]


def vhp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """The value of a scalar function, and v^T H with its Hessian H.

    Arguments as for :func:`jvp`.

    Example::

        >>> x, v = cgrad.tensor([1.0, 2.0]), cgrad.tensor([1.0, 0.0])
        >>> cgrad.autograd.functional.vhp(lambda x: (x**3).sum(), x, v)
        (tensor(9.), tensor([6., 0.]))
    """
    with enable_grad():
        given = _tuple(inputs, "inputs", "vhp")
        xs = _fresh(given, create_graph)
        vectors = _like(given, v, "vhp", "input")
        output = func(*xs)
        y = _scalar(output, "vhp")
        first = _filled(_grads([y], xs, [None], True), xs, strict, "vhp:", False)
        found = _filled(_grads(first, xs, vectors, create_graph), xs, strict, "vhp:", create_graph)
    return _result([y], output, create_graph), _result(found, inputs, create_graph)


def hvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """The value of a scalar function, and H v with its Hessian H, which is symmetric: as `vhp`.

    Example::

        >>> x, v = cgrad.tensor([1.0, 2.0]), cgrad.tensor([1.0, 0.0])
        >>> cgrad.autograd.functional.hvp(lambda x: (x**3).sum(), x, v)
        (tensor(9.), tensor([6., 0.]))
    """
    return vhp(func, inputs, v, create_graph, strict)
