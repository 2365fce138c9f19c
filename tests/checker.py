"""Derivatives against two-sided differences, in float64.

Independent of `cgrad.autograd.gradcheck` on purpose: this checker sees nothing of the package but
`tensor`, `autograd.grad` and the function under test, works on copies made from NumPy arrays, and
may be pointed at another library with the same interface (`xp`).

A function of several inputs and outputs is made a number, Σ <output, w>, with fixed random w.
`check_gradients` compares its gradient with the change of that number.  `check_second` compares
the gradient of <gradient, v>, v random, also with respect to w, with its change.
"""
from __future__ import annotations

import numpy as np

import cgrad

STEP = 1e-6


class WrongDerivative(AssertionError):
    """A derivative and a difference quotient disagree; the message lists the worst entries."""


def _tensors(output):
    """The differentiable outputs of a function, which may return one tensor or a sequence."""
    outputs = output if isinstance(output, (tuple, list)) else (output,)
    return [y for y in outputs if y.requires_grad]


def _weights(outputs, seed):
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.uniform(0.5, 1.5, tuple(y.shape)) * rng.choice([-1, 1], tuple(y.shape)))
            for y in outputs]


def _dot(xp, tensors, arrays):
    total = xp.tensor(0.0, dtype=xp.float64)
    for y, w in zip(tensors, arrays):
        total = total + (y * (w if hasattr(w, "requires_grad") else xp.tensor(w))).sum()
    return total


def _differences(number, arrays, step):
    """The two-sided difference quotient of `number(arrays)` for every entry of every array."""
    quotients = []
    for a in arrays:
        quotient = np.zeros(a.shape)
        for i in np.ndindex(a.shape):
            old = a[i]
            a[i] = old + step
            above = number(arrays)
            a[i] = old - step
            below = number(arrays)
            a[i] = old
            quotient[i] = (above - below) / (2 * step)
        quotients.append(quotient)
    return quotients


def _compare(what, found, expected, rtol, atol):
    """Raise WrongDerivative unless every entry agrees; NaN never does."""
    for k, (f, e) in enumerate(zip(found, expected)):
        if f.shape != e.shape:
            raise WrongDerivative(f"{what} of input {k} has shape {f.shape}, not {e.shape}")
        scale = max(1.0, float(np.abs(e).max(initial=0.0)))
        error = np.abs(f - e)
        wrong = ~(error <= atol * scale + rtol * np.abs(e))
        if wrong.any():
            order = sorted(np.ndindex(f.shape), key=lambda i: -np.nan_to_num(error[i], nan=np.inf))
            lines = [f"  at {i}: derivative {f[i]:.12g}, difference quotient {e[i]:.12g}"
                     for i in order[:5] if wrong[i]]
            raise WrongDerivative(f"{what} of input {k}: {wrong.sum()} of {f.size} entries are "
                                  "wrong\n" + "\n".join(lines))


def _arrays_of(grads, arrays):
    return [np.zeros(a.shape) if g is None else g.detach().numpy().copy()
            for g, a in zip(grads, arrays)]


def _copies(arrays):
    return [np.array(a, dtype=np.float64) for a in arrays]


def _leaves(xp, arrays, build):
    build = build or (lambda a: xp.tensor(a))
    return [build(a.copy()).requires_grad_() for a in arrays]


def check_gradients(function, arrays, *, xp=cgrad, build=None, rtol=1e-6, atol=1e-7, step=STEP):
    """Compare the gradients of `function` at `arrays` (all differentiated) with differences.

    `build` makes the tensor of an array; it can choose the layout in memory.
    """
    arrays = _copies(arrays)
    leaves = _leaves(xp, arrays, build)
    outputs = _tensors(function(*leaves))
    if not outputs:
        raise WrongDerivative("no output requires a gradient")
    weights = _weights(outputs, seed=1)
    grads = xp.autograd.grad(outputs, leaves, [xp.tensor(w) for w in weights], allow_unused=True)

    def number(arrays):
        return _dot(xp, _tensors(function(*_leaves(xp, arrays, build))), weights).item()

    _compare("the derivative", _arrays_of(grads, arrays), _differences(number, arrays, step),
             rtol, atol)


def check_second(function, arrays, *, xp=cgrad, build=None, rtol=1e-5, atol=1e-6, step=STEP):
    """Compare the gradients of <gradient, v> with differences, v random.

    Differentiated are the inputs and the gradients of the outputs (w above), in this order.
    """
    arrays = _copies(arrays)
    n = len(arrays)
    weights = _weights(_tensors(function(*_leaves(xp, arrays, build))), seed=1)
    directions = [np.random.default_rng(2).uniform(0.5, 1.5, a.shape) for a in arrays]

    def inner(tensors):
        """<gradient, v>, counting also gradients that claim to depend on nothing."""
        grads = xp.autograd.grad(_tensors(function(*tensors[:n])), tensors[:n], tensors[n:],
                                 create_graph=True, allow_unused=True)
        used = [(g, v) for g, v in zip(grads, directions) if g is not None]
        return _dot(xp, *zip(*used))

    def leaves(arrays):
        return (_leaves(xp, arrays[:n], build)
                + [xp.tensor(w.copy()).requires_grad_() for w in arrays[n:]])

    def number(arrays):
        return inner(leaves(arrays)).item()

    everything = arrays + _copies(weights)
    tensors = leaves(everything)
    value = inner(tensors)
    grads = [None] * len(tensors)
    if value.requires_grad:
        grads = xp.autograd.grad(value, tensors, allow_unused=True)
    _compare("the second derivative", _arrays_of(grads, everything),
             _differences(number, everything, step), rtol, atol)
