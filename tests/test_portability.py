"""What programs written for PyTorch ask for and a CPU alone can answer."""
import importlib
import inspect
import math
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import cgrad
from cgrad import nn


def run(program, *arguments, **options):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run([sys.executable, *arguments, *([] if program is None else
                                                         ["-c", textwrap.dedent(program)])],
                          capture_output=True, text=True, timeout=60, env=environment, **options)


# -- mixed precision -------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [
    lambda: cgrad.autocast("cpu"), lambda: cgrad.amp.autocast("cuda", enabled=False),
    lambda: cgrad.autocast(device_type="cuda", dtype=cgrad.float32), cgrad.cuda.amp.autocast,
    lambda: cgrad.cpu.amp.autocast(True, cache_enabled=False),
])
def test_autocast_changes_nothing(make):
    x = cgrad.ones(2, 2)
    with make():
        assert (x @ x).dtype is cgrad.float32
        assert not cgrad.is_autocast_enabled() and not cgrad.is_autocast_enabled("cuda")

    @make()
    def double(x):
        return x + x

    assert double(x).tolist() == [[2, 2], [2, 2]]


def test_autocast_arguments():
    with pytest.raises(ValueError, match="`device_type` of type `str`"):
        cgrad.autocast(3)
    with pytest.raises(RuntimeError, match="expected one of cpu, .*'nonsense'"):
        cgrad.autocast("nonsense")
    with pytest.raises(RuntimeError, match="dtype must be a floating-point type"):
        cgrad.autocast("cpu", cgrad.int64)


def test_grad_scaler_passes_through():
    model = nn.Linear(2, 1)
    optimizer = cgrad.optim.SGD(model.parameters(), 0.1)
    for scaler in (cgrad.amp.GradScaler(), cgrad.GradScaler("cpu", enabled=True),
                   cgrad.cuda.amp.GradScaler(init_scale=4.0)):
        before = model.weight.detach().clone()
        optimizer.zero_grad()
        loss = model(cgrad.ones(3, 2)).sum()
        assert scaler.scale(loss) is loss and scaler.scale([loss]) == [loss]
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        assert scaler.step(optimizer) is None
        scaler.update()
        np.testing.assert_allclose(model.weight.detach(), before - 0.3, rtol=1e-6)
        assert scaler.get_scale() == 1.0 and not scaler.is_enabled() and scaler.state_dict() == {}
        scaler.load_state_dict({})


def test_custom_functions_of_amp():
    class Double(cgrad.autograd.Function):
        @staticmethod
        @cgrad.amp.custom_fwd(device_type="cuda")
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        @cgrad.cuda.amp.custom_bwd
        def backward(ctx, g):
            return 2 * g

    x = cgrad.ones(2, requires_grad=True)
    Double.apply(x).sum().backward()
    assert x.grad.tolist() == [2, 2]


# -- devices ---------------------------------------------------------------------------------------


def test_devices_that_are_absent():
    for module in (cgrad.mps, cgrad.xpu, cgrad.accelerator, cgrad.cuda):
        assert module.is_available() is False and module.device_count() == 0
        assert module.empty_cache() is None
    for module in (cgrad.mps, cgrad.xpu):
        assert module.manual_seed(3) is module.synchronize() is module.manual_seed_all(3) is None
    assert cgrad.accelerator.current_accelerator() is None
    assert cgrad.accelerator.synchronize() is None
    assert cgrad.cpu.is_available() and cgrad.cpu.is_initialized()
    assert cgrad.cpu.device_count() == 1 and cgrad.cpu.current_device() == "cpu"
    assert cgrad.cpu.synchronize() is None
    with pytest.raises(AttributeError):
        cgrad.cpu.nothing  # noqa: B018


def test_cuda_without_a_device():
    cuda = cgrad.cuda
    assert cuda.memory_allocated() == cuda.max_memory_allocated(0) == cuda.memory_reserved() == 0
    assert cuda.max_memory_reserved() == 0 and cuda.reset_peak_memory_stats() is None
    assert cuda.get_rng_state_all() == cuda.get_arch_list() == []
    assert cuda.set_rng_state_all([]) is None
    for call in (cuda.init, cuda.get_device_name, cuda.mem_get_info, cuda.ipc_collect,
                 cuda.get_device_properties, cuda.get_device_capability, cuda.get_rng_state,
                 lambda: cuda.set_device(0), lambda: cuda.set_rng_state(None),
                 lambda: cuda.set_rng_state_all([1]), lambda: cuda.device(0).__enter__()):
        with pytest.raises(RuntimeError, match=r"cgrad\.cuda\.\w+\(\): cgrad computes on the CPU"):
            call()
    with cuda.device(None), cuda.device(-1):
        pass


def test_device_blocks():
    with cgrad.device("cpu") as device:
        assert cgrad.ones(2).device == device
    with pytest.raises(RuntimeError, match="device 'cuda:1': cgrad computes on the CPU only"), \
            cgrad.device(1):
        pass


def test_switches_of_backends():
    backends = cgrad.backends
    with backends.cudnn.flags(enabled=False), backends.cuda.sdp_kernel(enable_flash=False):
        pass
    for name in ("flash", "mem_efficient", "math", "cudnn"):
        assert getattr(backends.cuda, f"enable_{name}_sdp")(True) is None
    assert backends.cuda.math_sdp_enabled() and not backends.cuda.flash_sdp_enabled()
    assert not backends.cuda.mem_efficient_sdp_enabled()
    for name in ("mkldnn", "opt_einsum"):
        assert not getattr(backends, name).is_available()
    assert isinstance(backends.cpu.get_cpu_capability(), str)


# -- what is not done, and says so -----------------------------------------------------------------


@pytest.mark.parametrize("call, hint", [
    (lambda: cgrad.jit.script(len), "leave script"),
    (lambda: cgrad.jit.trace(len, ()), "call the function"),
    (lambda: cgrad.jit.freeze(None), "eval"),
    (lambda: cgrad.jit.save(None, "x"), "state_dict"),
    (lambda: cgrad.jit.load("x"), "cgrad.load"),
    (lambda: cgrad.onnx.export(None, None, "x"), "state_dict"),
    (lambda: cgrad.hub.load("a/b", "c"), "install the package"),
    (lambda: cgrad.hub.list("a/b"), "look at"),
    (lambda: cgrad.hub.help("a/b", "c"), "look at"),
    (lambda: cgrad.hub.load_state_dict_from_url("u"), "download u"),
    (lambda: cgrad.hub.download_url_to_file("u", "f"), "download u"),
    *((getattr(cgrad.distributed, name), "one process") for name in (
        "init_process_group", "destroy_process_group", "new_group", "all_reduce", "all_gather",
        "broadcast", "barrier", "get_rank", "get_world_size")),
])
def test_what_is_absent_raises_with_a_hint(call, hint):
    with pytest.raises(RuntimeError, match=f"cgrad.*{hint}"):
        call()


def test_questions_about_what_is_absent():
    assert not cgrad.jit.is_scripting() and not cgrad.jit.is_tracing()
    assert not cgrad.onnx.is_in_onnx_export()
    for decorator in (cgrad.jit.ignore, cgrad.jit.unused, cgrad.jit.export,
                      cgrad.jit.ignore(drop=True), cgrad.jit.ignore()):
        assert decorator(len) is len
    distributed = cgrad.distributed
    assert not distributed.is_available() and not distributed.is_initialized()
    assert not distributed.is_torchelastic_launched() and distributed.ReduceOp.SUM


# -- versions --------------------------------------------------------------------------------------


def test_versions_compare():
    version = cgrad.version.Version("2.13.0+cpu")
    assert version >= "2.4" and version > "2.9.1" and version < "10" and version > "2.13"
    assert version >= (2, 13) and version > (1, 99, 3) and version == "2.13+cpu"
    assert version.split("+")[0] == "2.13.0" and isinstance(version, str)
    assert cgrad.version.Version("2.0.0rc1") < "2.0" < cgrad.version.Version("2.0.post1")
    assert cgrad.version.Version("2.0.dev1") < "2.0a1"
    assert hash(version) == hash("2.13.0+cpu") and version == "2.13.0+cpu"
    assert version != "nonsense" and version < "nonsense"
    assert cgrad.__version__ >= "0.1" and cgrad.version.cuda is None
    assert cgrad.version.__version__ is cgrad.__version__
    assert version < 3


# -- under the name of torch -----------------------------------------------------------------------


PROGRAM = """
    import sys
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
    from torch import optim
    from torch.autograd import Variable
    from torch.nn.parameter import Parameter
    from torch.optim.lr_scheduler import StepLR
    from torch.optim.optimizer import Optimizer
    from torch.utils.data import DataLoader
    from torch.utils.data.dataset import TensorDataset
    from torch.cuda.amp import GradScaler, autocast
    import torch.utils.checkpoint

    print(torch.__name__, torch.__version__ >= "2.0", sys.argv[1:], __name__)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))
    optimizer = optim.Adam(model.parameters(), 0.05)
    x = torch.linspace(-1, 1, 64).unsqueeze(1)
    scaler = GradScaler()
    for epoch in range(30):
        for a, b in DataLoader(TensorDataset(x, x ** 2), 16, shuffle=True):
            with autocast():
                loss = F.mse_loss(model(a), b)
            optimizer.zero_grad()
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
    print(bool(loss < 0.1), isinstance(Variable(x), torch.Tensor))
    import cgrad
    print(torch.nn is cgrad.nn, nn.functional is F, torch.Tensor is cgrad.Tensor)
    try:
        import torch.fx
    except ModuleNotFoundError as error:
        print(error)
"""
OUTPUT = [
    "True True", "True True True",
    "No module named 'torch.fx': torch is cgrad here, which has no cgrad.fx"]


def test_a_program_under_the_name_of_torch(tmp_path):
    program = tmp_path / "train.py"
    program.write_text(textwrap.dedent(PROGRAM))
    done = run(None, "-m", "cgrad.compat", str(program), "--epochs", "3")
    assert done.stderr == "" and done.stdout.splitlines() == [
        "torch True ['--epochs', '3'] __main__", *OUTPUT]
    done = run(None, "-m", "cgrad.compat", "-m", "train", "x", cwd=tmp_path)
    assert done.stdout.splitlines() == ["torch True ['x'] __main__", *OUTPUT]
    done = run("import cgrad.compat; cgrad.compat.install_as_torch()\n" + textwrap.dedent(PROGRAM))
    assert done.stdout.splitlines() == ["torch True [] __main__", *OUTPUT]
    for arguments in ((), ("-m",), ("no_such_file.py",)):
        done = run(None, "-m", "cgrad.compat", *arguments)
        assert done.returncode == 1 and "cgrad.compat" in done.stderr
        assert "Traceback" not in done.stderr
    done = run(None, "-m", "cgrad.compat", "--help")
    assert done.returncode == 0 and done.stdout.startswith("usage:") and done.stderr == ""


def test_installing_and_uninstalling():
    done = run("""
        import sys
        import cgrad
        import cgrad.compat as compat
        compat.install_as_torch()
        compat.install_as_torch()
        import torch, torch.nn.functional
        assert torch.ones is cgrad.ones and "nn" in dir(torch)
        assert torch.nn.__name__ == "cgrad.nn" and torch.nn.__spec__.name == "cgrad.nn"
        assert str(torch.__version__) == f"2.13.0+cgrad{cgrad.__version__}"
        torch.backends.cudnn.benchmark = True
        assert cgrad.backends.cudnn.benchmark
        torch.extra = 3
        assert cgrad.extra == 3
        assert not hasattr(torch, "fx") and not hasattr(torch, "complex64")
        import pickle
        assert pickle.loads(pickle.dumps(torch.ones(2))).tolist() == [1, 1]
        compat.uninstall()
        compat.uninstall()
        assert not [m for m in sys.modules if m.split(".")[0] == "torch"]
        sys.modules["torch"] = sys
        try:
            compat.install_as_torch()
        except RuntimeError as error:
            print(error)
    """)
    assert done.stderr == "" and "PyTorch has been imported already" in done.stdout


# -- processes -------------------------------------------------------------------------------------


def store(index, queue, scale):
    queue.put((index, scale * index))


def fail(index):
    if index == 1:
        raise ValueError("one of them")


def leave(index, how):
    if index == 0:
        if how == "exit":
            os._exit(7)
        os.kill(os.getpid(), signal.SIGTERM)


def echo(queue, answers):
    answers.put(queue.get() * 2)


fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


@fork
def test_processes():
    mp = cgrad.multiprocessing
    assert mp.get_context("fork").Process and mp.Queue and mp.cpu_count() >= 1
    context = mp.get_context("fork")
    queue = context.Queue()
    assert mp.spawn(store, (queue, cgrad.ones(2)), 2, start_method="fork") is None
    found = dict(queue.get() for _ in range(2))
    assert found[1].tolist() == [1, 1] and found[0].tolist() == [0, 0]
    started = mp.start_processes(store, (queue, 1.0), 1, join=False, start_method="fork")
    assert started.pids() == [started.processes[0].pid]
    while not started.join(5):
        pass
    queue.get()
    with pytest.raises(mp.ProcessRaisedException, match="(?s)Process 1 terminated with the foll"
                       ".*ValueError: one of them") as caught:
        mp.spawn(fail, (), 3, start_method="fork")
    assert caught.value.error_index == 1
    with pytest.raises(mp.ProcessExitedException, match="process 0 terminated with exit code 7"):
        mp.spawn(leave, ("exit",), 2, start_method="fork")
    with pytest.raises(mp.ProcessExitedException, match="terminated with signal SIGTERM"):
        mp.spawn(leave, ("kill",), 1, start_method="fork")
    queue.close()


@fork
def test_tensors_travel():
    context = cgrad.multiprocessing.get_context("fork")
    queue, answers = context.Queue(), context.Queue()
    process = context.Process(target=echo, args=(queue, answers))
    process.start()
    queue.put(cgrad.arange(3, dtype=cgrad.float64))
    found = answers.get(timeout=20)
    process.join()
    assert found.tolist() == [0, 2, 4] and found.dtype is cgrad.float64
    for q in (queue, answers):
        q.close()


def test_sharing_strategies():
    mp = cgrad.multiprocessing
    mp.set_sharing_strategy("file_system")
    assert {mp.get_sharing_strategy()} == mp.get_all_sharing_strategies()
    with pytest.raises(ValueError, match="unknown strategy"):
        mp.set_sharing_strategy("x")


# -- small modules ---------------------------------------------------------------------------------


def test_control_flow():
    x = cgrad.tensor([1.0, 2.0], requires_grad=True)
    y = cgrad.cond(x.sum() > 2, lambda x: x * 3, lambda x: x, (x,))
    y.sum().backward()
    assert x.grad.tolist() == [3, 3]
    assert cgrad.cond(False, len, lambda: 5) == 5
    n, s = cgrad.while_loop(lambda n, s: n < 5, lambda n, s: [n + 1, s * 2],
                            (cgrad.tensor(0), cgrad.tensor(1.0)))
    assert (n.item(), s.item()) == (5, 32)
    assert cgrad.while_loop(lambda x: x < 3, lambda x: x + 1, (0,)) == (3,)
    with pytest.raises(RuntimeError, match="one element, but has shape"):
        cgrad.cond(x > 1, len, len, ())
    with pytest.raises(RuntimeError, match="must be a bool or a tensor, not int"):
        cgrad.while_loop(lambda x: 1, len, (0,))
    with pytest.raises(RuntimeError, match="returned 1 values for 2"):
        cgrad.while_loop(lambda a, b: True, lambda a, b: a, (0, 1))


def test_foreach():
    xs = [cgrad.ones(2), cgrad.full((1,), 2.0)]
    assert [x.tolist() for x in cgrad._foreach_add(xs, xs, alpha=2)] == [[3, 3], [6]]
    assert cgrad._foreach_mul_(xs, 2.0) is None
    assert [x.tolist() for x in xs] == [[2, 2], [4]]
    cgrad._foreach_add_(xs, [1.0, 2.0])
    assert [x.tolist() for x in xs] == [[3, 3], [6]]
    norms = cgrad._foreach_norm(xs)
    assert norms[0].item() == pytest.approx(math.sqrt(18)) and norms[1].item() == 6
    cgrad._foreach_addcdiv_(xs, xs, xs, -1.0)
    assert [x.tolist() for x in xs] == [[2, 2], [5]]
    cgrad._foreach_addcmul_(xs, xs, xs, [1.0, 0.0])
    assert [x.tolist() for x in xs] == [[6, 6], [5]]
    assert [x.tolist() for x in cgrad._foreach_lerp(xs, [cgrad.zeros(2), cgrad.zeros(1)], 0.5)] \
        == [[3, 3], [2.5]]
    cgrad._foreach_zero_(xs)
    assert [x.tolist() for x in cgrad._foreach_sqrt(xs)] == [[0, 0], [0]]
    with pytest.raises(RuntimeError, match="lists of 2 and 1 members"):
        cgrad._foreach_add(xs, [1.0])
    assert not hasattr(cgrad, "_foreach_nonsense") and not hasattr(cgrad, "_foreach_shape")


def test_overrides():
    from cgrad.overrides import handle_torch_function, has_torch_function, is_tensor_like

    class Logged:
        def __torch_function__(self, function, types, args, kwargs):
            return function.__name__, [t.__name__ for t in types], args[1:], kwargs

    class Later(Logged):
        def __torch_function__(self, function, types, args, kwargs):
            return NotImplemented

    def double(x, y=None, z=0):
        if has_torch_function((x, y)):
            return handle_torch_function(double, (x, y), x, y, z=z)
        return 2 * x

    assert double(3) == 6 and double(cgrad.ones(1)).item() == 2
    a, b = Logged(), Later()
    assert double(a) == ("double", ["Logged"], (None,), {"z": 0})
    assert double(a, b) == ("double", ["Later", "Logged"], (b,), {"z": 0})
    with pytest.raises(TypeError, match=r"no implementation found for '.*double'.*\['Later'\]"):
        double(b)
    assert is_tensor_like(cgrad.ones(1)) and is_tensor_like(a) and not is_tensor_like(3)
    assert is_tensor_like(nn.Parameter(cgrad.ones(1)))


def test_attention_choices():
    from cgrad.nn.attention import SDPBackend, sdpa_kernel

    with sdpa_kernel(SDPBackend.FLASH_ATTENTION), sdpa_kernel([SDPBackend.MATH], True):
        pass
    with pytest.raises(TypeError, match="must be an SDPBackend"), sdpa_kernel("math"):
        pass


def test_dlpack():
    from cgrad.utils.dlpack import from_dlpack, to_dlpack

    x = cgrad.arange(3)
    y = from_dlpack(to_dlpack(x))
    y[0] = 7
    assert x.tolist() == [7, 1, 2]
    assert np.from_dlpack(x)[0] == 7


def test_checkpoint_early_stop():
    from cgrad.utils.checkpoint import checkpoint, set_checkpoint_early_stop

    x = cgrad.ones(2, requires_grad=True)
    with set_checkpoint_early_stop(False):
        checkpoint(lambda x: x.exp() * 2, x, use_reentrant=False).sum().backward()
    assert x.grad.tolist() == pytest.approx([2 * math.e] * 2)


def test_sobol_points():
    pytest.importorskip("scipy")
    SobolEngine = cgrad.quasirandom.SobolEngine
    engine = SobolEngine(3)
    first = engine.draw(4)
    assert first.dtype is cgrad.float32 and first.tolist() == [
        [0, 0, 0], [0.5, 0.5, 0.5], [0.75, 0.25, 0.25], [0.25, 0.75, 0.75]]
    assert engine.num_generated == 4
    more = engine.draw(2, dtype=cgrad.float64)
    assert more.dtype is cgrad.float64
    assert (SobolEngine(3).fast_forward(4).draw(2) == more).all()
    assert (engine.reset().draw_base2(2) == first).all()
    with pytest.raises(ValueError, match="no power of 2"):
        engine.draw_base2(0)
    a, b = (SobolEngine(2, scramble=True, seed=5).draw(8) for _ in range(2))
    assert (a == b).all() and ((a >= 0) & (a < 1)).all()
    assert repr(SobolEngine(2, True, 5)) == "SobolEngine(dimension=2, scramble=True, seed=5)"
    out = cgrad.empty(0)
    assert engine.reset().draw(4, out=out) is out and out.shape == (4, 3)
    with pytest.raises(ValueError, match="dimension must be in"):
        SobolEngine(0)


def test_timers(capsys):
    from cgrad.utils.benchmark import Compare, Language, Measurement, Timer

    before = cgrad.get_num_threads()
    x = cgrad.ones(4)
    timer = Timer("x + y", "y = 2", globals={"x": x}, label="add", sub_label="4", num_threads=2,
                  description="here")
    m = timer.timeit(50)
    assert m.number_per_run == 50 and len(m.times) == 1 and m.median == m.mean == m.times[0] > 0
    assert m.iqr == 0 and "add: 4" in repr(m) and "2 threads" in repr(m)
    seen = []
    m = timer.blocked_autorange(lambda number, time: seen.append(number), min_run_time=0.01)
    assert len(seen) == len(m.times) and sum(m.raw_times) >= 0.01 and m.label == "add"
    m = timer.adaptive_autorange(max_run_time=0.05)
    assert 1 <= m.significant_figures <= 3 and "Median" in repr(m)
    other = Timer("torch.ones(2)", label="add", sub_label="4", description="there").timeit(5)
    table = Compare([m, timer.timeit(5), other])
    table.trim_significant_figures()
    table.colorize()
    table.print()
    text = capsys.readouterr().out
    assert text.startswith("[-- add --]") and "here" in text and "there" in text
    assert "1 thread:" in text and "2 threads:" in text
    assert len(Measurement.merge([m, m])) == 1
    assert cgrad.get_num_threads() == before
    with pytest.raises(ValueError, match="only statements in Python"):
        Timer("x", language=Language.CPP)
    with pytest.raises(NotImplementedError):
        timer.repeat()


def test_modules_over_devices():
    model = nn.DataParallel(nn.Linear(2, 1), device_ids=[0])
    plain = nn.Linear(2, 1)
    plain.load_state_dict(model.module.state_dict())
    assert (model(cgrad.ones(3, 2)) == plain(cgrad.ones(3, 2))).all()
    assert list(model.state_dict()) == ["module.weight", "module.bias"]
    assert nn.parallel.DataParallel is nn.DataParallel
    with pytest.raises(RuntimeError, match="one process"):
        nn.parallel.DistributedDataParallel(plain, device_ids=[0])


@pytest.mark.parametrize("name", [
    "accelerator", "amp", "compat", "control", "cpu", "cuda", "distributed", "hub", "jit", "mps",
    "multiprocessing", "onnx", "overrides", "quasirandom", "testing", "version", "xpu",
    "backends.cuda", "backends.cudnn", "utils.benchmark", "utils.dlpack", "nn.attention",
    "nn.parallel"])
def test_everything_public_is_described(name):
    module = importlib.import_module(f"cgrad.{name}")
    own = [n for n, value in vars(module).items()
           if inspect.isfunction(value) and value.__module__ == module.__name__
           and not n.startswith("_")]
    for n in {*getattr(module, "__all__", []), *own} - set(
            __import__("multiprocessing").__all__):
        assert inspect.ismodule(value := getattr(module, n)) or value.__doc__ or not callable(value)
