from collections.abc import Sequence
from typing import Any, TypeAlias, overload

import numpy as np

from cgrad import autograd as autograd
from cgrad import nn as nn
from cgrad import optim as optim
from cgrad import serialization as serialization
from cgrad import utils as utils
from cgrad._engine.annotations import Dims, Ints, Number
from cgrad._engine.handle import dtype as dtype
from cgrad._engine.handle import get_default_dtype as get_default_dtype
from cgrad._engine.handle import set_default_dtype as set_default_dtype
from cgrad._engine.random import Generator as Generator
from cgrad._engine.threads import get_num_threads as get_num_threads
from cgrad._engine.threads import set_num_threads as set_num_threads
from cgrad._tensor.interop import from_dlpack as from_dlpack
from cgrad._tensor.size import Size as Size
from cgrad._tensor.size import device as device
from cgrad._tensor.tensor import Tensor as Tensor
from cgrad._tensor.tensor import _Extreme
from cgrad.autograd.grad_mode import enable_grad as enable_grad
from cgrad.autograd.grad_mode import inference_mode as inference_mode
from cgrad.autograd.grad_mode import is_grad_enabled as is_grad_enabled
from cgrad.autograd.grad_mode import is_inference_mode_enabled as is_inference_mode_enabled
from cgrad.autograd.grad_mode import no_grad as no_grad
from cgrad.autograd.grad_mode import set_grad_enabled as set_grad_enabled
from cgrad.serialization import load as load
from cgrad.serialization import save as save

# The package has dtypes of these names, which would hide the types.
_bool: TypeAlias = bool
_int: TypeAlias = int
_float: TypeAlias = float
_dtype: TypeAlias = dtype
_device: TypeAlias = device

__version__: str

bool: _dtype
contiguous_format: None
default_generator: Generator
double: _dtype
e: _float
float: _dtype
float32: _dtype
float64: _dtype
inf: _float
int: _dtype
int16: _dtype
int32: _dtype
int64: _dtype
int8: _dtype
long: _dtype
nan: _float
newaxis: None
pi: _float
preserve_format: None
short: _dtype
strided: None
uint8: _dtype

def abs(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def absolute(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def acos(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def add(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor: ...
def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor: ...
def addmm(
    input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Number = 1, alpha: Number = 1
) -> Tensor: ...
def all(
    input: Tensor, dim: Dims = None, keepdim: _bool = False, *, out: Tensor | None = None
) -> Tensor: ...
def allclose(
    input: Tensor,
    other: Tensor | Number,
    rtol: _float = 1e-05,
    atol: _float = 1e-08,
    equal_nan: _bool = False,
) -> _bool: ...
def amax(
    input: Tensor, dim: Dims = (), keepdim: _bool = False, *, out: Tensor | None = None
) -> Tensor: ...
def amin(
    input: Tensor, dim: Dims = (), keepdim: _bool = False, *, out: Tensor | None = None
) -> Tensor: ...
def any(
    input: Tensor, dim: Dims = None, keepdim: _bool = False, *, out: Tensor | None = None
) -> Tensor: ...
def arange(
    start: Number,
    end: Number | None = None,
    step: Number = 1,
    *,
    dtype: _dtype | None = None,
    device: str | _device | None = None,
    requires_grad: _bool = False,
    layout: Any = None,
    pin_memory: _bool = False,
    out: Tensor | None = None,
) -> Tensor: ...
def arccos(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def arcsin(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def arctan(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def arctan2(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def argmax(input: Tensor, dim: Dims = None, keepdim: _bool = False) -> Tensor: ...
def argmin(input: Tensor, dim: Dims = None, keepdim: _bool = False) -> Tensor: ...
def as_tensor(
    data: Any, dtype: _dtype | None = None, device: str | _device | None = None
) -> Tensor: ...
def asin(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def atan(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def atan2(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def bernoulli(
    input: Tensor,
    p: Number | None = None,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
def bitwise_and(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def bitwise_left_shift(
    input: Tensor, other: Tensor | Number, *, out: Tensor | None = None
) -> Tensor: ...
def bitwise_not(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def bitwise_or(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def bitwise_right_shift(
    input: Tensor, other: Tensor | Number, *, out: Tensor | None = None
) -> Tensor: ...
def bitwise_xor(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def bmm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def broadcast_shapes(*shapes: Sequence[_int]) -> Size: ...
def broadcast_tensors(*tensors: Tensor) -> tuple[Tensor, ...]: ...
def broadcast_to(input: Tensor, size: Ints) -> Tensor: ...
def cat(tensors: Sequence[Tensor], dim: _int = 0, *, axis: _int | None = None) -> Tensor: ...
def ceil(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def chunk(input: Tensor, chunks: _int, dim: _int = 0) -> tuple[Tensor, ...]: ...
def clamp(
    input: Tensor,
    min: Tensor | Number | None = None,
    max: Tensor | Number | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor: ...
def clip(
    input: Tensor,
    min: Tensor | Number | None = None,
    max: Tensor | Number | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor: ...
def clone(input: Tensor, *, memory_format: Any = None) -> Tensor: ...
def concat(tensors: Sequence[Tensor], dim: _int = 0, *, axis: Dims = None) -> Tensor: ...
def concatenate(tensors: Sequence[Tensor], dim: _int = 0, *, axis: Dims = None) -> Tensor: ...
def cos(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def cosh(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: _float = 0.0,
    reduction: str | _int = 1,
) -> Tensor: ...
def cosine_similarity(x1: Tensor, x2: Tensor, dim: _int = 1, eps: _float = 1e-08) -> Tensor: ...
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[_int] | _int,
    target_lengths: Tensor | Sequence[_int] | _int,
    blank: _int = 0,
    reduction: str | _int = 1,
    zero_infinity: _bool = False,
) -> Tensor: ...
def cumsum(
    input: Tensor, dim: _int, *, dtype: _dtype | None = None, out: Tensor | None = None
) -> Tensor: ...
def diag(input: Tensor, diagonal: _int = 0, *, out: Tensor | None = None) -> Tensor: ...
def div(
    input: Tensor,
    other: Tensor | Number,
    *,
    rounding_mode: str | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
def divide(
    input: Tensor,
    other: Tensor | Number,
    *,
    rounding_mode: str | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
def dot(input: Tensor, tensor: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def dropout(input: Tensor, p: _float = 0.5, training: _bool = True) -> Tensor: ...
def embedding(
    weight: Tensor,
    indices: Tensor,
    padding_idx: _int | None = -1,
    scale_grad_by_freq: _bool = False,
    sparse: _bool = False,
) -> Tensor: ...
def empty(
    *size: Ints,
    dtype: _dtype | None = None,
    device: str | _device | None = None,
    requires_grad: _bool = False,
    layout: Any = None,
    pin_memory: _bool = False,
    memory_format: Any = None,
    out: Tensor | None = None,
) -> Tensor: ...
def empty_like(
    input: Tensor,
    *,
    dtype: _dtype | None = None,
    device: str | _device | None = None,
    requires_grad: _bool = False,
    layout: Any = None,
    memory_format: Any = None,
) -> Tensor: ...
def eq(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def equal(input: Tensor, other: Tensor | Number) -> _bool: ...
def erf(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def erfc(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def exp(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def exp2(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def expit(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def expm1(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def eye(
    n: _int,
    m: _int | None = None,
    *,
    dtype: _dtype | None = None,
    device: str | _device | None = None,
    requires_grad: _bool = False,
    layout: Any = None,
    pin_memory: _bool = False,
    out: Tensor | None = None,
) -> Tensor: ...
def fix(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def flatten(input: Tensor, start_dim: _int = 0, end_dim: _int = -1) -> Tensor: ...
def flip(input: Tensor, *dims: Ints) -> Tensor: ...
def floor(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def floor_divide(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def fmod(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def from_numpy(ndarray: np.ndarray[Any, Any]) -> Tensor: ...
def full(
    size: Ints,
    fill_value: Number,
    *,
    dtype: _dtype | None = None,
    device: str | _device | None = None,
    requires_grad: _bool = False,
    layout: Any = None,
    pin_memory: _bool = False,
    out: Tensor | None = None,
) -> Tensor: ...
def full_like(
    input: Tensor,
    fill_value: Number,
    *,
    dtype: _dtype | None = None,
    device: str | _device | None = None,
    requires_grad: _bool = False,
    layout: Any = None,
    memory_format: Any = None,
) -> Tensor: ...
def gather(
    input: Tensor,
    dim: _int,
    index: Tensor,
    *,
    sparse_grad: _bool = False,
    out: Tensor | None = None,
) -> Tensor: ...
def ge(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def get_rng_state() -> Tensor: ...
def greater(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def greater_equal(
    input: Tensor, other: Tensor | Number, *, out: Tensor | None = None
) -> Tensor: ...
def gt(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: _float = 1.0,
    reduction: str | _int = 1,
) -> Tensor: ...
def hstack(tensors: Sequence[Tensor]) -> Tensor: ...
def index_add(
    input: Tensor, dim: _int, index: Tensor, source: Tensor, *, alpha: _float = 1
) -> Tensor: ...
def index_select(
    input: Tensor, dim: _int, index: Tensor, *, out: Tensor | None = None
) -> Tensor: ...
def initial_seed() -> _int: ...
def is_floating_point(input: Tensor) -> _bool: ...
def is_tensor(obj: object) -> _bool: ...
def isclose(
    input: Tensor,
    other: Tensor | Number,
    rtol: _float = 1e-05,
    atol: _float = 1e-08,
    equal_nan: _bool = False,
) -> Tensor: ...
def isfinite(input: Tensor) -> Tensor: ...
def isinf(input: Tensor) -> Tensor: ...
def isnan(input: Tensor) -> Tensor: ...
def kl_div(
    input: Tensor,
    target: Tensor,
    reduction: str | _int = 1,
    *,
    log_target: _bool = False,
) -> Tensor: ...
def le(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def lerp(input: Tensor, end: Tensor, weight: Tensor | Number) -> Tensor: ...
def less(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def less_equal(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def linspace(
    start: Number,
    end: Number,
    steps: _int,
    *,
    dtype: _dtype | None = None,
    device: str | _device | None = None,
    requires_grad: _bool = False,
    layout: Any = None,
    pin_memory: _bool = False,
    out: Tensor | None = None,
) -> Tensor: ...
def log(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def log10(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def log1p(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def log2(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def log_softmax(input: Tensor, dim: _int, dtype: _dtype | None = None) -> Tensor: ...
def logical_and(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def logical_not(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def logical_or(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def logical_xor(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def logsumexp(input: Tensor, dim: _int | Sequence[_int], keepdim: _bool = False) -> Tensor: ...
def lt(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def manual_seed(seed: _int) -> Generator: ...
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: _float = 0.0,
    reduction: str | _int = 1,
) -> Tensor: ...
def masked_fill(input: Tensor, mask: Tensor, value: Tensor | Number) -> Tensor: ...
def masked_select(input: Tensor, mask: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def matmul(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
@overload
def max(input: Tensor) -> Tensor: ...
@overload
def max(input: Tensor, dim: Tensor) -> Tensor: ...
@overload
def max(input: Tensor, dim: _int, keepdim: _bool = False) -> _Extreme: ...
def maximum(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def mean(
    input: Tensor,
    dim: Dims = None,
    keepdim: _bool = False,
    *,
    dtype: _dtype | None = None,
    axis: Dims = None,
    keepdims: _bool | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
@overload
def min(input: Tensor) -> Tensor: ...
@overload
def min(input: Tensor, dim: Tensor) -> Tensor: ...
@overload
def min(input: Tensor, dim: _int, keepdim: _bool = False) -> _Extreme: ...
def minimum(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def mm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def moveaxis(input: Tensor, source: Ints, destination: Ints) -> Tensor: ...
def movedim(input: Tensor, source: Ints, destination: Ints) -> Tensor: ...
def mul(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def multinomial(
    input: Tensor,
    num_samples: _int,
    replacement: _bool = False,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
def multiply(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def mv(input: Tensor, vec: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def narrow(input: Tensor, dim: _int, start: _int, length: _int) -> Tensor: ...
def ne(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def neg(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def negative(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def nonzero(input: Tensor, *, as_tuple: _bool = False) -> Tensor | tuple[Tensor, ...]: ...
def norm(
    input: Tensor,
    p: Number | str = "fro",
    dim: Dims = None,
    keepdim: _bool = False,
    *,
    dtype: _dtype | None = None,
) -> Tensor: ...
def normal(
    mean: Tensor | Number = 0.0,
    std: Tensor | Number = 1.0,
    size: Ints | None = None,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: _dtype | None = None,
    layout: Any = None,
    device: str | _device | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def not_equal(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def numel(input: Tensor) -> _int: ...
def ones(
    *size: Ints,
    dtype: _dtype | None = None,
    device: str | _device | None = None,
    requires_grad: _bool = False,
    layout: Any = None,
    pin_memory: _bool = False,
    out: Tensor | None = None,
) -> Tensor: ...
def ones_like(
    input: Tensor,
    *,
    dtype: _dtype | None = None,
    device: str | _device | None = None,
    requires_grad: _bool = False,
    layout: Any = None,
    memory_format: Any = None,
) -> Tensor: ...
def outer(input: Tensor, vec2: Tensor) -> Tensor: ...
def pairwise_distance(
    x1: Tensor,
    x2: Tensor,
    p: _float = 2.0,
    eps: _float = 1e-06,
    keepdim: _bool = False,
) -> Tensor: ...
def pdist(input: Tensor, p: _float = 2.0) -> Tensor: ...
def permute(input: Tensor, *dims: Ints) -> Tensor: ...
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: _bool,
    full: _bool,
    eps: _float,
    reduction: str | _int,
) -> Tensor: ...
def positive(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def pow(input: Tensor, exponent: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def prod(
    input: Tensor,
    dim: Dims = None,
    keepdim: _bool = False,
    *,
    dtype: _dtype | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
def rand(
    *args: Ints,
    size: Ints | None = None,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: _dtype | None = None,
    layout: Any = None,
    device: str | _device | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def rand_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: _dtype | None = None,
    layout: Any = None,
    device: str | _device | None = None,
    requires_grad: _bool = False,
    memory_format: Any = None,
) -> Tensor: ...
def randint(
    low: _int | None = None,
    high: _int | None = None,
    size: Ints | None = None,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: _dtype | None = None,
    layout: Any = None,
    device: str | _device | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def randint_like(
    input: Tensor,
    low: _int,
    high: _int | None = None,
    *,
    generator: Generator | None = None,
    dtype: _dtype | None = None,
    layout: Any = None,
    device: str | _device | None = None,
    requires_grad: _bool = False,
    memory_format: Any = None,
) -> Tensor: ...
def randn(
    *args: Ints,
    size: Ints | None = None,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: _dtype | None = None,
    layout: Any = None,
    device: str | _device | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def randn_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: _dtype | None = None,
    layout: Any = None,
    device: str | _device | None = None,
    requires_grad: _bool = False,
    memory_format: Any = None,
) -> Tensor: ...
def randperm(
    n: _int,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: _dtype | None = None,
    layout: Any = None,
    device: str | _device | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def ravel(input: Tensor) -> Tensor: ...
def reciprocal(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def relu(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def remainder(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def reshape(input: Tensor, *shape: Ints) -> Tensor: ...
def round(input: Tensor, *, decimals: _int = 0, out: Tensor | None = None) -> Tensor: ...
def rsqrt(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def scalar_tensor(
    s: Number,
    *,
    dtype: _dtype | None = None,
    device: str | _device | None = None,
    requires_grad: _bool = False,
) -> Tensor: ...
def scatter(
    input: Tensor,
    dim: _int,
    index: Tensor,
    src: Tensor | Number | None = None,
    *,
    value: Tensor | Number | None = None,
    reduce: str | None = None,
) -> Tensor: ...
def scatter_add(input: Tensor, dim: _int, index: Tensor, src: Tensor | Number) -> Tensor: ...
def seed() -> _int: ...
def select(input: Tensor, dim: _int, index: Tensor) -> Tensor: ...
def set_rng_state(new_state: Tensor) -> None: ...
def sigmoid(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def sign(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def silu(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def sin(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def sinh(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def softmax(input: Tensor, dim: _int, dtype: _dtype | None = None) -> Tensor: ...
def split(
    tensor: Tensor, split_size_or_sections: _int | Sequence[_int], dim: _int = 0
) -> tuple[Tensor, ...]: ...
def sqrt(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def square(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def squeeze(input: Tensor, dim: Dims = None) -> Tensor: ...
def stack(tensors: Sequence[Tensor], dim: _int = 0, *, out: Tensor | None = None) -> Tensor: ...
def std(
    input: Tensor,
    dim: Dims = None,
    unbiased: _bool | None = None,
    keepdim: _bool = False,
    *,
    correction: Number | None = None,
    axis: Dims = None,
    keepdims: _bool | None = None,
) -> Tensor: ...
def sub(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def subtract(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def sum(
    input: Tensor,
    dim: Dims = None,
    keepdim: _bool = False,
    *,
    dtype: _dtype | None = None,
    axis: Dims = None,
    keepdims: _bool | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
def swapaxes(input: Tensor, dim0: _int, dim1: _int) -> Tensor: ...
def swapdims(input: Tensor, dim0: _int, dim1: _int) -> Tensor: ...
def t(input: Tensor) -> Tensor: ...
def take(input: Tensor, index: Tensor) -> Tensor: ...
def take_along_dim(
    input: Tensor, indices: Tensor, dim: Dims = None, *, out: Tensor | None = None
) -> Tensor: ...
def tan(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def tanh(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def tensor(
    data: Any,
    *,
    dtype: _dtype | None = None,
    device: str | _device | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def tile(input: Tensor, *dims: Ints) -> Tensor: ...
def transpose(input: Tensor, dim0: _int, dim1: _int) -> Tensor: ...
def tril(input: Tensor, diagonal: _int = 0, *, out: Tensor | None = None) -> Tensor: ...
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: _float = 1.0,
    p: _float = 2.0,
    eps: _float = 1e-06,
    swap: _bool = False,
    reduction: str | _int = 1,
) -> Tensor: ...
def triu(input: Tensor, diagonal: _int = 0, *, out: Tensor | None = None) -> Tensor: ...
def true_divide(
    input: Tensor,
    other: Tensor | Number,
    *,
    rounding_mode: str | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
def trunc(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def unbind(input: Tensor, dim: _int = 0) -> tuple[Tensor, ...]: ...
def unflatten(input: Tensor, dim: _int, sizes: Ints) -> Tensor: ...
def unsqueeze(input: Tensor, dim: _int) -> Tensor: ...
def var(
    input: Tensor,
    dim: Dims = None,
    unbiased: _bool | None = None,
    keepdim: _bool = False,
    *,
    correction: Number | None = None,
    axis: Dims = None,
    keepdims: _bool | None = None,
) -> Tensor: ...
def vstack(tensors: Sequence[Tensor]) -> Tensor: ...
@overload
def where(condition: Tensor) -> tuple[Tensor, ...]: ...
@overload
def where(
    condition: Tensor,
    input: Tensor | Number,
    other: Tensor | Number,
    *,
    out: Tensor | None = None,
) -> Tensor: ...
def zeros(
    *size: Ints,
    dtype: _dtype | None = None,
    device: str | _device | None = None,
    requires_grad: _bool = False,
    layout: Any = None,
    pin_memory: _bool = False,
    out: Tensor | None = None,
) -> Tensor: ...
def zeros_like(
    input: Tensor,
    *,
    dtype: _dtype | None = None,
    device: str | _device | None = None,
    requires_grad: _bool = False,
    layout: Any = None,
    memory_format: Any = None,
) -> Tensor: ...
def set_printoptions(
    precision: _int | None = None,
    threshold: _int | None = None,
    edgeitems: _int | None = None,
    linewidth: _int | None = None,
    profile: str | None = None,
    sci_mode: _bool | None = None,
) -> None: ...
