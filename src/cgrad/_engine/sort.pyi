from typing import Any

from cgrad._tensor.tensor import Tensor

def positions(
    input: Tensor,
    dim: int,
    what: str,
    k: int = 0,
    descending: bool = False,
    keepdim: bool = True,
    name: str = "sort",
    values: bool = True,
) -> tuple[Tensor, Tensor]: ...
def search(
    line: Tensor, x: Tensor, order: Tensor | None, right: bool, out_int32: bool
) -> Tensor: ...
def store(result: Any, out: Any, name: str) -> Any: ...
