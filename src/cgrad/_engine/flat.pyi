from collections.abc import Iterable
from typing import Any

from cgrad._tensor.tensor import Tensor

def gather(params: Iterable[Tensor], gradients: bool) -> Tensor: ...
def move(params: Iterable[Tensor], x: Tensor, t: float, d: Tensor) -> None: ...
def dot(x: Tensor, y: Tensor) -> float: ...
def magnitudes(x: Tensor) -> tuple[float, float]: ...
def remember(
    gradient: Tensor,
    before: Tensor,
    d: Tensor,
    t: float,
    ys: list[Tensor],
    ss: list[Tensor],
    ro: list[Any],
    size: int,
) -> float | None: ...
def direction(
    gradient: Tensor, ys: list[Tensor], ss: list[Tensor], ro: list[Any], scale: float
) -> Tensor: ...
