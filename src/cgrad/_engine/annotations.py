"""Names that the stubs and type-checked files share; nothing imports this at run time."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

Number: TypeAlias = int | float | bool
Dims: TypeAlias = int | Sequence[int] | None     # the dimensions of a reduction; None: all
Ints: TypeAlias = int | Sequence[int]            # part of a size or of an order of dimensions
