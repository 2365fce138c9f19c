"""Layers and losses as functions.

Each is a function of the engine or a few lines around one: no derivative is written here.
"""
from __future__ import annotations

import math
import warnings
from typing import Any

import cgrad
from cgrad import Tensor, _functions

# The engine's own functions, with PyTorch's signature as they are.
from cgrad._functions import linear

__all__ = [
    "binary_cross_entropy_with_logits", "cross_entropy", "dropout", "elu", "embedding", "gelu",
    "hardtanh", "l1_loss", "leaky_relu", "linear", "log_softmax", "mse_loss", "nll_loss",
    "one_hot", "relu", "sigmoid", "silu", "softmax", "softplus", "tanh",
]  # fmt: skip


def _into(input: Tensor, result: Tensor, inplace: bool) -> Tensor:
    return input.copy_(result) if inplace else result


# -- activations ------------------------------------------------------------------------------


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0), elementwise."""
    return input.relu_() if inplace else cgrad.relu(input)


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x)), elementwise."""
    return cgrad.sigmoid(input)


def tanh(input: Tensor) -> Tensor:
    """Hyperbolic tangent, elementwise."""
    return cgrad.tanh(input)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x · Φ(x), Φ the standard normal distribution function (Hendrycks and Gimpel, 2016).

    Args:
        input: any shape.
        approximate: ``"none"`` for the exact form, ``"tanh"`` for
            0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))).
    """
    return _functions.gelu(input, approximate=approximate)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x · sigmoid(x), elementwise."""
    return input.silu_() if inplace else cgrad.silu(input)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta · x)) / beta; x itself where beta · x > threshold."""
    return _functions.softplus(input, beta, threshold)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where positive, negative_slope · x elsewhere."""
    return _into(input, _functions.leaky_relu(input, negative_slope), inplace)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where positive, alpha · (exp(x) - 1) elsewhere."""
    return _into(input, _functions.elu(input, alpha), inplace)


def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """x limited to [min_val, max_val]; the gradient is zero at the limits and beyond."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    # Not clamp, whose gradient is 1 at the limits.
    inside = (input > min_val).logical_and(input < max_val)
    result = cgrad.where(inside, input, input.detach().clamp(min_val, max_val))
    return _into(input, result, inplace)


def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """exp(x_i) / Σ_j exp(x_j) along ``dim``.

    Args:
        input: any shape.
        dim: the dimension whose entries sum to one; to be given.
        dtype: what to convert the input to first. Default: its own
    """
    if dim is None:
        dim = _implicit_dim("softmax", input, _stacklevel)
    return cgrad.softmax(input, dim, dtype=dtype)


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """x_i - log Σ_j exp(x_j) along ``dim``, computed without overflow; see :func:`softmax`."""
    if dim is None:
        dim = _implicit_dim("log_softmax", input, _stacklevel)
    return cgrad.log_softmax(input, dim, dtype=dtype)


def _implicit_dim(name: str, input: Tensor, stacklevel: int) -> int:
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. "
        "Change the call to include dim=X as an argument.",
        stacklevel=stacklevel,
    )
    return 0 if input.dim() in (0, 1, 3) else 1


# -- dropout and tables -----------------------------------------------------------------------


def dropout(
    input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Zero each entry with probability ``p`` and divide the others by 1 - p.

    Args:
        input: any shape.
        p: probability of a zero. Default: 0.5
        training: without it the input is returned unchanged. Default: ``True``
        inplace: overwrite the input. Default: ``False``

    Raises:
        ValueError: ``p`` is not between 0 and 1.
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0.0:
        return input
    return _into(input, _functions.dropout(input, p, True), inplace)


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
        sparse: accepted; gradients are dense all the same.

    Returns:
        Tensor: shape (*, E).

    Raises:
        AssertionError: ``padding_idx`` is not a row of the table.
        IndexError: an index is not a row of the table.
    """
    if max_norm is not None or scale_grad_by_freq:
        raise NotImplementedError("embedding: max_norm and scale_grad_by_freq are not supported")
    if padding_idx is None:
        return _functions.embedding(weight, input)
    rows = weight.shape[0]
    if not -rows <= padding_idx < rows:
        raise AssertionError("Padding_idx must be within num_embeddings")
    return _functions.embedding(weight, input, padding_idx % rows)


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


# -- losses -----------------------------------------------------------------------------------


def _reduction(reduction: str, size_average: bool | None, reduce: bool | None) -> str:
    """Check ``reduction``, or derive it from the two deprecated arguments if they are given."""
    if size_average is not None or reduce is not None:
        size_average = True if size_average is None else size_average
        reduction = "none" if reduce is False else "mean" if size_average else "sum"
        warnings.warn(
            "size_average and reduce args will be deprecated, "
            f"please use reduction='{reduction}' instead.",
            stacklevel=3,
        )
    elif reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def _reduce(loss: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return loss.mean()
    return loss.sum() if reduction == "sum" else loss


def _warn_broadcast(input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        warnings.warn(
            f"Using a target size ({tuple(target.shape)}) that is different to the input size "
            f"({tuple(input.shape)}). This will likely lead to incorrect results due to "
            "broadcasting. Please ensure they have the same size.",
            stacklevel=3,
        )


def _weighted(loss: Tensor, weight: Tensor, reduction: str) -> Tensor:
    if weight.shape != loss.shape:
        raise ValueError("Weights and input must have the same size.")
    if reduction == "mean":
        return (loss * weight).sum() / weight.sum()
    return _reduce(loss * weight, reduction)


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """(input - target)², reduced.

    Args:
        input: any shape.
        target: the same shape; others are broadcast, with a warning.
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``
        weight: factors for the entries; the mean is then divided by their sum. Default: none
    """
    reduction = _reduction(reduction, size_average, reduce)
    _warn_broadcast(input, target)
    if weight is None and input.shape == target.shape:
        return _functions.mse_loss(input, target, reduction)
    loss = (input - target).square()
    return _reduce(loss, reduction) if weight is None else _weighted(loss, weight, reduction)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """|input - target|, reduced; arguments as for :func:`mse_loss`."""
    reduction = _reduction(reduction, size_average, reduce)
    _warn_broadcast(input, target)
    if weight is None and input.shape == target.shape:
        return _functions.l1_loss(input, target, reduction)
    loss = (input - target).abs()
    return _reduce(loss, reduction) if weight is None else _weighted(loss, weight, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """-[y log σ(x) + (1 - y) log(1 - σ(x))], computed without overflow.

    Args:
        input: logits x of any shape.
        target: y in [0, 1], the same shape.
        weight: factors that broadcast to the shape. Default: none
        size_average, reduce: deprecated forms of ``reduction``.
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``
        pos_weight: factors for the first term. Default: none

    Raises:
        ValueError: the shapes differ.
    """
    reduction = _reduction(reduction, size_average, reduce)
    if target.shape != input.shape:
        raise ValueError(
            f"Target size ({tuple(target.shape)}) must be the same as "
            f"input size ({tuple(input.shape)})"
        )
    return _functions.binary_cross_entropy_with_logits(
        input, target, weight, pos_weight, reduction
    )


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log-probability of the target class, times its weight.

    Args:
        input: log-probabilities, shape (C), (N, C) or (N, C, d1, d2, …).
        target: int64 classes, shape (), (N) or (N, d1, d2, …).
        weight: a factor for each class, shape (C). Default: ones
        size_average, reduce: deprecated forms of ``reduction``.
        ignore_index: a target that counts for nothing. Default: -100
        reduction: ``"mean"`` (divided by the sum of the weights), ``"sum"`` or ``"none"``.

    Raises:
        ValueError: shapes do not fit.
        IndexError: a target is not a class.
    """
    reduction = _reduction(reduction, size_average, reduce)
    if input.dim() == 2:
        return _functions.nll_loss(input, target, weight, reduction, ignore_index)
    rows, classes, shape = _rows_of_classes(input, target)
    loss = _functions.nll_loss(rows, classes, weight, reduction, ignore_index)
    return loss.reshape(shape) if reduction == "none" else loss


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Minus the log of the softmax probability of the target class.

    Args:
        input: logits, shape (C), (N, C) or (N, C, d1, d2, …).
        target: int64 classes of shape (), (N) or (N, d1, d2, …), or probabilities of the shape
            of ``input``.
        weight: a factor for each class, shape (C). Default: ones
        size_average, reduce: deprecated forms of ``reduction``.
        ignore_index: a target that counts for nothing. Default: -100
        reduction: ``"mean"``, ``"sum"`` or ``"none"``. Default: ``"mean"``
        label_smoothing: how much of the target is spread evenly over the classes, in [0, 1].

    Raises:
        ValueError: shapes do not fit, or ``label_smoothing`` is out of range.
        IndexError: a target is not a class.

    Example::

        >>> logits = cgrad.zeros(2, 4)
        >>> loss = cgrad.nn.functional.cross_entropy(logits, cgrad.tensor([0, 3]))
        >>> round(loss.item(), 4)
        1.3863
    """
    if size_average is not None or reduce is not None:
        reduction = _reduction(reduction, size_average, reduce)
    if input.dim() == 2 and target.dim() == 1:
        return _functions.cross_entropy(
            input, target, weight, reduction, ignore_index, label_smoothing
        )
    reduction = _reduction(reduction, None, None)
    if input.shape == target.shape and target.is_floating_point():
        return _soft_cross_entropy(input, target, weight, reduction, label_smoothing)
    rows, classes, shape = _rows_of_classes(input, target)
    loss = _functions.cross_entropy(
        rows, classes, weight, reduction, ignore_index, label_smoothing
    )
    return loss.reshape(shape) if reduction == "none" else loss


def _soft_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None, reduction: str, label_smoothing: float
) -> Tensor:
    """Cross entropy against given probabilities of the classes."""
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    dim = 0 if input.dim() == 1 else 1
    if label_smoothing > 0.0:
        target = target * (1 - label_smoothing) + label_smoothing / input.shape[dim]
    terms = cgrad.log_softmax(input, dim) * target
    if weight is not None:
        terms = terms * weight.reshape(-1, *(1,) * (input.dim() - dim - 1))
    loss = -terms.sum(dim)
    if reduction == "mean":
        return loss.sum() / (input.numel() // input.shape[dim])
    return loss.sum() if reduction == "sum" else loss


def _rows_of_classes(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """Bring classes last: input to (M, C), target to (M), with the shape of a loss per entry."""
    if input.dim() == 0:
        raise ValueError("expected an input of shape (C), (N, C) or (N, C, d1, ...), got a scalar")
    shape = tuple(input.shape)
    expected = shape[2:] if input.dim() == 1 else (shape[0], *shape[2:])
    if tuple(target.shape) != expected:
        raise ValueError(
            f"Expected target of shape {expected} for input of shape {shape}, "
            f"got {tuple(target.shape)}"
        )
    if input.dim() > 2:
        input = input.movedim(1, -1)
    # Not -1 for the rows: there may be none.
    rows = math.prod(expected)
    return input.reshape(rows, -1 if rows else shape[1]), target.reshape(rows), expected
