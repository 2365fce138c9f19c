"""Operations with a derivative of the user's own: `Function`, its context, `once_differentiable`.

The engine's part is in ``_engine/function.pyx``: one call is one node of the graph, however many
tensors go in and come out.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from cgrad._engine import function as _engine
from cgrad._engine import tracing
from cgrad._engine.table import begin_function, end_range
from cgrad._tensor.tensor import Tensor
from cgrad.autograd.grad_mode import is_grad_enabled, no_grad

__all__ = ["Function", "FunctionCtx", "InplaceFunction", "once_differentiable"]


class FunctionCtx:
    """What one call of a `Function` keeps for its derivative; the `ctx` of forward and backward.

    Any attribute may be set. Tensors that backward needs belong to `save_for_backward`, which
    notices later changes in place and holds results without keeping the graph alive in a circle.
    """

    needs_input_grad: tuple[bool, ...]
    _name = "FunctionCtx"
    _function: type[Function]

    def __init__(self) -> None:
        self.needs_input_grad = ()
        self._to_save: tuple[Tensor | None, ...] = ()
        self._saved: list[Any] | None = []
        self._dirty: tuple[Tensor, ...] = ()
        self._constant: tuple[Tensor, ...] = ()
        self._materialize = True
        self._joint: Any = None
        self._results: list[tuple[Any, Any]] = []     # shape and dtype, for missing gradients
        self._positions: list[int] = []               # of the tensors among the arguments
        self._n_args = 0

    def name(self) -> str:
        """The name of the graph node: the class's name and ``Backward``."""
        return self._name

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors (arguments, results, or made on the way) for backward.

        To be called once, in forward or setup_context. ``None`` may stand among them.
        """
        for i, tensor in enumerate(tensors):
            if tensor is not None and not isinstance(tensor, Tensor):
                raise TypeError(f"save_for_backward can only save variables, but argument {i} is "
                                f"of type {type(tensor).__name__}")
        self._to_save = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Accepted for programs with a ``jvp`` of their own, which is not used."""

    def mark_dirty(self, *args: Tensor) -> None:
        """Say which arguments forward has changed in place; they must be among the results."""
        self._dirty = args

    def mark_non_differentiable(self, *args: Tensor) -> None:
        """Say which results have no derivative; their gradients in backward are zeros."""
        self._constant = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (the default) or None for results without a gradient."""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """What `save_for_backward` was given.

        Raises:
            RuntimeError: a saved tensor was changed in place since, or the graph was swept
                without ``retain_graph``.
        """
        if self._saved is None:
            raise RuntimeError(
                "Trying to backward through the graph a second time (or directly access saved "
                "tensors after they have already been freed). Saved intermediate values of the "
                "graph are freed when you call .backward() or autograd.grad(). Specify "
                "retain_graph=True if you need to backward through the graph a second time or if "
                "you need to access saved tensors after calling backward."
            )
        return tuple([None if s is None else self._unpack(*s) for s in self._saved])

    def _unpack(self, held: Any, position: int, note: Any, unpack: Any) -> Tensor:
        tensor: Tensor = held
        if unpack is not None:
            with no_grad():
                tensor = unpack(held)
            if not isinstance(tensor, Tensor):
                raise TypeError("Output of saved tensor unpack_hook expected to be a Tensor but "
                                f"got result of type {type(tensor).__name__}")
            if note is not None and is_grad_enabled():
                return note.restored(tensor)
        elif tensor._version != note:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an "
                f"inplace operation: {self._name} saved a {tensor.dtype} tensor of shape "
                f"{list(tensor.shape)} at version {note}; it is at version {tensor._version} now."
            )
        if position >= 0 and self._joint is not None:
            return self._joint.alias(tensor, position)     # the result, with its history
        return tensor

    # --- called by `Function.apply` and by the engine

    def _keep(self, results: list[Any], differentiable: list[bool]) -> None:
        hooks = tracing.hooks()
        places = {id(y): i for i, y in enumerate(results)}     # the last, as in PyTorch
        entry: tuple[Any, int, Any, Any]
        for tensor in self._to_save:
            if tensor is None:
                self._saved.append(None)     # type: ignore[union-attr]
                continue
            at = places.get(id(tensor), -1)
            if at >= 0:
                # A result holds this context: the context must not hold the result.
                held = tensor.detach()
                at = at if differentiable[at] else -1
            else:
                held = tensor
            if hooks:
                pack, unpack = hooks[-1]
                place = _engine.place(held) if held.requires_grad else None
                with no_grad():
                    packed = pack(held.detach())
                entry = (packed, at, place, unpack)
            else:
                entry = (held, at, held._version, None)
            self._saved.append(entry)        # type: ignore[union-attr]
        self._to_save = ()

    def _release(self) -> None:
        self._saved = None

    def _swept(self, joint: Any, bundle: dict[int, Tensor], need: list[bool]) -> list[Any]:
        """The gradients of the tensors among the arguments; called by the sweep."""
        grads: list[Any] = []
        for i, (shape, dtype) in enumerate(self._results):
            g = bundle.get(i)
            if g is None and shape is not None and self._materialize:
                g = _zeros(shape, dtype)
            grads.append(g)
        before, self._joint = self._joint, joint     # backward may sweep the same graph
        try:
            found = self._function._derivative()(self, *grads)
        finally:
            self._joint = before
        if not isinstance(found, tuple):
            found = (found,)
        if len(found) > self._n_args and not any(g is not None for g in found[self._n_args:]):
            found = found[:self._n_args]
        if len(found) != self._n_args:
            raise RuntimeError(f"function {self._name} returned an incorrect number of gradients "
                               f"(expected {self._n_args}, got {len(found)})")
        for i, g in enumerate(found):
            if g is not None and not isinstance(g, Tensor):
                raise TypeError(f"function {self._name} returned a gradient at index {i} of type "
                                f"{type(g).__name__}, expected a Tensor or None")
            if g is not None and i not in self._positions:
                raise RuntimeError(f"function {self._name} returned a gradient different from None "
                                   f"at position {i + 1}, but the corresponding forward input was "
                                   "not a Variable")
        return [found[i] for i in self._positions]


def _zeros(shape: Any, dtype: Any) -> Tensor:
    import cgrad

    return cgrad.zeros(shape, dtype=dtype)


class Function:
    """Base of operations with a derivative of their own.

    Define two static methods and call the class by `apply`::

        >>> class Exp(cgrad.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         y = x.exp()
        ...         ctx.save_for_backward(y)
        ...         return y
        ...     @staticmethod
        ...     def backward(ctx, grad):
        ...         (y,) = ctx.saved_tensors
        ...         return grad * y
        >>> x = cgrad.tensor(0.0, requires_grad=True)
        >>> Exp.apply(x).backward()
        >>> x.grad
        tensor(1.)

    ``forward(ctx, *args)`` may be split into ``forward(*args)`` and
    ``setup_context(ctx, inputs, output)``. It runs without recording. ``backward(ctx, *grads)``
    gets a gradient for each result and returns one for each argument (None for what is no tensor
    or needs none). Written in differentiable operations it can be differentiated again.
    """

    _context: type[FunctionCtx] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(f"{type(self)} should not be instantiated. Methods on autograd "
                           "functions are all static, so you should invoke them on the class "
                           "itself: call its apply().")

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """``forward(ctx, *args)`` or, with setup_context, ``forward(*args)``: the results."""
        raise NotImplementedError("You must implement the forward function for custom "
                                  "autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """``setup_context(ctx, inputs, output)``: what backward needs, after forward(*args)."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """``backward(ctx, *grads)``: a gradient for each argument of forward."""
        raise NotImplementedError("You must implement either the backward or vjp method for your "
                                  "custom autograd.Function to use it with backward mode AD.")

    vjp = backward

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """Not used: forward-mode derivatives come from `cgrad.func.jvp`."""
        raise NotImplementedError("jvp of a custom Function is not used")

    @classmethod
    def _derivative(cls) -> Callable[..., Any]:
        return cls.vjp if cls.vjp is not Function.vjp else cls.backward

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Compute forward and record the call as one operation.

        Raises:
            TypeError: keyword arguments, or results that are neither tensors nor other values.
        """
        if kwargs:
            raise TypeError(f"{cls.__name__}.apply() takes no keyword arguments")
        context = cls.__dict__.get("_context")
        if context is None:
            name = cls.__name__ + "Backward"
            context = type(name, (FunctionCtx,), {"_name": name, "_function": cls})
            cls._context = context
        ctx = context()
        positions = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        needed = [False] * len(args)
        for i in positions:
            needed[i] = args[i].requires_grad
        ctx.needs_input_grad = tuple(needed)
        recording = is_grad_enabled() and True in needed
        # The arguments as they are now: forward may change them.
        event = begin_function(cls.__name__)
        try:
            joint = _engine.join(ctx, [args[i] for i in positions]) if recording else None
            with no_grad():
                if cls.setup_context is Function.setup_context:
                    output = cls.forward(ctx, *args)
                else:
                    output = cls.forward(*args)
                    cls.setup_context(ctx, args, output)
        finally:
            end_range(event)
        single = not isinstance(output, tuple)
        results = [output] if single else list(output)
        for i, y in enumerate(results):
            if single and y is not None and not isinstance(y, Tensor):
                raise TypeError(f"{ctx._name}: expected to get Tensor as result, but got "
                                f"{type(y).__name__}")
            if isinstance(y, Tensor) and joint is None:
                results[i] = _as_result(ctx, y, args)
        if joint is not None:
            ctx._positions, ctx._n_args = positions, len(args)
            results = _record(ctx, joint, results, args)
        return results[0] if single else tuple(results)


def _among(tensor: Any, others: Any) -> bool:
    return id(tensor) in map(id, others)


def _as_result(ctx: FunctionCtx, y: Tensor, args: tuple[Any, ...]) -> Tensor:
    # An argument handed through unchanged is a result of its own over the same memory.
    return y.view_as(y) if _among(y, args) and not _among(y, ctx._dirty) else y


def _record(ctx: FunctionCtx, joint: Any, results: list[Any], args: tuple[Any, ...]) -> list[Any]:
    differentiable = [
        isinstance(y, Tensor) and y.dtype.is_floating_point and not _among(y, ctx._constant)
        for y in results
    ]
    for t in ctx._dirty:
        if not _among(t, results):
            raise RuntimeError("Some elements marked as dirty during the forward method were not "
                               "returned as output. The inputs that are modified inplace must all "
                               "be outputs of the Function.")
    before, final = list(results), list(results)
    for i, y in enumerate(results):
        if not isinstance(y, Tensor):
            ctx._results.append((None, None))
            continue
        ctx._results.append((y.shape, y.dtype))
        if _among(y, ctx._dirty):
            if differentiable[i]:
                joint.change(y, i, ctx._name)
        elif not differentiable[i]:
            if _among(y, args):
                final[i] = y.detach()
        elif _among(y, args):
            final[i] = joint.alias(y, i)
        else:
            final[i] = joint.connect(y, i)
    ctx._keep(before, differentiable)
    ctx._dirty = ctx._constant = ()      # results now: the context must not hold them
    return final


class InplaceFunction(Function):
    """A :class:`Function`, under the name that operations in place had."""


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """For a backward that cannot be differentiated itself: a second derivative raises.

    Backward runs without recording; with ``create_graph=True`` its results raise RuntimeError
    when somebody differentiates them.
    """

    @functools.wraps(fn)
    def wrapper(ctx: Any, *args: Any) -> Any:
        with no_grad():
            found = fn(ctx, *args)
        if not is_grad_enabled() or not any(isinstance(g, Tensor) and g.requires_grad
                                            for g in args):
            return found
        grads = found if isinstance(found, tuple) else (found,)
        dependent = [g for g in args if isinstance(g, Tensor) and g.requires_grad]
        grads = tuple(_Once.apply(g.detach(), *dependent) if isinstance(g, Tensor) else g
                      for g in grads)
        return grads if isinstance(found, tuple) else grads[0]

    return wrapper


class _Once(Function):
    @staticmethod
    def forward(ctx: Any, g: Any, *dependent: Any) -> Any:
        return g.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise RuntimeError("trying to differentiate twice a function that was marked with "
                           "@once_differentiable")
