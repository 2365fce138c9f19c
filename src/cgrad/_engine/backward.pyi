from typing import Literal, overload

from cgrad._tensor.tensor import Tensor

@overload
def run(
    roots: list[Tensor],
    grads: list[Tensor | None],
    targets: list[Tensor] | None,
    retain_graph: bool,
    create_graph: bool,
    accumulate: Literal[True],
    allow_unused: bool = False,
) -> None: ...
@overload
def run(
    roots: list[Tensor],
    grads: list[Tensor | None],
    targets: list[Tensor] | None,
    retain_graph: bool,
    create_graph: bool,
    accumulate: Literal[False],
    allow_unused: bool = False,
) -> list[Tensor | None]: ...
def rule_calls() -> int: ...
def leaves(roots: list[Tensor]) -> list[Tensor]: ...
