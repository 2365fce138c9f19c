from typing import Any

from cgrad._engine.annotations import Ints, Number
from cgrad._engine.handle import dtype
from cgrad._engine.random import Generator
from cgrad._tensor.size import device
from cgrad._tensor.tensor import Tensor

def normal(
    mean: Tensor | Number = 0.0,
    std: Tensor | Number = 1.0,
    size: Ints | None = None,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: dtype | None = None,
    layout: Any = None,
    device: str | device | None = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor: ...
def bernoulli(
    input: Tensor,
    p: float | None = None,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
def uniform_(
    self: Tensor,
    low: Number = 0.0,
    to: Number = 1.0,
    *,
    generator: Generator | None = None,
    **others: Number,
) -> Tensor: ...
def normal_(
    self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None
) -> Tensor: ...
def exponential_(
    self: Tensor, lambd: Number = 1.0, *, generator: Generator | None = None
) -> Tensor: ...
def cauchy_(
    self: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Generator | None = None
) -> Tensor: ...
def log_normal_(
    self: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Generator | None = None
) -> Tensor: ...
def geometric_(self: Tensor, p: float, *, generator: Generator | None = None) -> Tensor: ...
def bernoulli_(
    self: Tensor, p: Tensor | Number = 0.5, *, generator: Generator | None = None
) -> Tensor: ...
def random_(
    self: Tensor,
    low: int | None = None,
    to: int | None = ...,
    *,
    generator: Generator | None = None,
    **others: int,
) -> Tensor: ...
def dropout(input: Tensor, p: float, train: bool) -> Tensor: ...
