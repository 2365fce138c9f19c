"""Points that fill a cube more evenly than random ones."""
from __future__ import annotations

from typing import Any

import cgrad
from cgrad import Tensor

__all__ = ["SobolEngine"]


class SobolEngine:
    """Points of Sobol's sequence in the unit cube (Joe and Kuo 2008), scrambled or not.

    It is SciPy's sequence (the extra ``reference`` installs SciPy); without scrambling the points
    are PyTorch's.

    Args:
        dimension: of the cube, 1 to 21201.
        scramble: randomize the points, and keep how evenly they lie. Default: ``False``
        seed: of the scrambling. Default: a random one

    Raises:
        ValueError: the dimension is out of range.
        ImportError: SciPy is not installed.

    Example::

        >>> cgrad.quasirandom.SobolEngine(2).draw(3)
        tensor([[0.0000, 0.0000],
                [0.5000, 0.5000],
                [0.7500, 0.2500]])
    """

    MAXBIT = 30
    MAXDIM = 21201

    def __init__(self, dimension: int, scramble: bool = False, seed: int | None = None) -> None:
        if not 1 <= dimension <= self.MAXDIM:
            raise ValueError(f"SobolEngine: dimension must be in [1, {self.MAXDIM}], got "
                             f"{dimension}")
        try:
            from scipy.stats import qmc  # type: ignore[import-untyped]
        except ImportError:
            raise ImportError("cgrad.quasirandom.SobolEngine needs SciPy: install the extra "
                              "cgrad[reference], or scipy") from None
        self.dimension = dimension
        self.scramble = scramble
        self.seed = seed
        self._points: Any = qmc.Sobol(dimension, scramble=scramble, seed=seed, bits=self.MAXBIT)

    @property
    def num_generated(self) -> int:
        """How many points have been drawn."""
        return int(self._points.num_generated)

    def draw(self, n: int = 1, out: Tensor | None = None, dtype: Any = None) -> Tensor:
        """The next ``n`` points, as a tensor of shape (n, dimension)."""
        import warnings

        with warnings.catch_warnings():
            # SciPy warns when n is no power of two.
            warnings.simplefilter("ignore", UserWarning)
            points = cgrad.tensor(self._points.random(n),
                                  dtype=cgrad.get_default_dtype() if dtype is None else dtype)
        return points if out is None else out.resize_(points.shape).copy_(points)

    def draw_base2(self, m: int, out: Tensor | None = None, dtype: Any = None) -> Tensor:
        """The next ``2**m`` points.

        Raises:
            ValueError: then the number of points drawn would be no power of two.
        """
        n = 2**m
        total = self.num_generated + n
        if total & (total - 1):
            raise ValueError(f"SobolEngine.draw_base2: {self.num_generated} points have been drawn "
                             f"and {n} more make {total}, which is no power of 2; use draw()")
        return self.draw(n, out, dtype)

    def reset(self) -> SobolEngine:
        """Start again."""
        self._points.reset()
        return self

    def fast_forward(self, n: int) -> SobolEngine:
        """Leave out the next ``n`` points."""
        self._points.fast_forward(n)
        return self

    def __repr__(self) -> str:
        parts = [f"dimension={self.dimension}"]
        if self.scramble:
            parts.append("scramble=True")
        if self.seed is not None:
            parts.append(f"seed={self.seed}")
        return f"{type(self).__name__}({', '.join(parts)})"
