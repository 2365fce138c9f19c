"""Kullback-Leibler divergences: a table of pairs of classes, and the most specific match."""
from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from cgrad import Tensor
from cgrad.distributions.distribution import Distribution

__all__ = ["kl_divergence", "register_kl"]

F = TypeVar("F", bound=Callable[..., Any])
Rule = Callable[[Any, Any], Tensor]

_rules: dict[tuple[type, type], Rule] = {}
_found: dict[tuple[type, type], Rule | None] = {}      # what dispatch found, until it changes


def register_kl(type_p: type, type_q: type) -> Callable[[F], F]:
    """Decorator: the function computes the divergence of a `type_p` from a `type_q`.

    Subclasses are included; of several rules that fit, the most specific one is taken.

    Raises:
        TypeError: not a subclass of Distribution.

    Example::

        >>> class MyNormal(cgrad.distributions.Normal): ...
        >>> @cgrad.distributions.register_kl(MyNormal, MyNormal)
        ... def rule(p, q):
        ...     return cgrad.zeros(())
    """
    for kind in (type_p, type_q):
        if not (isinstance(kind, type) and issubclass(kind, Distribution)):
            raise TypeError(f"register_kl: Expected a subclass of Distribution, got {kind!r}")

    def enter(function: F) -> F:
        _rules[type_p, type_q] = function
        _found.clear()
        return function

    return enter


def _dispatch(type_p: type, type_q: type) -> Rule | None:
    pairs = [(p, q) for p, q in _rules if issubclass(type_p, p) and issubclass(type_q, q)]
    if not pairs:
        return None

    def distance(pair: tuple[type, type]) -> tuple[int, int]:
        p, q = pair
        return type_p.__mro__.index(p), type_q.__mro__.index(q)

    left = min(pairs, key=distance)
    right = min(pairs, key=lambda pair: distance(pair)[::-1])
    if _rules[left] is not _rules[right]:
        names = [f"({p.__name__}, {q.__name__})" for p, q in (left, right)]
        warnings.warn(f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). Please "
                      f"register_kl{names[0]}: it is taken, {names[1]} would fit as well.",
                      RuntimeWarning, stacklevel=3)
    return _rules[left]


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """The divergence ∫ p(x) log(p(x) / q(x)) dx of two distributions, of shape batch_shape.

    Raises:
        NotImplementedError: there is no rule for this pair of classes.

    Example::

        >>> Normal = cgrad.distributions.Normal
        >>> cgrad.distributions.kl_divergence(Normal(0.0, 1.0), Normal(1.0, 1.0))
        tensor(0.5000)
    """
    pair = type(p), type(q)
    if pair not in _found:
        _found[pair] = _dispatch(*pair)
    rule = _found[pair]
    if rule is None:
        raise NotImplementedError("No KL(p || q) is implemented for p type "
                                  f"{pair[0].__name__} and q type {pair[1].__name__}")
    return rule(p, q)
