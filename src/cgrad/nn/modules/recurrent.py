"""One direction of one recurrent layer, over a whole sequence, as a differentiable function."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad._engine import recurrent
from cgrad.autograd import Function


class _Layer(Function):
    """Values and gradients by _engine/recurrent.pyx; higher derivatives by the single steps."""

    @staticmethod
    def forward(
        ctx: Any, steps: Callable, mode: str, reverse: bool, x: Tensor, h: Tensor, c: Tensor | None,
        w: Tensor, b: Tensor | None,
    ) -> Any:  # fmt: skip
        hs, cs, saved = recurrent.forward(mode, x, h, c, w, b, reverse)
        ctx.steps, ctx.mode, ctx.reverse = steps, mode, reverse
        ctx.save_for_backward(x, h, c, w, b, hs, cs, saved)
        ctx.set_materialize_grads(False)
        out = hs[:-1] if reverse else hs[1:]
        return out, None if cs is None else cs[0 if reverse else -1]

    @staticmethod
    def backward(ctx: Any, dout: Tensor | None, dlast: Tensor | None) -> Any:
        *given, hs, cs, saved = ctx.saved_tensors
        if cgrad.is_grad_enabled():
            return None, None, None, *_differentiable(ctx, given, dout, dlast)
        w = given[3]
        dx, dhh, dh, dc = recurrent.backward(
            ctx.mode, dout, None, dlast, hs, cs, saved, w, ctx.reverse
        )
        product = (dx if dhh is None else dhh).reshape(-1, w.shape[0])     # its gradient
        dw = db = None
        if ctx.needs_input_grad[6]:
            before = hs[1:] if ctx.reverse else hs[:-1]
            dw = product.T @ before.reshape(-1, w.shape[1])
        if ctx.needs_input_grad[7]:
            db = product.sum(0)
        return None, None, None, dx, dh[0], dc[0] if cs is not None else None, dw, db


def _differentiable(ctx: Any, given: list, dout: Tensor | None, dlast: Tensor | None) -> list:
    """The gradients as results of recorded operations."""
    x, h, c, w, b = given
    with cgrad.enable_grad():
        state = (h,) if c is None else (h, c)
        outputs, final = ctx.steps(x, state, w, b)
        results = [(cgrad.stack(outputs), dout)]
        if c is not None:
            results.append((final[1], dlast))
        results = [(y, g) for y, g in results if g is not None]
        wanted = [t for t in given if t is not None and t.requires_grad]
        grads = cgrad.autograd.grad(
            [y for y, _ in results], wanted, [g for _, g in results], create_graph=True,
            allow_unused=True,
        )  # fmt: skip
    found = {id(t): g for t, g in zip(wanted, grads)}
    return [None if t is None else found.get(id(t)) for t in given]


def layer(
    steps: Callable, mode: str, reverse: bool, x: Tensor, state: tuple[Tensor, ...], w: Tensor,
    b: Tensor | None,
) -> tuple[Tensor, tuple[Tensor, ...]]:  # fmt: skip
    """Run one direction of a layer.

    Args:
        steps: the same step by step, ``(x, state, w, b) -> (outputs, last state)``, for higher
            derivatives.
        mode: as in :class:`RNNBase`.
        reverse: from the last step to the first.
        x: projected input, shape (T, N, gates · H).
        state: (h,) or (h, c), shape (N, H) each.
        w, b: weight and bias of the state, shapes (gates · H, H) and (gates · H).

    Returns:
        (outputs, state): shape (T, N, H), and the last state.
    """
    h, c = state if len(state) == 2 else (state[0], None)
    out, last = _Layer.apply(steps, mode, reverse, x, h, c, w, b)
    h = out[0 if reverse else -1]
    return out, (h,) if c is None else (h, last)
