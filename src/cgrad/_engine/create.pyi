from typing import Any

import numpy as np

from cgrad._engine.annotations import Ints, Number
from cgrad._engine.handle import dtype
from cgrad._tensor.size import device
from cgrad._tensor.tensor import Tensor

def empty(
    *args: Ints,
    size: Ints | None = None,
    dtype: dtype | None = None,
    device: str | device | None = None,
    requires_grad: bool = False,
    layout: Any = None,
    pin_memory: bool = False,
    memory_format: Any = None,
    out: Tensor | None = None,
) -> Tensor: ...
def zeros(
    *args: Ints,
    size: Ints | None = None,
    dtype: dtype | None = None,
    device: str | device | None = None,
    requires_grad: bool = False,
    layout: Any = None,
    pin_memory: bool = False,
    out: Tensor | None = None,
) -> Tensor: ...
def ones(
    *args: Ints,
    size: Ints | None = None,
    dtype: dtype | None = None,
    device: str | device | None = None,
    requires_grad: bool = False,
    layout: Any = None,
    pin_memory: bool = False,
    out: Tensor | None = None,
) -> Tensor: ...
def full(
    size: Ints,
    fill_value: Number,
    *,
    dtype: dtype | None = None,
    device: str | device | None = None,
    requires_grad: bool = False,
    layout: Any = None,
    pin_memory: bool = False,
    out: Tensor | None = None,
) -> Tensor: ...
def empty_like(
    input: Tensor,
    *,
    dtype: dtype | None = None,
    device: str | device | None = None,
    requires_grad: bool = False,
    layout: Any = None,
    memory_format: Any = None,
) -> Tensor: ...
def zeros_like(
    input: Tensor,
    *,
    dtype: dtype | None = None,
    device: str | device | None = None,
    requires_grad: bool = False,
    layout: Any = None,
    memory_format: Any = None,
) -> Tensor: ...
def ones_like(
    input: Tensor,
    *,
    dtype: dtype | None = None,
    device: str | device | None = None,
    requires_grad: bool = False,
    layout: Any = None,
    memory_format: Any = None,
) -> Tensor: ...
def full_like(
    input: Tensor,
    fill_value: Number,
    *,
    dtype: dtype | None = None,
    device: str | device | None = None,
    requires_grad: bool = False,
    layout: Any = None,
    memory_format: Any = None,
) -> Tensor: ...
def arange(
    start: Number,
    end: Number | None = None,
    step: Number = 1,
    *,
    dtype: dtype | None = None,
    device: str | device | None = None,
    requires_grad: bool = False,
    layout: Any = None,
    pin_memory: bool = False,
    out: Tensor | None = None,
) -> Tensor: ...
def linspace(
    start: Number,
    end: Number,
    steps: int,
    *,
    dtype: dtype | None = None,
    device: str | device | None = None,
    requires_grad: bool = False,
    layout: Any = None,
    pin_memory: bool = False,
    out: Tensor | None = None,
) -> Tensor: ...
def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: dtype | None = None,
    device: str | device | None = None,
    requires_grad: bool = False,
    layout: Any = None,
    pin_memory: bool = False,
    out: Tensor | None = None,
) -> Tensor: ...
def scalar_tensor(
    s: Number,
    *,
    dtype: dtype | None = None,
    device: str | device | None = None,
    requires_grad: bool = False,
) -> Tensor: ...
def from_numpy(ndarray: np.ndarray[Any, Any]) -> Tensor: ...
def tensor(
    data: Any,
    *,
    dtype: dtype | None = None,
    device: str | device | None = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor: ...
def as_tensor(
    data: Any, dtype: dtype | None = None, device: str | device | None = None
) -> Tensor: ...
def promote_types(type1: dtype, type2: dtype) -> dtype: ...
def can_cast(from_: dtype, to: dtype) -> bool: ...
def result_type(tensor1: Tensor | Number, tensor2: Tensor | Number) -> dtype: ...
