"""Switches with one setting, absent devices, and what is excluded on purpose."""
import copy
import importlib
import pickle

import pytest

import cgrad
from cgrad import settings
from cgrad._tensor import excluded


@pytest.mark.parametrize("name", [
    "complex64", "cfloat", "fft", "float8_e5m2", "uint32", "sparse_coo_tensor",
    "quantize_per_tensor", "export", "nested", "FloatStorage"])
def test_an_excluded_name_says_why(name):
    assert not hasattr(cgrad, name)
    with pytest.raises(AttributeError, match=rf"'{name}': cgrad has no .*differences\.md"):
        getattr(cgrad, name)


def test_an_unknown_name_gives_no_reason():
    with pytest.raises(AttributeError, match=r"module 'cgrad' has no attribute 'tensr'$"):
        cgrad.tensr  # noqa: B018


@pytest.mark.parametrize("name", [
    "half", "bfloat16", "cfloat", "to_sparse", "coalesce", "indices", "dequantize", "hpu", "stft",
    "to_mkldnn", "names"])
def test_an_excluded_method_says_why(name):
    x = cgrad.ones(2)
    assert not hasattr(x, name)
    with pytest.raises(AttributeError, match=f"'Tensor' object has no attribute '{name}': cgrad"):
        getattr(x, name)
    setattr(x, name, 3)                      # it is a name like any other for the program's own
    assert getattr(x, name) == 3


def test_nothing_that_exists_is_excluded():
    dtypes = {"half", "bfloat16"}  # the dtypes exist, the methods of Tensor do not
    assert not [n for n in dir(cgrad) if excluded.why(n) is not None and n not in dtypes]
    assert not [n for n in dir(cgrad.Tensor) if excluded.why(n) is not None]


@pytest.mark.parametrize("kind", [cgrad.float16, cgrad.bfloat16])
def test_half_precision_can_be_named_and_compared(kind):
    x = cgrad.ones(2)
    assert cgrad.half is cgrad.float16
    assert kind not in (x.dtype, cgrad.float32, None)
    assert kind == getattr(cgrad, kind.name)
    assert repr(kind) == f"cgrad.{kind.name}"
    assert kind.is_floating_point and kind.is_signed and not kind.is_complex
    assert kind.itemsize == 2
    assert pickle.loads(pickle.dumps(kind)) is kind
    assert copy.deepcopy(kind) is kind
    with cgrad.autocast("cpu", kind):
        assert (x @ x).dtype == cgrad.float32


@pytest.mark.parametrize("kind", [cgrad.float16, cgrad.bfloat16])
@pytest.mark.parametrize("use", [
    lambda d: cgrad.zeros(2, dtype=d), lambda d: cgrad.tensor([1.0], dtype=d),
    lambda d: cgrad.arange(3, dtype=d), lambda d: cgrad.randn(2, dtype=d),
    lambda d: cgrad.ones(2).to(d), lambda d: cgrad.ones(2).to("cpu", d),
    lambda d: cgrad.ones(2).type(d), lambda d: cgrad.ones(2).view(d),
    lambda d: cgrad.ones(2).sum(dtype=d), lambda d: cgrad.ones(2).new_zeros(2, dtype=d),
    lambda d: cgrad.zeros_like(cgrad.ones(2), dtype=d), lambda d: cgrad.set_default_dtype(d),
    lambda d: cgrad.softmax(cgrad.ones(2), 0, dtype=d), lambda d: cgrad.nn.Linear(2, 2, dtype=d),
    lambda d: cgrad.nn.Linear(2, 2).to(d), lambda d: cgrad.finfo(d),
    lambda d: cgrad.promote_types(d, cgrad.float32), lambda d: cgrad.can_cast(d, cgrad.float32),
])  # fmt: skip
def test_half_precision_cannot_be_used(kind, use):
    with pytest.raises(NotImplementedError, match="cgrad has no half precision"):
        use(kind)


def test_there_is_no_other_device():
    assert not cgrad.cuda.is_available()
    assert not cgrad.cuda.is_initialized()
    assert not cgrad.cuda.is_bf16_supported()
    assert cgrad.cuda.device_count() == 0
    for seed in (cgrad.cuda.manual_seed, cgrad.cuda.manual_seed_all):
        assert seed(1) is None
    for nothing in (cgrad.cuda.seed, cgrad.cuda.seed_all, cgrad.cuda.empty_cache):
        assert nothing() is None
    for call in (cgrad.cuda.synchronize, cgrad.cuda.current_device):
        with pytest.raises(RuntimeError, match="CPU only"):
            call()
    with pytest.raises(AttributeError, match="CPU only"):
        cgrad.cuda.Stream  # noqa: B018
    for call in (lambda: cgrad.ones(2).cuda(), lambda: cgrad.ones(2, device="cuda"),
                 lambda: cgrad.ones(2).to("cuda:0"), lambda: cgrad.set_default_device("cuda")):
        with pytest.raises(RuntimeError, match=r"CPU only.*cgrad\.cuda\.is_available"):
            call()
    cgrad.set_default_device("cpu")
    assert cgrad.get_default_device() == cgrad.device("cpu")


def test_backends():
    cudnn = importlib.import_module("cgrad.backends.cudnn")
    before = cudnn.benchmark
    cgrad.backends.cudnn.benchmark = True
    assert cudnn.benchmark
    cudnn.benchmark = before
    assert not cudnn.is_available()
    assert cudnn.version() is None
    for name in ("mps", "mkl", "openmp"):
        assert not getattr(cgrad.backends, name).is_available()
    assert not cgrad.backends.mps.is_built()
    assert not cgrad.backends.cuda.is_built()
    assert not cgrad.backends.cuda.matmul.allow_tf32


def test_switches():
    cgrad.use_deterministic_algorithms(True)
    assert cgrad.are_deterministic_algorithms_enabled()
    assert not cgrad.is_deterministic_algorithms_warn_only_enabled()
    cgrad.use_deterministic_algorithms(True, warn_only=True)
    assert cgrad.get_deterministic_debug_mode() == 1
    cgrad.set_deterministic_debug_mode("error")
    assert cgrad.get_deterministic_debug_mode() == 2
    cgrad.set_deterministic_debug_mode(0)
    assert not cgrad.are_deterministic_algorithms_enabled()
    for bad, expected in (("loud", "`default`"), (3, "0, 1, or 2")):
        with pytest.raises(RuntimeError, match=f"invalid value of debug_mode.*{expected}"):
            cgrad.set_deterministic_debug_mode(bad)
    with pytest.raises(TypeError, match="'mode' must be bool, not int"):
        cgrad.use_deterministic_algorithms(1)

    assert cgrad.get_float32_matmul_precision() == "highest"
    cgrad.set_float32_matmul_precision("high")
    with pytest.warns(UserWarning, match="no effect"):
        cgrad.set_float32_matmul_precision("low")
    assert cgrad.get_float32_matmul_precision() == "high"
    cgrad.set_float32_matmul_precision("highest")

    assert cgrad.set_flush_denormal(True) is False
    with pytest.raises(RuntimeError, match="expects a bool, but got int"):
        cgrad.set_flush_denormal(1)
    before = cgrad.get_num_interop_threads()
    cgrad.set_num_interop_threads(3)
    assert cgrad.get_num_interop_threads() == 3
    cgrad.set_num_interop_threads(before)
    for bad in (0, 1.5, True):
        with pytest.raises(RuntimeError, match="set_num_interop_threads expects"):
            cgrad.set_num_interop_threads(bad)


def test_anomaly_mode_can_be_asked():
    assert not cgrad.is_anomaly_enabled()
    with cgrad.autograd.set_detect_anomaly(True, check_nan=False):
        assert cgrad.is_anomaly_enabled()
        assert not cgrad.is_anomaly_check_nan_enabled()
    assert not cgrad.is_anomaly_enabled()


def test_kinds_of_objects():
    x = cgrad.ones(2)
    assert cgrad.is_storage(x.untyped_storage())
    assert not cgrad.is_storage(x)
    assert not cgrad.is_inference(x)
    with cgrad.inference_mode():
        y = cgrad.ones(2)
    assert cgrad.is_inference(y) == y.is_inference()


def test_compile_gives_the_function_itself():
    def double(x):
        return 2 * x

    assert cgrad.compile(double) is double
    assert cgrad.compile(double, fullgraph=True, mode="max-autotune") is double
    assert cgrad.compile(backend="eager")(double) is double
    assert cgrad.compiler.compile(double) is double
    assert cgrad.compiler.disable(double) is double
    assert cgrad.compiler.disable(recursive=False)(double) is double
    assert not cgrad.compiler.is_compiling()
    assert not cgrad.compiler.is_dynamo_compiling()
    assert cgrad.compiler.reset() is None


def test_every_switch_is_a_name_of_the_package():
    for name in settings.__all__:
        assert getattr(cgrad, name) is getattr(settings, name)
        assert name in dir(cgrad)
        assert len(getattr(cgrad, name).__doc__) > 5
