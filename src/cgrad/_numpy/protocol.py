"""NumPy's functions on tensors: ``np.sin(t)``, ``np.concatenate([t, a])`` stay Tensors.

NumPy asks its arguments (`__array_ufunc__`, NEP 13; `__array_function__`, NEP 18), and here is the
answer: a table from NumPy's functions to ours, with NumPy's argument names and defaults.  Code
written for NumPy gets gradients that way.  What is not in the table is computed by NumPy where no
gradient is needed, and raises TypeError where one is: it is never dropped silently.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import cgrad
from cgrad._tensor.tensor import Tensor

ABSENT: Any = object()


def dtype_of(dtype: Any) -> Any:
    """A NumPy dtype (or what stands for one) as ours; None and ours as they are."""
    if dtype is None or isinstance(dtype, cgrad.dtype):
        return dtype
    name = np.dtype(dtype).name
    found = getattr(cgrad, name, None)
    if not isinstance(found, cgrad.dtype):
        raise TypeError(f"no tensor dtype like NumPy's {name}")
    return found


def tensor(x: Any) -> Any:
    """Arrays, NumPy scalars and sequences of numbers as tensors; numbers and tensors stay."""
    if isinstance(x, np.generic):
        return x.item()            # before `float`, which np.float64 is as well
    if isinstance(x, Tensor) or x is None or isinstance(x, (bool, int, float)):
        return x
    if isinstance(x, np.ndarray):
        return cgrad.as_tensor(x)
    if isinstance(x, (list, tuple)) and any(isinstance(v, Tensor) for v in x):
        return cgrad.stack([as_tensor(v) for v in x])
    return cgrad.as_tensor(np.asarray(x))


def as_tensor(x: Any) -> Tensor:
    """The same, numbers too (in NumPy's dtype)."""
    found = tensor(x)
    return found if isinstance(found, Tensor) else cgrad.as_tensor(np.asarray(found))


def needs_gradient(x: Any) -> bool:
    if isinstance(x, Tensor):
        return x.requires_grad and cgrad.is_grad_enabled()
    if isinstance(x, dict):
        x = list(x.values())
    return isinstance(x, (list, tuple)) and any(map(needs_gradient, x))


def array(x: Any) -> Any:
    # Tensors in nested containers as arrays, for NumPy itself.
    if isinstance(x, Tensor):
        return x.detach().numpy()
    if isinstance(x, dict):
        return {k: array(v) for k, v in x.items()}
    if isinstance(x, (list, tuple)):
        return type(x)(map(array, x)) if not hasattr(x, "_fields") else x
    return x


def by_numpy(function: Callable[..., Any], name: str, args: Any, kwargs: Any) -> Any:
    if needs_gradient(args) or needs_gradient(kwargs):
        raise TypeError(f"numpy.{name} is not available for tensors that require a gradient; use "
                        "a function of cgrad, or detach() the tensor")
    return function(*array(args), **array(kwargs))


# -- universal functions ----------------------------------------------------------------------

_RENAMED = {
    "subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div", "mod": "remainder",
    "power": "pow", "negative": "neg", "absolute": "abs", "fabs": "abs", "arcsin": "asin",
    "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "arcsinh": "asinh",
    "arccosh": "acosh", "arctanh": "atanh", "radians": "deg2rad", "degrees": "rad2deg",
    "rint": "round", "greater": "gt", "greater_equal": "ge", "less": "lt", "less_equal": "le",
    "equal": "eq", "not_equal": "ne", "invert": "bitwise_not", "bitwise_count": "",
    "left_shift": "bitwise_left_shift", "right_shift": "bitwise_right_shift", "conjugate": "",
    "isnat": "", "spacing": "", "modf": "", "frexp": "", "vecdot": "", "matvec": "", "vecmat": "",
}
_SPECIAL: dict[str, Callable[..., Any]] = {
    "conjugate": lambda x: x,
    "cbrt": lambda x: x.sign() * x.abs().pow(1 / 3),
    "divmod": lambda x, y: (cgrad.floor_divide(x, y), cgrad.remainder(x, y)),
}
# Those that take numbers as they are; for the others a number becomes a tensor without dimensions.
_ARITHMETIC = frozenset(("add", "subtract", "multiply", "divide", "true_divide", "floor_divide",
                         "remainder", "mod", "divmod", "power", "float_power"))
_REDUCED = {"add": "sum", "multiply": "prod", "maximum": "amax", "minimum": "amin",
            "logical_and": "all", "logical_or": "any"}
_ACCUMULATED = {"add": "cumsum", "multiply": "cumprod", "maximum": "cummax", "minimum": "cummin"}


def _operation(name: str) -> Callable[..., Any] | None:
    if name in _SPECIAL:
        return _SPECIAL[name]
    ours = _RENAMED.get(name, name) or "no such name"
    found = getattr(cgrad, ours, None)
    # The universal functions of scipy.special have the names of cgrad.special.
    return getattr(cgrad.special, ours, None) if found is None else found


def _numbers(args: list[Any]) -> list[Any]:
    # With numbers as tensors, of the dtype that the tensors among the arguments leave them.
    tensors = [x for x in args if isinstance(x, Tensor)]
    if not tensors or len(tensors) == len(args):
        return args
    return [x if isinstance(x, Tensor)
            else cgrad.full((), x, dtype=cgrad.result_type(tensors[0], x)) for x in args]


def ufunc(called: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """What `Tensor.__array_ufunc__` does."""
    name = called.__name__
    out = kwargs.pop("out", (None,))
    if kwargs.pop("where", True) is not True:
        raise TypeError(f"numpy.{name}: where= is not available for tensors; use cgrad.where")
    dtype = dtype_of(kwargs.pop("dtype", None))
    kwargs.pop("casting", None), kwargs.pop("order", None), kwargs.pop("subok", None)
    function: Callable[..., Any] | None = _operation(name)
    result: Any
    if method == "__call__" and function is not None and not kwargs:
        args = [tensor(x) for x in inputs]
        if dtype is not None:
            args = [x.to(dtype) if isinstance(x, Tensor) else x for x in args]
        if not isinstance(args[0], Tensor) and len(args) == 1:
            args[0] = as_tensor(args[0])
        if name not in _ARITHMETIC:
            args = _numbers(args)
        result = function(*args)
    elif method == "reduce" and name in _REDUCED:
        result = reduce(_REDUCED[name], as_tensor(inputs[0]), dtype, **kwargs)
    elif method == "accumulate" and name in _ACCUMULATED:
        x = as_tensor(inputs[0])
        result = getattr(cgrad, _ACCUMULATED[name])(x, kwargs.get("axis", 0))
        result = result.values if hasattr(result, "values") and not isinstance(result, Tensor) \
            else result
    elif method == "outer" and function is not None:
        a, b = as_tensor(inputs[0]), as_tensor(inputs[1])
        result = function(a.reshape(*a.shape, *(1,) * b.dim()), b)
    else:
        if method != "__call__":
            name += "." + method
        target = called if method == "__call__" else getattr(called, method)
        if dtype is not None:
            kwargs["dtype"] = np.dtype(str(dtype).rpartition(".")[2])
        result = by_numpy(target, name, inputs, kwargs)
        result = cgrad.as_tensor(result) if isinstance(result, np.ndarray) else result
    return _into(out[0], result, name)


def reduce(name: str, x: Tensor, dtype: Any, axis: Any = 0, keepdims: bool = False,
            initial: Any = ABSENT) -> Any:
    options = {} if dtype is None else {"dtype": dtype}
    dims = tuple(range(x.dim())) if axis is None else axis
    if name == "prod" and isinstance(dims, tuple):
        result = x
        for d in sorted((d % x.dim() for d in dims), reverse=True):
            result = result.prod(d, keepdims, **options)
    else:
        result = getattr(x, name)(dims, keepdims, **options)
    if initial is not ABSENT and initial is not None:
        join = {"sum": "add", "prod": "mul", "amax": "maximum", "amin": "minimum"}[name]
        result = getattr(cgrad, join)(result, cgrad.as_tensor(initial, dtype=result.dtype))
    return result


def _into(out: Any, result: Any, name: str) -> Any:
    if out is None:
        return result
    if isinstance(out, Tensor):
        return out.copy_(result)
    if needs_gradient(result):
        raise TypeError(f"numpy.{name}: out= is an array, but the result requires a gradient")
    out[...] = array(result)
    return out


# -- functions --------------------------------------------------------------------------------

FUNCTIONS: dict[Any, Callable[..., Any]] = {}


def _named(path: str) -> Any:
    found: Any = np
    for part in path.split("."):
        found = getattr(found, part, None)
    return found


def implements(*paths: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a function as what is done for functions of NumPy (those that this NumPy has)."""
    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        for path in paths:
            if _named(path) is not None:
                FUNCTIONS[_named(path)] = function
        return function
    return enter


def function(called: Any, args: Any, kwargs: Any) -> Any:
    """What `Tensor.__array_function__` does."""
    ours = FUNCTIONS.get(called)
    module = getattr(called, "__module__", "numpy").removeprefix("numpy").lstrip(".")
    name = (module + "." if module else "") + called.__name__
    if ours is None:
        return by_numpy(called, name, args, kwargs)
    out = kwargs.pop("out", None) if called is not np.copyto else None
    try:
        return _into(out, ours(*args, **kwargs), name)
    except TypeError as e:
        if "unexpected keyword argument" in str(e):
            raise TypeError(f"numpy.{name} for tensors: {e}") from None
        raise
