"""Rows of a table, looked up by index."""

from __future__ import annotations

from typing import Any

import cgrad
from cgrad import Tensor, _functions
from cgrad._composite.register import check_tensor
from cgrad.autograd import Function

__all__ = [
    "embedding", "embedding_bag", "one_hot",
]  # fmt: skip


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Look up rows of a table: ``weight[input]``.

    Args:
        input: integer indices of any shape (*).
        weight: the table, shape (V, E).
        padding_idx: a row that receives no gradient; may count from the end. Default: none
        max_norm: rows that are used and whose norm is greater are shortened to it, in place.
        norm_type: the p of that norm. Default: 2
        scale_grad_by_freq: divide the gradient of a row by how often its index occurs.
        sparse: the gradient of the table holds only the rows that were looked up; optimizers
            that take it are SGD and SparseAdam. Default: ``False``

    Returns:
        Tensor: shape (*, E).

    Raises:
        AssertionError: ``padding_idx`` is not a row of the table.
        IndexError: an index is not a row of the table.

    Example::

        >>> table = cgrad.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> cgrad.nn.functional.embedding(cgrad.tensor([1, 0, 1]), table)
        tensor([[3., 4.],
                [1., 2.],
                [3., 4.]])
    """
    if padding_idx is not None:
        rows = weight.shape[0]
        if not -rows <= padding_idx < rows:
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx %= rows
    if max_norm is not None:
        _renormalize(weight, input, max_norm, norm_type)
    if scale_grad_by_freq:
        if sparse:
            raise RuntimeError("embedding_backward: scale_grad_by_freq not supported with sparse "
                               "gradients")
        found: Tensor = _Frequency.apply(_functions.embedding(weight, input, padding_idx), input)
        return found
    look_up = _functions.embedding_sparse if sparse else _functions.embedding
    return look_up(weight, input, padding_idx)


def _renormalize(weight: Tensor, input: Tensor, max_norm: float, norm_type: float) -> None:
    # Shorten the rows that are used and too long, in place (PyTorch's embedding_renorm_).
    with cgrad.no_grad():
        rows = input.reshape(-1).unique()
        used = weight.detach()[rows]
        norms = used.norm(norm_type, 1, True)
        used = cgrad.where(norms > max_norm, used * (max_norm / (norms + 1e-7)), used)
        weight[rows] = used


class _Frequency(Function):
    """The identity, with the gradient of each row divided by how often its index occurs."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, input: Tensor) -> Tensor:
        _, place, count = input.unique(return_inverse=True, return_counts=True)
        ctx.factor = 1.0 / count[place].unsqueeze(-1).to(rows.dtype)
        return rows

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        return grad * ctx.factor, None


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Sums, means or maxima of bags of rows of a table.

    Args:
        input: integer indices: shape (B, N), a bag a row, or (N), cut into bags by ``offsets``.
        weight: the table, shape (V, E).
        offsets: where each bag begins in an ``input`` of one dimension, shape (B).
        max_norm, norm_type, scale_grad_by_freq, sparse: as for :func:`embedding`.
        mode: ``"sum"``, ``"mean"`` or ``"max"``; an empty bag gives zeros. Default: ``"mean"``
        per_sample_weights: factors of the rows, of the shape of ``input``; for ``"sum"`` only.
        include_last_offset: the last of ``offsets`` is the end of the last bag.
        padding_idx: an index that counts for nothing; may count from the end. Default: none

    Returns:
        Tensor: shape (B, E).

    Raises:
        ValueError: shapes do not fit, or the mode is unknown.
        IndexError: an index is not a row of the table.

    Example::

        >>> table = cgrad.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> cgrad.nn.functional.embedding_bag(cgrad.tensor([[0, 1], [1, 1]]), table)
        tensor([[2., 3.],
                [3., 4.]])
    """
    if weight.dtype == cgrad.int64 and input.dtype.is_floating_point:
        raise ValueError("embedding_bag: the order of the arguments is (input, weight, ...)")
    if per_sample_weights is not None and input.shape != per_sample_weights.shape:
        raise ValueError(f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is "
                         f"not None, then it must have the same shape as the input ({input.shape})")
    if weight.dim() != 2:
        raise ValueError(f"weight has to be a 2D Tensor, but got Tensor of dimension "
                         f"{weight.dim()}")
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if mode == "max" and scale_grad_by_freq:
        raise ValueError("max mode does not support scaling the gradient by the frequency")
    if mode == "max" and sparse:
        raise ValueError("max mode does not support sparse weights")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError("embedding_bag: per_sample_weights was not None. "
                                  "per_sample_weights is only supported for mode='sum' (got "
                                  f"mode='{mode}').")
    bag, bags = _bags(input, offsets, include_last_offset)
    input = input.reshape(-1)
    factors = None if per_sample_weights is None else per_sample_weights.reshape(-1, 1)
    rows = weight.shape[0]
    if padding_idx is not None:
        if not -rows <= padding_idx < rows:
            raise AssertionError("padding_idx must be within the number of embeddings")
        keep = input != padding_idx % rows
        input, bag = input[keep], bag[keep]
        factors = factors if factors is None else factors[keep]
    found = embedding(input, weight, None, max_norm, norm_type, scale_grad_by_freq, sparse)
    found = found if factors is None else found * factors
    zeros = cgrad.zeros(bags, weight.shape[1], dtype=weight.dtype)
    if mode == "max":
        return zeros.index_reduce(0, bag, found, "amax", include_self=False)
    total = zeros.index_add(0, bag, found)
    if mode == "sum":
        return total
    count = cgrad.bincount(bag, minlength=bags).clamp(min=1).to(weight.dtype)
    return total / count.unsqueeze(1)


def _bags(input: Tensor, offsets: Tensor | None, last: bool) -> tuple[Tensor, int]:
    # The bag of each index, and how many bags there are.
    if input.dim() == 2:
        if offsets is not None:
            raise ValueError("if input is 2D, then offsets has to be None, as input is treated is "
                             "a mini-batch of fixed length sequences. However, found offsets of "
                             f"type {type(offsets)}")
        b, n = input.shape
        return cgrad.arange(b).repeat_interleave(n), b
    if input.dim() != 1:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension "
                         f"{input.dim()}")
    if offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    if offsets.dim() != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    n, bags = input.shape[0], offsets.shape[0]
    if last:
        if bags == 0:
            raise RuntimeError("include_last_offset: number of offsets should be at least 1")
        bags -= 1
    if bags and int(offsets[0]) != 0:
        raise RuntimeError("offsets[0] has to be 0, i.e., the first sequence in the mini-batch has "
                           f"to start from position 0. However, got {int(offsets[0])}")
    starts = offsets[:bags].to(cgrad.int64)
    if bags and (int(starts.max()) > n or bool((starts[1:] < starts[:-1]).any())):
        raise RuntimeError(f"offsets have to rise and not to exceed input's length {n}, but got "
                           f"{offsets.tolist()}")
    bag = cgrad.searchsorted(starts, cgrad.arange(n), right=True) - 1
    return bag, bags


def one_hot(input: Tensor, num_classes: int = -1) -> Tensor:
    """Return int64 rows with a one at the place each index names.

    Args:
        input: non-negative int64 indices of any shape (*).
        num_classes: length of the rows. Default: the largest index plus one

    Returns:
        Tensor: shape (*, num_classes).

    Raises:
        RuntimeError: an index is negative or not below ``num_classes``, or the number of
            classes cannot be inferred from an empty tensor.

    Example::

        >>> cgrad.nn.functional.one_hot(cgrad.tensor([2, 0]), 3)
        tensor([[0, 0, 1],
                [1, 0, 0]])
    """
    check_tensor("one_hot", input)
    if input.dtype != cgrad.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if input.numel() == 0:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return cgrad.zeros(*input.shape, num_classes, dtype=cgrad.int64)
    if int(input.min()) < 0:
        raise RuntimeError("one_hot: Class values must be non-negative.")
    largest = int(input.max())
    if num_classes == -1:
        num_classes = largest + 1
    elif num_classes <= largest:
        raise RuntimeError("one_hot: Class values must be smaller than num_classes.")
    return (input.unsqueeze(-1) == cgrad.arange(num_classes)).to(cgrad.int64)
