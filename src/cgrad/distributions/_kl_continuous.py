"""Divergences of continuous distributions."""
from __future__ import annotations

from cgrad import Tensor
from cgrad.distributions.kl import register_kl
from cgrad.distributions.normal import Normal


@register_kl(Normal, Normal)
def _normal(p: Normal, q: Normal) -> Tensor:
    ratio = (p.scale / q.scale).square()
    shift = ((p.loc - q.loc) / q.scale).square()
    return 0.5 * (ratio + shift - 1 - ratio.log())
