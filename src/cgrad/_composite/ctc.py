"""Connectionist temporal classification (Graves et al., 2006): the likelihood of a sequence of
labels, summed over all ways to stretch it with repetitions and blanks to the length of the input.
"""
from __future__ import annotations

from collections.abc import Sequence

import cgrad
from cgrad._composite.loss import reduced
from cgrad._composite.register import check_tensors, public
from cgrad._tensor.tensor import Tensor

# Stands for log 0: finite, so that no difference of two is NaN, and too small to be seen in a sum.
NEVER = -1e30


def _lengths(name: str, lengths: Tensor | Sequence[int] | int, batch: int) -> Tensor:
    if not isinstance(lengths, Tensor):
        lengths = cgrad.tensor(lengths, dtype=cgrad.int64)
    if lengths.dtype.is_floating_point or lengths.dtype == cgrad.bool:
        raise RuntimeError(f"ctc_loss: {name} must be integral")
    if lengths.numel() != batch:
        raise RuntimeError(f"ctc_loss: {name} must be of size batch_size: expected {batch}, got "
                           f"{list(lengths.shape)}")
    lengths = lengths.to(cgrad.int64).reshape(batch)
    if bool((lengths < 0).any()):
        raise RuntimeError(f"ctc_loss: Expected {name} to have value at least 0, but got value "
                           f"{int(lengths.min())}")
    return lengths


def _padded(targets: Tensor, lengths: Tensor, batch: int, blank: int) -> Tensor:
    # The labels as rows [N, S], with blanks behind the end.
    longest = int(lengths.max())
    place = cgrad.arange(longest)
    inside = place < lengths.unsqueeze(1)
    if targets.ndim == 1:
        total = int(lengths.sum())
        if targets.numel() != total:
            raise RuntimeError(f"ctc_loss: Expected tensor to have size {total} at dimension 0, "
                               f"but got size {targets.numel()} for targets")
        start = lengths.cumsum(0) - lengths
        index = cgrad.where(inside, start.unsqueeze(1) + place, 0)
        labels = targets[index] if targets.numel() else index
    elif targets.ndim == 2 and targets.shape[0] == batch:
        if targets.shape[1] < longest:
            raise RuntimeError(f"ctc_loss: Expected tensor to have size at least {longest} at "
                               f"dimension 1, but got size {targets.shape[1]} for targets")
        labels = targets[:, :longest]
    else:
        raise RuntimeError(f"ctc_loss: targets must be of shape (N, S), N = {batch}, or (sum of "
                           f"target_lengths), but got {list(targets.shape)}")
    return cgrad.where(inside, labels.to(cgrad.int64), blank)


@public(method=False)
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[int] | int,
    target_lengths: Tensor | Sequence[int] | int,
    blank: int = 0,
    reduction: str | int = 0,
    zero_infinity: bool = False,
) -> Tensor:
    """ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=0, reduction=0,
    zero_infinity=False) -> Tensor

    -log of the probability that a sequence of labels comes out when repetitions are merged and
    blanks removed.  The gradient is that of this formula for any `log_probs`; PyTorch's holds after
    a log_softmax only, whose gradient does not see the difference.

    Args:
        log_probs: logarithms of probabilities, (T, N, C) or (T, C).
        targets: labels, (N, S), or those of all sequences one after the other.
        input_lengths: how many of the T steps count, (N) or ().
        target_lengths: how many labels there are, (N) or ().
        blank: the class that stands for no label.
        reduction: with the mean each loss is divided by the length of its target (at least 1).
        zero_infinity: losses of targets that do not fit into the input count 0, not infinity.

    Raises:
        RuntimeError: shapes, lengths or labels do not fit.

    Example::

        >>> log_probs = cgrad.zeros(4, 1, 3).log_softmax(2)
        >>> lengths = (cgrad.tensor([4]), cgrad.tensor([2]))
        >>> cgrad.ctc_loss(log_probs, cgrad.tensor([[1, 2]]), *lengths, reduction=1)
        tensor(0.8432)
    """
    check_tensors("ctc_loss", log_probs=log_probs)
    if log_probs.ndim not in (2, 3):
        raise RuntimeError("ctc_loss: log_probs must be of shape (T, N, C) or (T, C), but got "
                           f"{list(log_probs.shape)}")
    if not log_probs.dtype.is_floating_point:
        raise NotImplementedError("ctc_loss: log_probs must be of floating point, but got "
                                  f"{log_probs.dtype}")
    if log_probs.numel() == 0:
        raise RuntimeError("ctc_loss: log_probs tensor must not be empty")
    single = log_probs.ndim == 2
    x = log_probs.unsqueeze(1) if single else log_probs
    steps, batch, classes = x.shape
    if not 0 <= blank < classes:
        raise RuntimeError(f"ctc_loss: blank must be in label range: 0 <= {blank} < {classes}")
    n_in = _lengths("input_lengths", input_lengths, batch)
    n_out = _lengths("target_lengths", target_lengths, batch)
    if int(n_in.max()) > steps:
        raise RuntimeError(f"ctc_loss: Expected input_lengths to have value at most {steps}, but "
                           f"got value {int(n_in.max())}")
    labels = _padded(targets, n_out, batch, blank)
    if bool(((labels < 0) | (labels >= classes)).any()):
        raise RuntimeError(f"ctc_loss: targets must be labels from 0 to {classes - 1}")

    # States are blank, label, blank, label, ..., blank.  A step stays, goes on by one, or skips the
    # blank between two different labels.  The two columns in front of the states make the start a
    # step like any other: it leads from the second one to the first blank or the first label.
    width = 2 * labels.shape[1] + 1
    states = cgrad.full((batch, width), blank, dtype=cgrad.int64)
    states[:, 1::2] = labels
    emitted = x.gather(2, states.expand(steps, batch, width)).clamp(min=NEVER)
    before = states[:, :-2]
    skips = cgrad.cat([cgrad.tensor([[False, True]]).expand(batch, 2)[:, :width],
                       (states[:, 2:] != blank) & (states[:, 2:] != before)], 1)
    barred = cgrad.where(skips, 0.0, NEVER).to(x.dtype)
    never = cgrad.full((batch, 2), NEVER, dtype=x.dtype)
    alpha = cgrad.full((batch, width + 2), NEVER, dtype=x.dtype)
    alpha[:, 1] = 0.0
    alphas = [alpha]
    for block in emitted.split(32):      # the gradient of a slice is as large as what it is cut of
        for here in block.unbind(0):
            reached = cgrad.stack([alpha[:, 2:], alpha[:, 1:-1], alpha[:, :-2] + barred])
            alpha = cgrad.cat([never, reached.logsumexp(0) + here], 1)
            alphas.append(alpha)

    row = cgrad.arange(batch)
    last = cgrad.stack(alphas)[n_in, row]
    loss = -cgrad.stack([last[row, 2 * n_out + 1], last[row, 2 * n_out + 2]]).logsumexp(0)
    loss = cgrad.where(loss > -NEVER / 2, 0.0 if zero_infinity else float("inf"), loss)
    if reduction in ("mean", 1):
        loss = loss / n_out.clamp(min=1)
    elif single:
        loss = loss.reshape(())
    return reduced(loss, reduction)
