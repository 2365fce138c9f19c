"""Sparse gradients of tables: the rows that are not zero, and where they belong.

What ``embedding(..., sparse=True)`` leaves in ``weight.grad``. It is no Tensor: it has the few
methods that optimizers and gradient clipping need, by the names PyTorch gives them.
"""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cgrad._engine.face import public as _op
from cgrad._engine.handle import all_dtypes
from cgrad._engine.handle import dtype as _dtype
from cgrad._engine.sparse import set_sparse_type
from cgrad._tensor.size import Size
from cgrad._tensor.tensor import Tensor

_INT64 = all_dtypes()[5]


class SparseTensor:
    """A tensor whose rows are zero but for ``values[i]`` at row ``indices[i]``, summed.

    Args:
        indices: int64 or int32, shape (n); rows may repeat.
        values: shape (n, *size[1:]).
        size: shape of the whole.
    """

    is_sparse = True
    requires_grad = False
    is_leaf = True

    def __init__(self, indices: Tensor, values: Tensor, size: Sequence[int],
                 coalesced: bool = False) -> None:
        self._rows = indices
        self._data = values
        self._size = Size(size)
        self._coalesced = coalesced

    @property
    def shape(self) -> Size:
        """Shape of the whole, as if it were dense."""
        return self._size

    def size(self, dim: int | None = None) -> Size | int:
        """size(dim=None): the shape, or one of its entries."""
        return self._size if dim is None else self._size[dim]

    def dim(self) -> int:
        """Number of dimensions of the whole."""
        return len(self._size)

    @property
    def dtype(self) -> _dtype:
        """The number type of the values."""
        return self._data.dtype

    def indices(self) -> Tensor:
        """The row of each entry of :meth:`values`, shape (1, n); after :meth:`coalesce`."""
        self._check_coalesced("indices")
        return self._rows.reshape(1, -1)

    def values(self) -> Tensor:
        """The rows, shape (n, *size[1:]); after :meth:`coalesce`."""
        self._check_coalesced("values")
        return self._data

    def _check_coalesced(self, name: str) -> None:
        if not self._coalesced:
            raise RuntimeError(f"Cannot get {name} on an uncoalesced tensor, please call "
                               ".coalesce() first")

    def _indices(self) -> Tensor:
        return self._rows.reshape(1, -1)

    def _values(self) -> Tensor:
        return self._data

    def _nnz(self) -> int:
        return self._rows.shape[0]

    def is_coalesced(self) -> bool:
        """Whether each row occurs once, in order."""
        return self._coalesced

    def coalesce(self) -> SparseTensor:
        """The same with each row once, in ascending order, entries of one row summed."""
        if self._coalesced:
            return self
        rows, group = np.unique(self._rows.numpy(), return_inverse=True)
        unique = _op["from_numpy"](rows)
        summed = _op["zeros"](len(rows), *self._data.shape[1:], dtype=self.dtype)
        summed = summed.index_add(0, _op["from_numpy"](group), self._data)
        return SparseTensor(unique, summed, self._size, coalesced=True)

    def without(self, row: int) -> SparseTensor:
        """The same with one row left out (that of padding)."""
        keep = self._rows != row
        return SparseTensor(self._rows[keep], self._data[keep], self._size, self._coalesced)

    def to_dense(self) -> Tensor:
        """The whole, zeros included."""
        zeros = _op["zeros"](*self._size, dtype=self.dtype)
        return zeros.index_add(0, self._rows.to(_INT64), self._data)

    def clone(self) -> SparseTensor:
        """A copy."""
        return SparseTensor(self._rows.clone(), self._data.clone(), self._size, self._coalesced)

    def detach(self) -> SparseTensor:
        """The same without history."""
        return SparseTensor(self._rows, self._data.detach(), self._size, self._coalesced)

    def detach_(self) -> SparseTensor:
        """Cut the values off their history."""
        self._data = self._data.detach()
        return self

    def zero_(self) -> SparseTensor:
        """Forget all entries."""
        self._rows, self._data = self._rows[:0], self._data.detach()[:0]
        self._coalesced = True
        return self

    def mul_(self, factor: float | Tensor) -> SparseTensor:
        """Multiply by a number, in place."""
        self._data = self._data * factor
        return self

    def div_(self, divisor: float | Tensor) -> SparseTensor:
        """Divide by a number, in place."""
        self._data = self._data / divisor
        return self

    def __mul__(self, factor: float | Tensor) -> SparseTensor:
        return SparseTensor(self._rows, self._data * factor, self._size, self._coalesced)

    __rmul__ = __mul__

    def __neg__(self) -> SparseTensor:
        return self * -1.0

    def __add__(self, other: SparseTensor | Tensor) -> SparseTensor | Tensor:
        if isinstance(other, Tensor):
            return other.index_add(0, self._rows.to(_INT64), self._data)
        if not isinstance(other, SparseTensor):
            return NotImplemented
        if other._size != self._size:
            raise RuntimeError(f"add: shapes {list(self._size)} and {list(other._size)} of sparse "
                               "tensors differ")
        return SparseTensor(_op["cat"]([self._rows, other._rows]),
                            _op["cat"]([self._data, other._data]), self._size)

    __radd__ = __add__

    def norm(self, p: float = 2.0) -> Tensor:
        """The p-norm of all entries."""
        return self.coalesce()._data.norm(p)

    def __repr__(self) -> str:
        return (f"tensor(indices={self._rows.reshape(1, -1).tolist()},\n"
                f"       values={self._data!r},\n"
                f"       size={tuple(self._size)}, nnz={self._nnz()}, layout=cgrad.sparse_coo)")


set_sparse_type(SparseTensor)
