"""Optimizers as programs write their own: the same steps in both libraries.

Each class below uses idioms of its kind: deprecated signatures, `.data`, `out=`, closures,
wrapped optimizers, state of all sorts.
"""
import importlib
import math
import warnings
from collections import defaultdict

import numpy as np
import pytest

import cgrad

torch = pytest.importorskip("torch")


def optimizer_module(lib):
    return importlib.import_module(f"{lib.__name__}.optim.optimizer")


def classic_sgd(lib):
    from_optimizer = optimizer_module(lib)

    class ClassicSGD(from_optimizer.Optimizer):
        def __init__(self, params, lr=from_optimizer.required, momentum=0.0, weight_decay=0.0):
            if lr is not from_optimizer.required and lr < 0.0:
                raise ValueError(f"Invalid learning rate: {lr}")
            defaults = dict(lr=lr, momentum=momentum, weight_decay=weight_decay)
            super(ClassicSGD, self).__init__(params, defaults)  # noqa: UP008

        def __setstate__(self, state):
            super().__setstate__(state)
            for group in self.param_groups:
                group.setdefault("nesterov", False)

        def step(self, closure=None):
            loss = None
            if closure is not None:
                loss = closure()
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is None:
                        continue
                    d_p = p.grad.data
                    if group["weight_decay"] != 0:
                        d_p.add_(p.data, alpha=group["weight_decay"])
                    param_state = self.state[p]
                    if "momentum_buffer" not in param_state:
                        buf = param_state["momentum_buffer"] = lib.zeros_like(p.data)
                        buf.mul_(group["momentum"]).add_(d_p)
                    else:
                        buf = param_state["momentum_buffer"]
                        buf.mul_(group["momentum"]).add_(d_p)
                    p.data.add_(buf, alpha=-group["lr"])
            return loss

    return lambda params: ClassicSGD(params, lr=0.05, momentum=0.8, weight_decay=0.01)


def adabelief(lib):
    class AdaBelief(lib.optim.Optimizer):
        def __init__(self, params, lr=1e-2, betas=(0.9, 0.99), eps=1e-8, amsgrad=True):
            super().__init__(params, dict(lr=lr, betas=betas, eps=eps, amsgrad=amsgrad))

        @lib.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is None:
                        continue
                    grad = p.grad
                    if grad.is_sparse:
                        raise RuntimeError("no sparse gradients")
                    state = self.state[p]
                    if len(state) == 0:
                        state["step"] = 0
                        like = dict(memory_format=lib.preserve_format)
                        state["exp_avg"] = lib.zeros_like(p, **like)
                        state["exp_avg_var"] = lib.zeros_like(p.data, **like)
                        state["max_exp_avg_var"] = lib.zeros_like(p)
                    exp_avg, exp_avg_var = state["exp_avg"], state["exp_avg_var"]
                    beta1, beta2 = group["betas"]
                    state["step"] += 1
                    c1, c2 = 1 - beta1 ** state["step"], 1 - beta2 ** state["step"]
                    exp_avg.mul_(beta1).add_(grad, alpha=1 - beta1)
                    residual = grad - exp_avg
                    exp_avg_var.mul_(beta2).addcmul_(residual, residual, value=1 - beta2)
                    top = state["max_exp_avg_var"]
                    lib.max(top, exp_avg_var.add_(group["eps"]), out=top)
                    denom = (top.sqrt() / math.sqrt(c2)).add_(group["eps"])
                    p.addcdiv_(exp_avg, denom, value=-group["lr"] / c1)

    return AdaBelief


def lion(lib):
    class Lion(lib.optim.Optimizer):
        def __init__(self, params, lr=1e-2, betas=(0.9, 0.99), weight_decay=0.1):
            super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

        @lib.no_grad()
        def step(self, closure=None):
            loss = None
            if closure is not None:
                with lib.enable_grad():
                    loss = closure()
            for group in self.param_groups:
                for p in filter(lambda p: p.grad is not None, group["params"]):
                    p.data.mul_(1 - group["lr"] * group["weight_decay"])
                    state = self.state[p]
                    if "exp_avg" not in state:
                        state["exp_avg"] = lib.zeros_like(p)
                    m, (beta1, beta2) = state["exp_avg"], group["betas"]
                    update = m.clone().mul_(beta1).add(p.grad, alpha=1 - beta1).sign_()
                    p.add_(update, alpha=-group["lr"])
                    m.mul_(beta2).add_(p.grad, alpha=1 - beta2)
            return loss

    return Lion


def lamb(lib):
    class Lamb(lib.optim.Optimizer):
        def __init__(self, params, lr=1e-2):
            super().__init__(params, dict(lr=lr, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.01))

        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is None:
                        continue
                    grad, data = p.grad.data, p.data
                    state = self.state[p]
                    if not state:
                        state.update(step=0, m=lib.zeros_like(data), v=lib.zeros_like(data))
                    state["step"] += 1
                    m, v = state["m"], state["v"]
                    m.mul_(0.9).add_(grad, alpha=0.1)
                    v.mul_(0.999).addcmul_(grad, grad, value=0.001)
                    size = data.pow(2).sum().sqrt().clamp(0, 10)
                    step = m / v.sqrt().add(group["eps"])
                    if group["weight_decay"] != 0:
                        step.add_(data, alpha=group["weight_decay"])
                    norm = step.pow(2).sum().sqrt()
                    trust = 1 if size == 0 or norm == 0 else size / norm
                    state["trust"] = trust
                    data.add_(step, alpha=-group["lr"] * float(trust))

    return Lamb


def rectified(lib):
    class Rectified(lib.optim.Optimizer):
        """Copies in single precision, buffers of Python lists."""

        def __init__(self, params, lr=1e-2):
            super().__init__(params, dict(lr=lr, buffer=[[None, None] for _ in range(10)]))

        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is None:
                        continue
                    grad = p.grad.data.float()
                    fp32 = p.data.float()
                    state = self.state[p]
                    if len(state) == 0:
                        state["step"] = 0
                        state["exp_avg"] = lib.zeros_like(fp32)
                    else:
                        state["exp_avg"] = state["exp_avg"].type_as(fp32)
                    state["exp_avg"].mul_(0.9).add_(grad, alpha=0.1)
                    state["step"] += 1
                    slot = group["buffer"][state["step"] % 10]
                    slot[0], slot[1] = state["step"], group["lr"] / (1 - 0.9 ** state["step"])
                    fp32.add_(state["exp_avg"], alpha=-slot[1])
                    p.data.copy_(fp32)

    return Rectified


def lookahead(lib):
    class Lookahead(lib.optim.Optimizer):
        """Wraps another one and never calls the base class's __init__."""

        def __init__(self, optimizer, k=3, alpha=0.5):
            self.optimizer = optimizer
            self.param_groups = optimizer.param_groups
            self.defaults = optimizer.defaults
            self.state = defaultdict(dict)
            self.fast_state = optimizer.state
            self.k, self.alpha = k, alpha
            for group in self.param_groups:
                group["counter"] = 0

        def update(self, group):
            for fast in group["params"]:
                param_state = self.state[fast]
                if "slow_param" not in param_state:
                    param_state["slow_param"] = lib.clone(fast.data).detach()
                slow = param_state["slow_param"]
                slow += (fast.data - slow) * self.alpha
                fast.data.copy_(slow)

        def step(self, closure=None):
            loss = self.optimizer.step(closure)
            for group in self.param_groups:
                if group["counter"] == 0:
                    self.update(group)
                group["counter"] = (group["counter"] + 1) % self.k
            return loss

    return lambda params: Lookahead(lib.optim.Adam(params, lr=0.05))


def sam(lib):
    class SAM(lib.optim.Optimizer):
        def __init__(self, params, base_optimizer, rho=0.05, **kwargs):
            super().__init__(params, dict(rho=rho, **kwargs))
            self.base_optimizer = base_optimizer(self.param_groups, **kwargs)
            self.param_groups = self.base_optimizer.param_groups
            self.defaults.update(self.base_optimizer.defaults)

        @lib.no_grad()
        def first_step(self, zero_grad=False):
            norms = [p.grad.norm(p=2) for g in self.param_groups for p in g["params"]
                     if p.grad is not None]  # fmt: skip
            norm = lib.norm(lib.stack(norms), p=2)
            for group in self.param_groups:
                scale = group["rho"] / (norm + 1e-12)
                for p in group["params"]:
                    if p.grad is None:
                        continue
                    self.state[p]["old_p"] = p.data.clone()
                    p.add_(p.grad * scale.to(p))
            if zero_grad:
                self.zero_grad()

        @lib.no_grad()
        def second_step(self, zero_grad=False):
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        p.data = self.state[p]["old_p"]
            self.base_optimizer.step()
            if zero_grad:
                self.zero_grad()

        @lib.no_grad()
        def step(self, closure=None):
            closure = lib.enable_grad()(closure)
            self.first_step(zero_grad=True)
            closure()
            self.second_step()

    return lambda params: SAM(params, lib.optim.SGD, lr=0.05, momentum=0.9)


def subclass(lib):
    class Halving(lib.optim.AdamW):
        """Inherits a built-in optimizer."""

        def __init__(self, params):
            super().__init__(params, lr=0.1)
            self.taken = 0

        @lib.no_grad()
        def step(self, closure=None):
            loss = super().step(closure)
            self.taken += 1
            for group in self.param_groups:
                group["lr"] /= 1.1
                for p in group["params"]:
                    p.clamp_(-2, 2)
            return loss

    return Halving


KINDS = [classic_sgd, adabelief, lion, lamb, rectified, lookahead, sam, subclass]


@pytest.mark.parametrize("kind", KINDS)
def test_same_steps(kind):
    rng = np.random.default_rng(0)
    xs, ys = rng.normal(size=(30, 16, 3)), rng.normal(size=(30, 16, 1))
    weights = [rng.normal(size=shape) for shape in ((5, 3), (5,), (1, 5), (1,))]
    losses, states = [], []
    for lib in (cgrad, torch):
        net = lib.nn.Sequential(lib.nn.Linear(3, 5), lib.nn.Tanh(), lib.nn.Linear(5, 1)).double()
        with lib.no_grad():
            for param, value in zip(net.parameters(), weights):
                param.copy_(lib.tensor(value))
        optimizer = kind(lib)(net.parameters())
        scheduler = lib.optim.lr_scheduler.StepLR(optimizer, 10, gamma=0.5)
        series = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for x, y in zip(xs, ys):

                def closure(x=x, y=y):
                    optimizer.zero_grad()  # noqa: B023
                    loss = ((net(lib.tensor(x)) - lib.tensor(y)) ** 2).mean()  # noqa: B023
                    loss.backward()
                    return loss

                series.append(closure().item())
                optimizer.step(closure if kind is sam else None)
                scheduler.step()
        losses.append(series)
        if kind is lookahead:
            continue  # its state_dict fails in PyTorch, which misses __init__
        states.append(optimizer.state_dict())
        repr(optimizer)
        again = kind(lib)(net.parameters())
        again.load_state_dict(optimizer.state_dict())
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)
    if kind is lookahead:
        return
    assert states[0]["state"].keys() == states[1]["state"].keys()
    for key, kept in states[0]["state"].items():
        assert kept.keys() == states[1]["state"][key].keys()


def test_required_options():
    for lib in (cgrad, torch):
        make = classic_sgd(lib)
        kind = type(make([lib.zeros(1, requires_grad=True)]))
        assert repr(optimizer_module(lib).required) == "<required parameter>"
        with pytest.raises(ValueError, match="didn't specify a value of required optimization"):
            kind([lib.zeros(1, requires_grad=True)])
        kind([{"params": lib.zeros(1, requires_grad=True), "lr": 0.1}])


def test_hooks_run_once_and_in_order():
    for lib in (cgrad, torch):
        calls = []
        module = optimizer_module(lib)
        handles = [
            module.register_optimizer_step_pre_hook(lambda o, a, k, calls=calls: calls.append("A")),
            module.register_optimizer_step_post_hook(
                lambda o, a, k, calls=calls: calls.append("D")
            ),
        ]
        try:
            optimizer = lib.optim.SGD([lib.zeros(1, requires_grad=True)])
            optimizer.register_step_pre_hook(lambda o, a, k, calls=calls: calls.append("B"))
            optimizer.register_step_post_hook(lambda o, a, k, calls=calls: calls.append("C"))
            optimizer.step()
        finally:
            for handle in handles:
                handle.remove()
        optimizer.step()
        assert calls == ["A", "B", "C", "D", "B", "C"]


PATHS = [
    "optimizer.Optimizer", "optimizer.required", "optimizer.ParamsT", "sgd.SGD", "adam.Adam",
    "adamw.AdamW", "adagrad.Adagrad", "adadelta.Adadelta", "adamax.Adamax", "nadam.NAdam",
    "radam.RAdam", "rmsprop.RMSprop", "rprop.Rprop", "asgd.ASGD", "sparse_adam.SparseAdam",
    "lbfgs.LBFGS", "lr_scheduler._LRScheduler", "lr_scheduler.LRScheduler",
    "lr_scheduler.ReduceLROnPlateau", "swa_utils.AveragedModel", "_adafactor.Adafactor",
    "_muon.Muon",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_import_paths(path):
    module, name = path.split(".")
    for package in ("cgrad", "torch"):
        assert hasattr(__import__(f"{package}.optim.{module}", fromlist=[name]), name)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    "call",
    [
        lambda p, a, b: p.add_(-0.5, a),
        lambda p, a, b: p.sub_(0.5, a),
        lambda p, a, b: p.add(2, a),
        lambda p, a, b: p.addcdiv_(-0.5, a, b),
        lambda p, a, b: p.addcmul_(1 - 0.9, a, a),
        lambda p, a, b: p.mul_(0.9).add_(0.1, a).addcmul(0.5, a, b),
    ],
)
def test_the_order_of_arguments_of_old_programs(call):
    values = [call(*(lib.tensor(x) for x in ([1.0, 2.0], [3.0, 4.0], [5.0, 7.0]))).tolist()
              for lib in (cgrad, torch)]  # fmt: skip
    assert values[0] == pytest.approx(values[1])


def test_the_old_order_warns_and_other_calls_still_fail():
    x = cgrad.ones(2)
    with pytest.warns(UserWarning, match="deprecated"):
        x.add_(2, x)
    with pytest.warns(UserWarning, match="deprecated"):
        x.addcmul_(2, x, x)
    for call in (lambda: x.mul_(2, x), lambda: x.add_(x, x), lambda: x.add_(1, 2, 3),
                 lambda: x.addcmul(x, x, x), lambda: x.addcdiv()):  # fmt: skip
        with pytest.raises(TypeError):
            call()
