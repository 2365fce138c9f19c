"""Limited-memory BFGS."""
from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad._engine.flat import direction, dot, gather, magnitudes, move, remember
from cgrad.optim._fused import check_options
from cgrad.optim.optimizer import Optimizer, ParamsT

__all__ = ["LBFGS"]

_ARMIJO, _CURVATURE = 1e-4, 0.9  # the constants of the strong Wolfe conditions

# A point of a line search: distance, loss, slope, gradient
_Point = tuple[float, float, float, Any]


class LBFGS(Optimizer):
    """Limited-memory BFGS, for a loss that is a fixed function of the parameters.

    The direction is minus the gradient times an inverse Hessian that is made of the last
    ``history_size`` changes of gradient and parameters (Nocedal, 1980). One step makes several
    iterations and evaluates the closure several times.

    Args:
        params: tensors, or pairs of name and tensor; one group only.
        lr: the length of a step along the direction, or the first one that is tried. Default: 1
        max_iter: iterations in one step. Default: 20
        max_eval: evaluations in one step. Default: ``max_iter * 5 // 4``
        tolerance_grad: stop where no element of the gradient is greater. Default: 1e-7
        tolerance_change: stop where loss and parameters change less. Default: 1e-9
        history_size: changes that are remembered. Default: 100
        line_search_fn: ``"strong_wolfe"``: look for a length that meets the strong Wolfe
            conditions (Nocedal and Wright, 2006, algorithms 3.5 and 3.6), or ``None``.
            Default: ``None``

    Raises:
        ValueError: an option is out of range, or there are several groups.
        RuntimeError: ``line_search_fn`` is unknown.

    Example::

        >>> x = cgrad.tensor([-1.0, 2.0], requires_grad=True)
        >>> optimizer = cgrad.optim.LBFGS([x], line_search_fn="strong_wolfe")
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
        ...     loss.backward()
        ...     return loss
        >>> for _ in range(3):
        ...     loss = optimizer.step(closure)
        >>> [round(value, 3) for value in x.tolist()]
        [1.0, 1.0]
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_options(lr=lr)
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError(
                "LBFGS doesn't support per-parameter options (parameter groups)"
            )

    @property
    def _params(self) -> list[cgrad.Tensor]:
        return self.param_groups[0]["params"]

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make up to ``max_iter`` iterations; return the loss at their start.

        Args:
            closure: sets the gradients to zero, evaluates the model anew, calls ``backward`` and
                returns the loss. It is called with recording on.

        Raises:
            TypeError: there is no closure.
        """
        if closure is None:
            raise TypeError("LBFGS.step() missing 1 required positional argument: 'closure'")
        with cgrad.enable_grad():
            return self._iterate(closure)

    def _iterate(self, closure: Callable[[], Any]) -> Any:
        group = self.param_groups[0]
        params = group["params"]
        rate = float(group["lr"])
        max_iter, max_eval = group["max_iter"], group["max_eval"]
        tolerance, least = group["tolerance_grad"], group["tolerance_change"]
        search = group["line_search_fn"]
        size = group["history_size"]

        # The state belongs to all parameters; it is kept for the first one, which is how it gets
        # that one's dtype when it is loaded.
        state = self.state[params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first_loss = closure()
        loss = float(first_loss)
        evaluations = 1
        state["func_evals"] += 1
        gradient = gather(params, True)
        greatest, total = magnitudes(gradient)
        if greatest <= tolerance:
            return first_loss

        d, t = state.get("d"), state.get("t")
        ys, ss, ro = state.get("old_dirs"), state.get("old_stps"), state.get("ro")
        scale, before = state.get("H_diag"), state.get("prev_flat_grad")
        loss_before = state.get("prev_loss")
        iterations = 0
        while iterations < max_iter:
            iterations += 1
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                d, ys, ss, ro, scale = -gradient, [], [], [], 1
                t = min(1.0, 1.0 / total if total else math.inf) * rate
            else:
                scale_now = remember(gradient, before, d, t, ys, ss, ro, size)
                scale = scale if scale_now is None else scale_now
                d = direction(gradient, ys, ss, ro, scale)
                state.setdefault("al", [None] * size)
                t = rate
            before, loss_before = gradient, loss

            slope = dot(gradient, d)
            if slope > -least:
                break
            made = 0
            start = gather(params, False)
            if search is not None:
                if search != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported")

                def evaluate(t: float, start: Any = start, d: Any = d) -> _Point:
                    move(params, start, t, d)
                    loss = float(closure())
                    gradient = gather(params, True)
                    return t, loss, dot(gradient, d), gradient

                origin = (0.0, loss, slope, gradient)
                longest = magnitudes(d)[0]
                (t, loss, _, gradient), made = _strong_wolfe(
                    evaluate, origin, t, longest, least, max_eval - evaluations
                )
                move(params, start, t, d)
                greatest, total = magnitudes(gradient)
            else:
                move(params, start, t, d)
                if iterations != max_iter:
                    # After the last iteration the loss would not be used.
                    loss = float(closure())
                    gradient = gather(params, True)
                    greatest, total = magnitudes(gradient)
                    made = 1
                longest = magnitudes(d)[0]
            evaluations += made
            state["func_evals"] += made
            if (
                iterations == max_iter
                or evaluations >= max_eval
                or greatest <= tolerance
                or longest * abs(t) <= least
                or abs(loss - loss_before) < least
            ):
                break

        state.update(
            d=d, t=t, old_dirs=ys, old_stps=ss, ro=ro, H_diag=scale, prev_flat_grad=before,
            prev_loss=loss_before,
        )  # fmt: skip
        return first_loss


def _cubic_minimum(a: _Point, b: _Point, low: float, high: float) -> float:
    """The minimum between `low` and `high` of the cubic through two points with their slopes."""
    if a[0] > b[0]:
        a, b = b, a
    (x1, f1, g1, _), (x2, f2, g2, _) = a, b
    if x1 == x2:
        return (low + high) / 2
    d1 = g1 + g2 - 3 * (f1 - f2) / (x1 - x2)
    square = d1 * d1 - g1 * g2
    if not square >= 0:
        return (low + high) / 2
    d2 = math.sqrt(square)
    below = g2 - g1 + 2 * d2
    if below == 0:
        return (low + high) / 2
    return min(max(x2 - (x2 - x1) * ((g2 + d2 - d1) / below), low), high)


def _strong_wolfe(
    evaluate: Callable[[float], _Point],
    origin: _Point,
    t: float,
    longest: float,
    least: float,
    max_evaluations: int,
) -> tuple[_Point, int]:
    """A point that meets the strong Wolfe conditions, or the best one found; and evaluations.

    First the distance grows until a minimum must lie between the last two points, then the
    bracket shrinks around it.
    """
    _, loss, slope, _ = origin
    before, now = origin, evaluate(t)
    made, rounds = 1, 0
    bracket: list[_Point] = []
    done = False
    while rounds < max_evaluations:
        t = now[0]
        if now[1] > loss + _ARMIJO * t * slope or (rounds > 1 and now[1] >= before[1]):
            bracket = [before, now]
            break
        if abs(now[2]) <= -_CURVATURE * slope:
            bracket = [now]
            done = True
            break
        if now[2] >= 0:
            bracket = [before, now]
            break
        t = _cubic_minimum(before, now, t + 0.01 * (t - before[0]), t * 10)
        before, now = now, evaluate(t)
        made += 1
        rounds += 1
    if rounds >= max_evaluations:
        bracket = [origin, now]

    stuck = False
    low, high = (0, 1) if bracket[0][1] <= bracket[-1][1] else (1, 0)
    while not done and rounds < max_evaluations:
        left, right = bracket[0][0], bracket[1][0]
        if left > right:
            left, right = right, left
        if (right - left) * longest < least:
            break
        t = _cubic_minimum(bracket[0], bracket[1], left, right)
        # A point near the end of the bracket is taken once; after that, or at the very end, a
        # tenth of the length away from it.
        margin = 0.1 * (right - left)
        if min(right - t, t - left) < margin:
            if stuck or t >= right or t <= left:
                t = right - margin if abs(t - right) < abs(t - left) else left + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        now = evaluate(t)
        made += 1
        rounds += 1
        if now[1] > loss + _ARMIJO * t * slope or now[1] >= bracket[low][1]:
            bracket[high] = now
            low, high = (0, 1) if bracket[0][1] <= bracket[1][1] else (1, 0)
        else:
            if abs(now[2]) <= -_CURVATURE * slope:
                done = True
            elif now[2] * (bracket[high][0] - bracket[low][0]) >= 0:
                bracket[high] = bracket[low]
            bracket[low] = now
    return bracket[low], made
