"""The named tuples that functions with several results give back."""
from __future__ import annotations

from typing import NamedTuple

from cgrad._tensor.tensor import Tensor


class ValuesIndices(NamedTuple):
    """Elements along a dimension, and their positions."""

    values: Tensor
    indices: Tensor


class aminmax(NamedTuple):
    """The smallest and the largest elements."""

    min: Tensor
    max: Tensor


class histogram(NamedTuple):
    """Counts, and the bounds of the bins."""

    hist: Tensor
    bin_edges: Tensor


class max(ValuesIndices):
    """Of :func:`cgrad.max` along a dimension."""


class min(ValuesIndices):
    """Of :func:`cgrad.min` along a dimension."""


class sort(ValuesIndices):
    """Of :func:`cgrad.sort`."""


class topk(ValuesIndices):
    """Of :func:`cgrad.topk`."""


class kthvalue(ValuesIndices):
    """Of :func:`cgrad.kthvalue`."""


class median(ValuesIndices):
    """Of :func:`cgrad.median` along a dimension."""


class nanmedian(ValuesIndices):
    """Of :func:`cgrad.nanmedian` along a dimension."""


class mode(ValuesIndices):
    """Of :func:`cgrad.mode`."""


class cummax(ValuesIndices):
    """Of :func:`cgrad.cummax`."""


class cummin(ValuesIndices):
    """Of :func:`cgrad.cummin`."""
