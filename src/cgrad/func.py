"""Transformations of functions: gradients, products with Jacobians, Jacobians, Hessians.

As ``torch.func``: arguments and results may be tensors, or tuples, lists and dictionaries of them.
The transformations nest, and all of them are built on reverse mode: `jvp` is the derivative of
the product v -> v^T J, which is linear in v. `vmap` calls its function once for each slice.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import cgrad
from cgrad._engine.backward import leaves as _leaves
from cgrad._tensor.tensor import Tensor
from cgrad.autograd.functional import _grads, _products
from cgrad.autograd.grad_mode import enable_grad
from cgrad.utils._pytree import flatten as _flatten

__all__ = [
    "functional_call", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize",
    "stack_module_state", "vjp", "vmap",
]  # fmt: skip

_nesting = threading.local()


# -- trees of tensors -------------------------------------------------------------------------


def _map(function: Callable[[Any], Any], tree: Any) -> Any:
    leaves, rebuild = _flatten(tree)
    return rebuild([function(x) for x in leaves])


@contextmanager
def _level() -> Iterator[bool]:
    """One level of transformation; gives whether there is one around it."""
    depth = getattr(_nesting, "depth", 0)
    _nesting.depth = depth + 1
    try:
        with enable_grad():
            yield depth > 0
    finally:
        _nesting.depth = depth


def _variable(x: Any) -> Any:
    if not isinstance(x, Tensor) or not x.dtype.is_floating_point:
        return x
    return x.view_as(x) if x.requires_grad else x.detach().requires_grad_()


def _tensors(tree: Any, function: str) -> tuple[list[Tensor], Callable[[list[Any]], Any]]:
    leaves, rebuild = _flatten(tree)
    for x in leaves:
        if not isinstance(x, Tensor):
            raise ValueError(f"{function}: expected tensors (or tuples, lists, dictionaries of "
                             f"them) as what to differentiate by, got {type(x).__name__}")
        if not x.dtype.is_floating_point:
            raise RuntimeError(f"{function}: can only differentiate by tensors of floating point "
                               f"dtype, got {x.dtype}")
    return leaves, rebuild


def _positions(argnums: int | tuple[int, ...], n: int, function: str) -> tuple[int, ...]:
    chosen = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    if not chosen:
        raise RuntimeError(f"{function}: argnums must not be empty")
    for a in chosen:
        if not isinstance(a, int):
            raise TypeError(f"{function}: argnums must be int or a tuple of ints, got {a!r}")
        if not -n <= a < n:
            raise RuntimeError(f"{function}: Got argnum={a}, but only {n} positional inputs")
    chosen = tuple(a % n for a in chosen)
    if len(set(chosen)) != len(chosen):
        raise RuntimeError(f"{function}: argnums elements must be unique, got {argnums}")
    return chosen


def _split(result: Any, has_aux: bool, function: str) -> tuple[Any, Any]:
    if not has_aux:
        return result, None
    if not isinstance(result, tuple) or len(result) != 2:
        raise RuntimeError(f"{function}: output of the function should be a tuple (output, aux) "
                           "when has_aux is True")
    return result


def _outer(outputs: list[Tensor], variables: list[Tensor]) -> bool:
    """Whether the outputs depend on tensors that require a gradient, other than `variables`."""
    mine = {id(v) for v in variables}
    roots = [y for y in outputs if isinstance(y, Tensor) and y.requires_grad]
    return any(id(leaf) not in mine for leaf in _leaves(roots))


def _plain(tree: Any, keep: bool) -> Any:
    return tree if keep else _map(lambda t: t.detach() if isinstance(t, Tensor) else t, tree)


# -- transformations --------------------------------------------------------------------------


def grad_and_value(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that gives the gradient of `func` and its value.

    Args:
        func: returns a tensor without dimensions, or (tensor, aux) with `has_aux`.
        argnums: by which argument(s) to differentiate; each may be a tree of tensors.
        has_aux: whether `func` returns something beside the value, handed through.

    Returns:
        A function with the arguments of `func` that returns ``(gradient, value)``, or
        ``(gradient, (value, aux))``.

    Example::

        >>> cgrad.func.grad_and_value(lambda x: (x**2).sum())(cgrad.tensor([1.0, 2.0]))
        (tensor([2., 4.]), tensor(5.))
    """

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with _level() as nested:
            chosen = _positions(argnums, len(args), "grad")
            args = tuple(_map(_variable, a) if i in chosen else a for i, a in enumerate(args))
            picked = args[chosen[0]] if isinstance(argnums, int) else tuple(
                args[i] for i in chosen)
            xs, rebuild = _tensors(picked, "grad")
            value, aux = _split(func(*args, **kwargs), has_aux, "grad_and_value")
            if not isinstance(value, Tensor):
                raise RuntimeError("Expected f(*args) to return tensor, got "
                                   f"{type(value).__name__}")
            if value.dim() != 0:
                raise RuntimeError("Expected f(*args) to return a scalar tensor, got tensor with "
                                   f"{value.dim()} dims. Maybe you wanted to use the vjp or "
                                   "jacrev APIs instead?")
            graph = nested or _outer([value], xs)
            found = _grads([value], tuple(xs), [None], graph, retain=graph)
            gradient = rebuild([cgrad.zeros_like(x) if g is None else g
                                for g, x in zip(found, xs)])
            gradient, value, aux = (_plain(t, graph) for t in (gradient, value, aux))
        return (gradient, (value, aux)) if has_aux else (gradient, value)

    return wrapper


def grad(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that gives the gradient of `func`; arguments as for :func:`grad_and_value`.

    Example::

        >>> slope = cgrad.func.grad(cgrad.sin)
        >>> slope(cgrad.tensor(0.0))
        tensor(1.)
        >>> cgrad.func.grad(slope)(cgrad.tensor(0.0))
        tensor(-0.)
    """
    both = grad_and_value(func, argnums, has_aux)

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        gradient, value = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapper


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """The value of ``func(*primals)``, and a function that multiplies its Jacobian from the left.

    Returns:
        ``(output, vjp_fn)``, with `has_aux` ``(output, vjp_fn, aux)``. ``vjp_fn(*cotangents)``
        takes a tree like the output and returns v^T J: a tuple with one entry a primal.

    Example::

        >>> y, back = cgrad.func.vjp(cgrad.square, cgrad.tensor([1.0, 2.0]))
        >>> back(cgrad.tensor([1.0, 0.0]))
        (tensor([2., 0.]),)
    """
    with _level() as nested:
        given = _map(_variable, primals)
        xs, rebuild = _tensors(given, "vjp")
        output, aux = _split(func(*given), has_aux, "vjp")
        ys, _ = _flatten(output)
        if not all(isinstance(y, Tensor) for y in ys):
            raise RuntimeError("vjp(f, *primals): Expected f to be a function that returns tensors")
        graph = nested or _outer(ys, xs)

    def vjp_fn(*cotangents: Any, retain_graph: bool | None = None,
               create_graph: bool | None = None) -> Any:
        tree = cotangents[0] if len(cotangents) == 1 and not (
            isinstance(output, tuple) and len(output) == 1) else cotangents
        vs, _ = _flatten(tree)
        if len(vs) != len(ys) or any(v.shape != y.shape for v, y in zip(vs, ys)):
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of "
                f"outputs to the function: shapes {[tuple(v.shape) for v in vs]} for outputs of "
                f"{[tuple(y.shape) for y in ys]}")
        connected = graph or getattr(_nesting, "depth", 0) > 0 or any(
            v.requires_grad for v in vs)
        with enable_grad():
            found = _grads(ys, tuple(xs), vs, bool(create_graph or connected), True)
            result = rebuild([cgrad.zeros_like(x) if g is None else g
                              for g, x in zip(found, xs)])
        return _plain(result, connected or bool(create_graph))

    value = _plain(output, graph)
    return (value, vjp_fn, _plain(aux, graph)) if has_aux else (value, vjp_fn)


def jvp(
    func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False,
    has_aux: bool = False,
) -> Any:
    """The value of ``func(*primals)`` and its derivative in the direction `tangents`.

    Returns:
        ``(output, output_tangents)``, with `has_aux` ``(output, output_tangents, aux)``.

    Example::

        >>> cgrad.func.jvp(cgrad.square, (cgrad.tensor([1.0, 2.0]),), (cgrad.tensor([1.0, 0.0]),))
        (tensor([1., 4.]), tensor([2., 0.]))
    """
    if not isinstance(primals, tuple) or not isinstance(tangents, tuple):
        raise RuntimeError("jvp(f, primals, tangents): Expected primals and tangents to be tuples")
    with _level() as nested:
        given = _map(_variable, primals)
        xs, _ = _tensors(given, "jvp")
        vs, _ = _flatten(tangents)
        if len(xs) != len(vs) or any(x.shape != v.shape for x, v in zip(xs, vs)):
            raise RuntimeError("jvp(f, primals, tangents): Expected primals and tangents to have "
                               "the same python structure and shapes")
        output, aux = _split(func(*given), has_aux, "jvp")
        ys, rebuild = _flatten(output)
        graph = nested or _outer(ys, xs) or any(v.requires_grad for v in vs)
        found = _products(ys, tuple(xs), tuple(vs), graph)
        if strict and any(t is None for t in found):
            raise RuntimeError("jvp(f, primals, tangents, strict=True): an output of f is "
                               "independent of the inputs. This is not allowed with strict=True.")
        moved = rebuild([cgrad.zeros_like(y) if t is None else t for t, y in zip(found, ys)])
        output, moved, aux = (_plain(t, graph) for t in (output, moved, aux))
    return (output, moved, aux) if has_aux else (output, moved)


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The value of ``func(*primals)`` and the linear function that approximates it there.

    Example::

        >>> y, derivative = cgrad.func.linearize(cgrad.square, cgrad.tensor([1.0, 2.0]))
        >>> derivative(cgrad.tensor([1.0, 0.0]))
        tensor([2., 0.])
    """
    output = func(*primals)
    return output, lambda *tangents: jvp(func, primals, tangents)[1]


def jacrev(
    func: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable[..., Any]:
    """A function that gives the Jacobian of `func`, by one reverse sweep an output entry.

    Args:
        func: returns a tree of tensors, or (tree, aux) with `has_aux`.
        argnums: by which argument(s) to differentiate.
        has_aux: whether `func` returns something beside the output, handed through.
        chunk_size: accepted; the result does not depend on it.

    Returns:
        A function whose result has, for an output of shape S and an argument of shape T, a tensor
        of shape S + T; trees of arguments inside the tree of the output.

    Example::

        >>> cgrad.func.jacrev(cgrad.square)(cgrad.tensor([1.0, 2.0]))
        tensor([[2., 0.],
                [0., 4.]])
    """

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with _level() as nested:
            chosen = _positions(argnums, len(args), "jacrev")
            args = tuple(_map(_variable, a) if i in chosen else a for i, a in enumerate(args))
            picked = args[chosen[0]] if isinstance(argnums, int) else tuple(
                args[i] for i in chosen)
            xs, rebuild_in = _tensors(picked, "jacrev")
            output, aux = _split(func(*args, **kwargs), has_aux, "jacrev")
            ys, rebuild_out = _flatten(output)
            if not all(isinstance(y, Tensor) for y in ys):
                raise RuntimeError("jacrev: Expected f to return only tensors")
            graph = nested or _outer(ys, xs)
            blocks = []
            for y in ys:
                flat = y.reshape(-1)
                rows = [_grads([flat[k]], tuple(xs), [None], graph) for k in range(y.numel())]
                parts = []
                for j, x in enumerate(xs):
                    column: Any = [cgrad.zeros_like(x) if r[j] is None else r[j] for r in rows]
                    whole = cgrad.stack(column) if column else x.new_zeros(0, *x.shape)
                    parts.append(whole.reshape(tuple(y.shape) + tuple(x.shape)))
                blocks.append(rebuild_in(parts))
            result, aux = _plain(rebuild_out(blocks), graph), _plain(aux, graph)
        return (result, aux) if has_aux else result

    return wrapper


def jacfwd(
    func: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
) -> Callable[..., Any]:
    """The Jacobian of `func`; the same values as :func:`jacrev`, which computes it.

    Example::

        >>> cgrad.func.jacfwd(cgrad.square)(cgrad.tensor([1.0, 2.0]))
        tensor([[2., 0.],
                [0., 4.]])
    """
    return jacrev(func, argnums, has_aux=has_aux)


def hessian(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    """A function that gives the second derivatives of `func`: the Jacobian of its Jacobian.

    Example::

        >>> cgrad.func.hessian(lambda x: (x**3).sum())(cgrad.tensor([1.0, 2.0]))
        tensor([[ 6.,  0.],
                [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)


def vmap(
    func: Callable[..., Any], in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """A function that applies `func` to every slice of its arguments and stacks the results.

    `func` is called once for each slice, so it costs what a loop costs; any Python inside is fine.

    Args:
        func: returns tensors, or tuples, lists and dictionaries of them.
        in_dims: the dimension to slice of every argument, None for one that is the same for all:
            an int for all arguments, or a tuple with one entry for each, an int, None, or a
            structure like the argument's. Default: 0. Keyword arguments are the same for all.
        out_dims: where the new dimension stands in the results, in the same form. Default: 0
        randomness: what random functions do in `func`: "error", "different" in every slice, or
            the "same". Default: "error"
        chunk_size: accepted; a loop needs no more memory for a larger batch.

    Returns:
        A function with the arguments of `func`.

    Raises:
        ValueError: dimensions do not fit the arguments or the results, the sizes of the sliced
            dimensions differ, nothing is sliced, or `func` returns something else than tensors.
        RuntimeError: randomness is "error" and `func` draws random numbers.

    Example::

        >>> x, y = cgrad.tensor([[1., 2.], [3., 4.]]), cgrad.tensor([1., 10.])
        >>> cgrad.vmap(cgrad.dot, in_dims=(0, None))(x, y)
        tensor([21., 43.])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError("vmap: only allowed values for randomness are 'error', 'different', or "
                           f"'same', got {randomness!r}")
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if not isinstance(in_dims, (int, tuple)):
            raise ValueError(f"vmap: in_dims must be an int or a tuple, got {in_dims!r}")
        leaves, rebuild = _flatten(args)
        dims = _dims(in_dims, args, "in_dims")
        sizes = set()
        for k, (x, dim) in enumerate(zip(leaves, dims)):
            if dim is None:
                continue
            if not isinstance(x, Tensor):
                raise ValueError(f"vmap: Got in_dim={dim} for an input of type {type(x).__name__}: "
                                 "only Tensors can be sliced, use None for others")
            if not -x.ndim <= dim < x.ndim:
                raise ValueError(f"vmap: Got in_dim={dim} for a tensor of dimensionality {x.ndim}")
            dims[k] = dim % x.ndim
            sizes.add(x.shape[dim])
        if not sizes:
            raise ValueError("vmap: there is nothing to slice: no tensors, or in_dims None for "
                             "all of them")
        if len(sizes) > 1:
            raise ValueError("vmap: Expected all tensors to have the same size in the mapped "
                             f"dimension, got sizes {sorted(sizes)}")
        n = sizes.pop()

        def call(i: int) -> Any:
            return func(*rebuild([x if dim is None else x.select(dim, i)
                                  for x, dim in zip(leaves, dims)]), **kwargs)

        if n == 0:  # one call with ones, for the shapes of the results
            leaves = [x if dim is None else cgrad.ones_like(x.sum(dim, keepdim=True), dtype=x.dtype)
                      for x, dim in zip(leaves, dims)]
        results, state = [], cgrad.get_rng_state()
        for i in range(n or 1):
            if randomness == "same":
                cgrad.set_rng_state(state)
            results.append(call(i))
            if randomness == "error" and i == 0 and not cgrad.equal(state, cgrad.get_rng_state()):
                raise RuntimeError("vmap: called random operation while in randomness error mode. "
                                   "Please either use the 'same' or 'different' randomness flags "
                                   "on vmap or perform the randomness operation out of vmap")
        outputs = [_flatten(result)[0] for result in results]
        for x in outputs[0]:
            if not isinstance(x, Tensor):
                raise ValueError("vmap: the function must only return Tensors, got type "
                                 f"{type(x).__name__}")
        places = _dims(out_dims, results[0], "out_dims")
        stacked = [cgrad.stack(slices, dim)[(slice(None),) * (dim % (slices[0].ndim + 1))
                                            + (slice(n),)] if n == 0 else cgrad.stack(slices, dim)
                   for dim, slices in zip(places, map(list, zip(*outputs)))]
        return _flatten(results[0])[1](stacked)

    return wrapper


def _dims(dims: Any, tree: Any, name: str) -> list[Any]:
    """The dimension for every leaf of `tree`: `dims` is like the tree, or like its upper part."""
    if dims is None or (isinstance(dims, int) and not isinstance(dims, bool)):
        if dims is None and name == "out_dims":
            raise ValueError("vmap: out_dims must be an int or a tuple of ints: all results have "
                             "the new dimension, got None")
        return [dims] * len(_flatten(tree)[0])
    fits = isinstance(dims, (tuple, list, dict)) and len(dims) > 0 and (
        isinstance(tree, dict) and dims.keys() == tree.keys() if isinstance(dims, dict) else
        isinstance(tree, (tuple, list)) and len(dims) == len(tree))
    if not fits and isinstance(tree, Tensor) and isinstance(dims, tuple) and len(dims) == 1:
        return _dims(dims[0], tree, name)  # out_dims=(1,) for one result
    if not fits:
        raise ValueError(f"vmap: {name}={dims!r} is not compatible with the structure of the "
                         f"{'arguments' if name == 'in_dims' else 'results'}")
    keys = tree.keys() if isinstance(dims, dict) else range(len(dims))
    return [dim for key in keys for dim in _dims(dims[key], tree[key], name)]


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call a module with other parameters and buffers than its own.

    Args:
        module: a ``cgrad.nn.Module``; it is unchanged afterwards.
        parameter_and_buffer_dicts: names (as of ``named_parameters``) and tensors, or a sequence
            of such dictionaries with distinct names.
        args, kwargs: what to call the module with; a single argument need be no tuple.
        tie_weights: replace a parameter that has several names under all of them.
        strict: raise if a name is missing.

    Raises:
        KeyError: a name occurs twice.
        RuntimeError: a name is unknown, or missing with `strict`.

    Example::

        >>> layer = cgrad.nn.Linear(2, 1, bias=False)
        >>> weights = {"weight": cgrad.tensor([[1.0, 2.0]])}
        >>> cgrad.func.functional_call(layer, weights, (cgrad.tensor([3.0, 4.0]),))
        tensor([11.])
    """
    given = parameter_and_buffer_dicts
    if not isinstance(given, Mapping):
        merged: dict[str, Any] = {}
        for d in given:
            for name, tensor in d.items():
                if name in merged:
                    raise ValueError(f"{name} appears in multiple dictionaries; behavior of "
                                     "functional call is ambiguous")
                merged[name] = tensor
        given = merged
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    places: dict[str, tuple[dict[str, Any], str]] = {}
    for prefix, child in module.named_modules(remove_duplicate=False):
        for table in (child._parameters, child._buffers):
            for name in table:
                places[f"{prefix}.{name}" if prefix else name] = (table, name)
    unknown = [name for name in given if name not in places]
    if unknown:
        raise RuntimeError(f"functional_call: the module has no parameters or buffers named "
                           f"{unknown}")
    missing = [name for name in places if name not in given]
    if strict and missing:
        raise RuntimeError(f"functional_call: missing key(s): {missing}")
    new = dict(given)
    if tie_weights:
        by_tensor = {id(places[n][0][places[n][1]]): t for n, t in given.items()}
        for name in missing:
            tensor = places[name][0][places[name][1]]
            if tensor is not None and id(tensor) in by_tensor:
                new[name] = by_tensor[id(tensor)]
    before = {name: places[name][0][places[name][1]] for name in new}
    try:
        for name, tensor in new.items():
            places[name][0][places[name][1]] = tensor
        return module(*args, **(kwargs or {}))
    finally:
        for name, tensor in before.items():
            places[name][0][places[name][1]] = tensor


def stack_module_state(models: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters and buffers of modules of one kind, stacked along a new first dimension.

    Example::

        >>> layers = [cgrad.nn.Linear(2, 3) for _ in range(4)]
        >>> params, buffers = cgrad.func.stack_module_state(layers)
        >>> params["weight"].shape
        cgrad.Size([4, 3, 2])
    """
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    parameters = {name: cgrad.stack([dict(m.named_parameters())[name].detach() for m in models])
                  .requires_grad_(p.requires_grad)
                  for name, p in models[0].named_parameters()}
    buffers = {name: cgrad.stack([dict(m.named_buffers())[name] for m in models])
               for name, _ in models[0].named_buffers()}
    return parameters, buffers
