from typing import overload

from cgrad._engine.annotations import Number
from cgrad._tensor.tensor import Tensor

def div(
    input: Tensor,
    other: Tensor | Number,
    *,
    rounding_mode: str | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
def pow(input: Tensor, exponent: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
@overload
def where(condition: Tensor) -> tuple[Tensor, ...]: ...
@overload
def where(
    condition: Tensor, input: Tensor | Number, other: Tensor | Number, *, out: Tensor | None = None
) -> Tensor: ...
def where_method(self: Tensor, condition: Tensor, other: Tensor | Number) -> Tensor: ...
def lerp(
    input: Tensor, end: Tensor, weight: Tensor | float, *, out: Tensor | None = None
) -> Tensor: ...
