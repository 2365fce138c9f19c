"""Layers whose input is integer indices."""
from __future__ import annotations

from typing import Any

import cgrad
from cgrad import Tensor
from cgrad.nn import functional as F
from cgrad.nn import init
from cgrad.nn.modules.module import Module
from cgrad.nn.parameter import Parameter

__all__ = ["Embedding"]


class Embedding(Module):
    """A table of vectors, looked up by index.

    Args:
        num_embeddings: number of rows V.
        embedding_dim: length of a row E.
        padding_idx: a row that starts as zeros and is never trained; may count from the end.
            Default: none
        max_norm, norm_type, scale_grad_by_freq: see :func:`cgrad.nn.functional.embedding`.
        sparse: gradients hold only the rows that were looked up, for SparseAdam, Adagrad and SGD.
            Default: ``False``
        device: only the CPU. Default: ``None``
        dtype: of the table. Default: float32

    Shape:
        - Input: (*), integers.
        - Output: (*, E).

    Attributes:
        weight: the table, shape (V, E), drawn from N(0, 1).

    Raises:
        AssertionError: ``padding_idx`` is not a row.
        IndexError: in ``forward``, an index is not a row.

    Example::

        >>> table = cgrad.nn.Embedding(10, 3, padding_idx=0)
        >>> table(cgrad.tensor([[0, 2]]))[0, 0].tolist()
        [0.0, 0.0, 0.0]
    """

    weight: Tensor

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise AssertionError("Padding_idx must be within num_embeddings")
            padding_idx %= num_embeddings
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = padding_idx
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        shape = (num_embeddings, embedding_dim)
        if _weight is None:
            empty = cgrad.empty(shape, device=device, dtype=dtype)
            self.weight = Parameter(empty, requires_grad=not _freeze)
            self.reset_parameters()
        elif tuple(_weight.shape) != shape:
            raise AssertionError(
                "Shape of weight does not match num_embeddings and embedding_dim"
            )
        else:
            self.weight = Parameter(_weight, requires_grad=not _freeze)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """Make a table of given vectors, shape (V, E); trained only with ``freeze=False``."""
        if embeddings.dim() != 2:
            raise AssertionError("Embeddings parameter is expected to be 2-dimensional")
        return cls(
            embeddings.shape[0], embeddings.shape[1], padding_idx, max_norm, norm_type,
            scale_grad_by_freq, sparse,
            _weight=embeddings, _freeze=freeze,
        )  # fmt: skip

    def reset_parameters(self) -> None:
        """Draw the table anew, with zeros at ``padding_idx``."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with cgrad.no_grad():
                self.weight[self.padding_idx].fill_(0)

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(
            input, self.weight, self.padding_idx, self.max_norm, self.norm_type,
            self.scale_grad_by_freq, self.sparse,
        )  # fmt: skip

    def extra_repr(self) -> str:
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        if self.padding_idx is not None:
            text += f", padding_idx={self.padding_idx}"
        if self.sparse:
            text += ", sparse=True"
        return text
