from typing import Any

import numpy as np

from cgrad._engine.annotations import Ints
from cgrad._engine.handle import dtype
from cgrad._tensor.size import device
from cgrad._tensor.size import device as _device
from cgrad._tensor.tensor import Tensor

class Generator:
    def __init__(self, device: str | _device = "cpu") -> None: ...
    @property
    def device(self) -> _device: ...
    def manual_seed(self, seed: int) -> Generator: ...
    def seed(self) -> int: ...
    def initial_seed(self) -> int: ...
    def get_state(self) -> Tensor: ...
    def set_state(self, new_state: Tensor) -> None: ...
    def clone_state(self) -> Generator: ...
    def _numpy(self) -> np.random.Generator: ...

default_generator: Generator

def set_device(device: _device) -> None: ...
def source(generator: Generator | None) -> Generator: ...
def manual_seed(seed: int) -> Generator: ...
def seed() -> int: ...
def initial_seed() -> int: ...
def get_rng_state() -> Tensor: ...
def set_rng_state(new_state: Tensor) -> None: ...
def rand(
    *args: Ints,
    size: Ints | None = None,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: dtype | None = None,
    layout: Any = None,
    device: str | device | None = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor: ...
def randn(
    *args: Ints,
    size: Ints | None = None,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: dtype | None = None,
    layout: Any = None,
    device: str | device | None = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor: ...
def rand_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: dtype | None = None,
    layout: Any = None,
    device: str | device | None = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor: ...
def randn_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: dtype | None = None,
    layout: Any = None,
    device: str | device | None = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor: ...
def randint(
    low: int | None = None,
    high: int | None = None,
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
def randint_like(
    input: Tensor,
    low: int | None = None,
    high: int | None = None,
    *,
    generator: Generator | None = None,
    dtype: dtype | None = None,
    layout: Any = None,
    device: str | device | None = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor: ...
def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: dtype | None = None,
    layout: Any = None,
    device: str | device | None = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor: ...
