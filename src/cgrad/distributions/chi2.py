"""The chi-squared distribution."""
from __future__ import annotations

from typing import Any

from cgrad import Tensor
from cgrad.distributions import constraints
from cgrad.distributions.gamma import Gamma
from cgrad.distributions.utils import Shape

__all__ = ["Chi2"]


class Chi2(Gamma):
    """Sum of the squares of `df` standard normal numbers: a Gamma variable of concentration df / 2
    and rate 1/2.

    Args:
        df: degrees of freedom, positive.

    Example::

        >>> cgrad.distributions.Chi2(4.0).variance
        tensor(8.)
    """

    arg_constraints = {"df": constraints.positive}

    def __init__(self, df: Tensor | float, validate_args: bool | None = None) -> None:
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: Any = None) -> Any:
        """The same distributions with a larger batch."""
        return super().expand(batch_shape, self._get_checked_instance(Chi2, _instance))

    @property
    def df(self) -> Tensor:
        """Degrees of freedom."""
        return self.concentration * 2
