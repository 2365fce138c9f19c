"""cgrad: tensors with automatic differentiation on a CPU, with PyTorch's API.

>>> import cgrad
>>> x = cgrad.tensor(3.0, requires_grad=True)
>>> (x * x).backward()
>>> x.grad
tensor(6.)
"""
import importlib as _importlib
import math as _math

from cgrad import _library   # noqa: F401   finds the compiled modules
# Each family of the engine enters its operations into the table when it is imported.
from cgrad._engine import (  # noqa: F401
    activation as _activation,
    binary as _binary,
    conv as _conv,
    conv_face as _conv_face,
    create as _create,
    cross_entropy as _cross_entropy,
    face as _face,
    gather as _gather,
    index as _index,
    join as _join,
    loss as _loss,
    masks as _masks,
    matmul as _matmul,
    norm as _norm,
    moments as _moments,
    random as _random,
    reduce as _reduce,
    sampling as _sampling,
    shape as _shape,
    strided as _strided,
    scan as _scan,
    scatter as _scatter,
    select as _select,
    softmax as _softmax,
    sort as _sort,
    sparse as _sparse,
    special as _special,
    unary as _unary,
    window as _window,
)
from cgrad._engine.handle import (
    all_dtypes as _all_dtypes,
    half_dtypes as _half_dtypes,
    dtype,
    get_default_dtype,
    set_default_dtype,
)
from cgrad._engine.threads import get_num_threads, set_num_threads
from cgrad._tensor.interop import from_dlpack
from cgrad._tensor.size import (
    Size,
    channels_last,
    channels_last_3d,
    contiguous_format,
    device,
    layout,
    memory_format,
    preserve_format,
    strided,
)
from cgrad._tensor.sparse import SparseTensor as _SparseTensor
from cgrad._tensor.tensor import Tensor
from cgrad._tensor.tensor import attach as _attach
from cgrad import _composite
from cgrad import autograd
from cgrad.autograd.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)

globals().update(_face.public)
globals().update(_composite.PUBLIC)
globals().update(_composite.types.NAMES)
bool, uint8, int8, int16, int32, int64, float32, float64 = _all_dtypes()
float16, bfloat16 = _half_dtypes()
short, int, long, half, float, double = int16, int32, int64, float16, float32, float64
e, inf, nan, pi, newaxis = _math.e, _math.inf, _math.nan, _math.pi, None


def _array_ufunc(self, ufunc, method, *inputs, **kwargs):
    # np.sin(t): see _numpy.py, which is loaded when NumPy asks for the first time.
    from cgrad import _numpy

    return _numpy.ufunc(ufunc, method, *inputs, **kwargs)


def _array_function(self, function, types, args, kwargs):
    from cgrad import _numpy

    return _numpy.function(function, args, dict(kwargs))


def _repr_html_(self):
    # What notebooks ask for.
    from cgrad._tensor.html import tensor_html

    return tensor_html(self)


_attach("__array_ufunc__", _array_ufunc)
_attach("_repr_html_", _repr_html_)
_attach("__array_function__", _array_function)

# Loaded when first used: importing cgrad costs little more than importing NumPy.
_LAZY = {
    "_VF": "cgrad.nn.functional.recurrent",
    "accelerator": "cgrad.accelerator",
    "amp": "cgrad.amp",
    "backends": "cgrad.backends",
    "compat": "cgrad.compat",
    "compiler": "cgrad.compiler",
    "control": "cgrad.control",
    "cpu": "cgrad.cpu",
    "cuda": "cgrad.cuda",
    "distributed": "cgrad.distributed",
    "distributions": "cgrad.distributions",
    "func": "cgrad.func",
    "hub": "cgrad.hub",
    "jit": "cgrad.jit",
    "linalg": "cgrad.linalg",
    "mps": "cgrad.mps",
    "multiprocessing": "cgrad.multiprocessing",
    "nn": "cgrad.nn",
    "onnx": "cgrad.onnx",
    "optim": "cgrad.optim",
    "overrides": "cgrad.overrides",
    "profiler": "cgrad.profiler",
    "quasirandom": "cgrad.quasirandom",
    "random": "cgrad.random",
    "utils": "cgrad.utils",
    "serialization": "cgrad.serialization",
    "settings": "cgrad.settings",
    "special": "cgrad.special",
    "testing": "cgrad.testing",
    "version": "cgrad.version",
    "viz": "cgrad.viz",
    "xpu": "cgrad.xpu",
}
_LAZY_NAMES = {
    "GradScaler": "amp", "__version__": "version", "_assert": "settings", "autocast": "amp",
    "cond": "control",
    "is_autocast_available": "amp", "is_autocast_cache_enabled": "amp",
    "is_autocast_enabled": "amp", "load": "serialization", "save": "serialization",
    "summary": "utils", "vmap": "func", "while_loop": "control",
}  # fmt: skip
_LAZY_NAMES.update(dict.fromkeys((
    "are_deterministic_algorithms_enabled", "compile", "get_default_device",
    "get_deterministic_debug_mode", "get_float32_matmul_precision", "get_num_interop_threads",
    "is_anomaly_check_nan_enabled", "is_anomaly_enabled",
    "is_deterministic_algorithms_warn_only_enabled", "is_inference", "is_storage",
    "set_default_device", "set_deterministic_debug_mode", "set_float32_matmul_precision",
    "set_flush_denormal", "set_num_interop_threads", "use_deterministic_algorithms"), "settings"))
_LAZY_NAMES.update(dict.fromkeys((
    "embedding_bag", "gru", "gru_cell", "lstm", "lstm_cell", "rnn_relu", "rnn_relu_cell",
    "rnn_tanh", "rnn_tanh_cell"), "_VF"))


def __getattr__(name):
    if name in _LAZY:
        return _importlib.import_module(_LAZY[name])
    if name in _LAZY_NAMES:
        return getattr(_importlib.import_module(_LAZY[_LAZY_NAMES[name]]), name)
    if name == "set_printoptions":
        from cgrad._tensor.printing import set_printoptions
        return set_printoptions
    if name.startswith("_foreach_"):
        from cgrad import control
        return control.foreach(name)
    from cgrad._tensor.excluded import message
    raise AttributeError(message("module 'cgrad'", name))


def __dir__():
    return sorted([*globals(), *_LAZY, *_LAZY_NAMES, "set_printoptions"])
