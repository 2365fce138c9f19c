"""Rows of a table, looked up by index."""

from __future__ import annotations

import cgrad
from cgrad import Tensor, _functions

__all__ = [
    "embedding", "one_hot",
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
        max_norm, norm_type, scale_grad_by_freq: not supported yet.
        sparse: the gradient of the table holds only the rows that were looked up; optimizers
            that take it are SGD and SparseAdam. Default: ``False``

    Returns:
        Tensor: shape (*, E).

    Raises:
        AssertionError: ``padding_idx`` is not a row of the table.
        IndexError: an index is not a row of the table.
    """
    if max_norm is not None or scale_grad_by_freq:
        raise NotImplementedError("embedding: max_norm and scale_grad_by_freq are not supported")
    look_up = _functions.embedding_sparse if sparse else _functions.embedding
    if padding_idx is None:
        return look_up(weight, input)
    rows = weight.shape[0]
    if not -rows <= padding_idx < rows:
        raise AssertionError("Padding_idx must be within num_embeddings")
    return look_up(weight, input, padding_idx % rows)


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
    """
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
