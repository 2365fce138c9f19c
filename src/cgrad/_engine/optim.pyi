from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cgrad._tensor.tensor import Tensor

def rule(name: str) -> int: ...
def fused_step(
    rule: int,
    name: str,
    params: Iterable[Tensor],
    state: Mapping[Any, dict[str, Any]],
    start: Callable[[Tensor, dict[str, Any]], Any],
    keys: tuple[str | None, ...],
    numbers: tuple[str, ...],
    options: tuple[float, ...],
) -> None: ...
