"""Sequences of different lengths in one tensor: padded, or packed time step after time step."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import cgrad
from cgrad import Tensor

__all__ = [
    "PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence",
    "pad_packed_sequence", "pad_sequence", "unpack_sequence", "unpad_sequence",
]  # fmt: skip


class _PackedSequence(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_PackedSequence):
    """Sequences sorted by falling length, stored step after step without padding.

    Attributes:
        data: all elements; first those at step 0 of every sequence, then those at step 1, ...
        batch_sizes: how many sequences reach each step; int64.
        sorted_indices: the permutation that sorted the sequences, or None.
        unsorted_indices: its inverse, or None.

    Example::

        >>> packed = cgrad.nn.utils.rnn.pack_sequence([cgrad.tensor([1, 2]), cgrad.tensor([3])])
        >>> packed.data, packed.batch_sizes
        (tensor([1, 3, 2]), tensor([2, 1]))
    """

    def __new__(
        cls,
        data: Any,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is None:
            if not (isinstance(data, (list, tuple)) and len(data) == 2):
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Convert the data; the packed sequence itself when nothing changes."""
        data = self.data.to(*args, **kwargs)
        return self if data is self.data else type(self)(data, *self[1:])

    def cpu(self, *args: Any, **kwargs: Any) -> PackedSequence:
        return self

    def pin_memory(self) -> PackedSequence:
        return self

    def double(self) -> PackedSequence:
        return self.to(dtype=cgrad.float64)

    def float(self) -> PackedSequence:
        return self.to(dtype=cgrad.float32)

    def long(self) -> PackedSequence:
        return self.to(dtype=cgrad.int64)

    def int(self) -> PackedSequence:
        return self.to(dtype=cgrad.int32)

    @property
    def is_cuda(self) -> bool:
        return False

    def is_pinned(self) -> bool:
        return False


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes ``permutation``; None for None.

    Example::

        >>> cgrad.nn.utils.rnn.invert_permutation(cgrad.tensor([2, 0, 1]))
        tensor([1, 2, 0])
    """
    return None if permutation is None else cgrad.argsort(permutation)


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack padded sequences.

    Args:
        input: shape (T, B, *), or (B, T, *) with ``batch_first``.
        lengths: of each sequence; a list or tensor.
        batch_first: whether the batch comes first. Default: ``False``
        enforce_sorted: the sequences are sorted by falling length already; otherwise they are
            sorted here. Default: ``True``

    Raises:
        RuntimeError: a length is not positive or greater than T, the lengths are not sorted, or
            their number is not B.

    Example::

        >>> padded = cgrad.tensor([[1.0, 2.0], [3.0, 0.0]])
        >>> cgrad.nn.utils.rnn.pack_padded_sequence(padded, [2, 1], batch_first=True).data
        tensor([1., 3., 2.])
    """
    lengths = cgrad.as_tensor(lengths, dtype=cgrad.int64)
    sorted_indices = None
    if not enforce_sorted:
        lengths, sorted_indices = cgrad.sort(lengths, descending=True)
        input = input.index_select(0 if batch_first else 1, sorted_indices)
    if batch_first:
        input = input.transpose(0, 1)
    if input.numel() == 0:
        raise RuntimeError("Cannot pack empty tensors.")
    sizes = [int(n) for n in lengths.tolist()]
    if len(sizes) != input.shape[1]:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} "
            f"(batch_size={input.shape[1]})"
        )
    if sizes[-1] <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, "
            "but found an element in 'lengths' that is <= 0"
        )
    if sizes != sorted(sizes, reverse=True):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. "
            "You can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence "
            "to sidestep this requirement."
        )
    if sizes[0] > input.shape[0]:
        raise RuntimeError(
            f"Expected lengths of at most {input.shape[0]}, the padded length, but got {sizes[0]}"
        )
    counts = [sum(n > t for n in sizes) for t in range(sizes[0])]
    data = cgrad.cat([input[t, :n] for t, n in enumerate(counts)])
    return PackedSequence(data, cgrad.tensor(counts, dtype=cgrad.int64), sorted_indices, None)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Undo :func:`pack_padded_sequence`.

    Args:
        sequence: the packed sequences.
        batch_first: return (B, T, *) instead of (T, B, *). Default: ``False``
        padding_value: fills what no sequence reaches. Default: 0
        total_length: pad to this length. Default: that of the longest sequence

    Returns:
        tuple: the padded sequences in their original order, and their lengths.

    Example::

        >>> packed = cgrad.nn.utils.rnn.pack_sequence([cgrad.tensor([1, 2]), cgrad.tensor([3])])
        >>> cgrad.nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
        (tensor([[1, 2],
                [3, 0]]), tensor([2, 1]))
    """
    counts = [int(n) for n in sequence.batch_sizes.tolist()]
    steps = len(counts)
    if total_length is not None and total_length < steps:
        raise ValueError(
            "Expected total_length to be at least the length "
            "of the longest sequence in input, but got "
            f"total_length={total_length} and max sequence length being {steps}"
        )
    length, batch = (steps if total_length is None else total_length), counts[0]
    # Row t * batch + b of the padded tensor is step t of sequence b.
    where = [t * batch + b for t, n in enumerate(counts) for b in range(n)]
    blank = sequence.data.new_full((length * batch, *sequence.data.shape[1:]), padding_value)
    padded = blank.index_copy(0, cgrad.tensor(where, dtype=cgrad.int64), sequence.data)
    padded = padded.view(length, batch, *sequence.data.shape[1:])
    lengths = cgrad.tensor([sum(n > b for n in counts) for b in range(batch)], dtype=cgrad.int64)
    if sequence.unsorted_indices is not None:
        padded = padded.index_select(1, sequence.unsorted_indices)
        lengths = lengths[sequence.unsorted_indices]
    return (padded.transpose(0, 1) if batch_first else padded), lengths


def pad_sequence(
    sequences: Iterable[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Stack sequences of different lengths, padding the shorter ones.

    Args:
        sequences: tensors of shape (L, *), the same * in all.
        batch_first: return (B, T, *) instead of (T, B, *). Default: ``False``
        padding_value: fills the rest. Default: 0
        padding_side: ``"right"`` or ``"left"``. Default: ``"right"``

    Example::

        >>> cgrad.nn.utils.rnn.pad_sequence([cgrad.ones(3), cgrad.ones(1)]).tolist()
        [[1.0, 1.0], [1.0, 0.0], [1.0, 0.0]]
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            "pad_sequence: Expected iterable for input sequences, but got arg of type: "
            f"{type(sequences)}"
        )
    listed = list(sequences)
    if not listed:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("right", "left"):
        raise RuntimeError(f"padding_side must be 'right' or 'left', got {padding_side!r}")
    longest = max(t.shape[0] for t in listed)
    columns = []
    for t in listed:
        fill = t.new_full((longest - t.shape[0], *t.shape[1:]), padding_value)
        columns.append(cgrad.cat([t, fill] if padding_side == "right" else [fill, t]))
    padded: Tensor = cgrad.stack(columns, 0 if batch_first else 1)
    return padded


def unpad_sequence(
    padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False
) -> list[Tensor]:
    """The sequences of a padded tensor, each at its own length.

    Example::

        >>> padded = cgrad.tensor([[1, 2], [3, 0]])
        >>> cgrad.nn.utils.rnn.unpad_sequence(padded, cgrad.tensor([2, 1]), batch_first=True)
        [tensor([1, 2]), tensor([3])]
    """
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    sizes = [int(n) for n in lengths.tolist()]
    if len(sizes) != padded_sequences.shape[0]:
        raise ValueError(f"got {len(sizes)} lengths for {padded_sequences.shape[0]} sequences")
    return [padded_sequences[b, : max(n, 0)] for b, n in enumerate(sizes)]


def pack_sequence(sequences: list[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack a list of sequences, see :func:`pack_padded_sequence`.

    Example::

        >>> cgrad.nn.utils.rnn.pack_sequence([cgrad.tensor([1, 2]), cgrad.tensor([3])]).data
        tensor([1, 3, 2])
    """
    lengths = [t.shape[0] for t in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """Undo :func:`pack_sequence`.

    Example::

        >>> packed = cgrad.nn.utils.rnn.pack_sequence([cgrad.tensor([1, 2]), cgrad.tensor([3])])
        >>> cgrad.nn.utils.rnn.unpack_sequence(packed)
        [tensor([1, 2]), tensor([3])]
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
