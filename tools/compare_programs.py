"""Run a PyTorch program with PyTorch and with cgrad in its place, and compare the losses.

    python tools/compare_programs.py [--steps 20] [--tolerance 1e-4] PROGRAM [its options]

The program, a file that trains something when it is run, stays as it is. It runs twice, in two
processes: with PyTorch, and with every `import torch...` answered by cgrad. In both

- random numbers come from one source, NumPy's, so that the initial weights, the batches and what
  dropout drops are the same: a draw depends on the seed, on its kind and shape, and on how many of
  that kind and shape came before;
- what an optimizer gets when it is made is the same number for number: PyTorch's run writes down
  the parameters, the other takes them over;
- each call of backward() writes down its loss; after the given number of them the program ends.

The result is the largest difference between the losses, relative to the larger. If it is beyond the
tolerance, PyTorch runs once more from weights changed by about one part in 10⁷: where that alone
moves the losses as far, the program amplifies rounding, and nothing can be said. Put folders with
stand-ins for what a program imports and this machine lacks (data sets, say) into PYTHONPATH.
"""
from __future__ import annotations

import argparse
import json
import os
import random
import runpy
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np

STEPS, TOLERANCE = 20, 1e-4


# -- random numbers from NumPy ----------------------------------------------------------------


class Draws:
    """Random numbers that depend on what is drawn, not on what else was drawn before."""

    def __init__(self):
        self.restart(0)

    def restart(self, seed: int) -> None:
        self.seed, self.counts = seed, {}

    def generator(self, kind: str, shape: tuple) -> np.random.Generator:
        key = f"{self.seed} {kind} {tuple(shape)}"
        self.counts[key] = count = self.counts.get(key, 0) + 1
        return np.random.default_rng(zlib.crc32(f"{key} {count}".encode()))


def patch_random(torch, set_method) -> None:
    """Replace what draws random numbers in ``torch``, be it PyTorch or cgrad."""
    draws = Draws()

    def seed(value=0):
        draws.restart(int(value))

    def shape_of(size):
        shape = size[0] if len(size) == 1 and not isinstance(size[0], int) else size
        return tuple(int(n) for n in shape)

    def tensor(array, dtype=None, requires_grad=False):
        array = np.asarray(array)
        default = torch.get_default_dtype() if array.dtype.kind == "f" else torch.int64
        result = torch.from_numpy(np.array(array)).to(dtype or default)
        return result.requires_grad_() if requires_grad else result

    def maker(kind, draw):
        def make(*size, size_=None, dtype=None, requires_grad=False, **ignored):
            shape = shape_of(ignored.pop("size", size))
            return tensor(draw(draws.generator(kind, shape), shape), dtype, requires_grad)

        def like(x, dtype=None, requires_grad=False, **ignored):
            return make(tuple(x.shape), dtype=dtype or x.dtype, requires_grad=requires_grad)

        return make, like

    torch.rand, torch.rand_like = maker("rand", lambda rng, shape: rng.random(shape))
    torch.randn, torch.randn_like = maker("randn", lambda rng, shape: rng.standard_normal(shape))

    def randint(*args, low=0, high=None, size=None, dtype=None, **ignored):
        bounds = [a for a in args if isinstance(a, int)]
        size = size if size is not None else args[len(bounds)]
        low, high = (low, high, *bounds)[-2:] if len(bounds) == 2 else (
            (low, bounds[0]) if bounds else (low, high))  # fmt: skip
        shape = tuple(size)
        return tensor(draws.generator("randint", shape).integers(low, high, shape), dtype)

    def randperm(n, dtype=None, **ignored):
        return tensor(draws.generator("randperm", (n,)).permutation(n), dtype)

    def normal(mean=0.0, std=1.0, size=None, dtype=None, **ignored):
        if size is not None:
            return torch.randn(*shape_of((size,)), dtype=dtype) * std + mean
        example = mean if isinstance(mean, torch.Tensor) else std
        both = torch.zeros_like(example) + mean, torch.zeros_like(example) + std
        shape = torch.broadcast_tensors(*both)[0]
        return torch.randn_like(shape.detach()) * both[1].detach() + both[0].detach()

    def bernoulli(x, p=None, **ignored):
        chances = x.detach() if p is None else torch.zeros_like(x) + p
        numbers = draws.generator("bernoulli", tuple(x.shape)).random(tuple(x.shape))
        return tensor(numbers < chances.numpy()).to(x.dtype)

    def multinomial(x, num_samples, replacement=False, **ignored):
        weights = np.atleast_2d(x.detach().numpy().astype(np.float64))
        rng = draws.generator("multinomial", (*x.shape, num_samples))
        with np.errstate(divide="ignore"):
            gumbel = np.log(weights) + rng.gumbel(size=weights.shape)
            if replacement or num_samples == 1:
                noise = rng.gumbel(size=(num_samples, *weights.shape))
                chosen = (np.log(weights) + noise).argmax(-1).T
            else:
                chosen = np.argsort(-gumbel, axis=-1)[:, :num_samples]
        return tensor(chosen.reshape(*x.shape[:-1], num_samples))

    for function in (randint, randperm, normal, bernoulli, multinomial):
        setattr(torch, function.__name__, function)
    torch.manual_seed = torch.seed = seed
    torch.cuda.manual_seed = torch.cuda.manual_seed_all = seed

    def fill(kind):
        def method(self, *args, **kwargs):
            kwargs.pop("generator", None)
            rng = draws.generator(kind, tuple(self.shape))
            numbers = FILLS[kind](rng, tuple(self.shape), *args, **kwargs)
            with torch.no_grad():
                self.copy_(tensor(numbers).to(self.dtype))
            return self

        return method

    for kind in FILLS:
        set_method(kind, fill(kind))
    set_method("multinomial", multinomial)
    set_method("bernoulli", bernoulli)

    def dropout(input, p=0.5, training=True, inplace=False):
        if not training or p == 0:
            return input
        kept = draws.generator("dropout", tuple(input.shape)).random(tuple(input.shape)) >= p
        return input * (tensor(kept).to(input.dtype) / (1 - p if p < 1 else 1))

    replace(torch.nn.functional.dropout, dropout)
    attention = torch.nn.functional.scaled_dot_product_attention

    def attend(query, key, value, attn_mask=None, dropout_p=0.0, *args, **kwargs):
        return attention(query, key, value, attn_mask, 0.0, *args, **kwargs)

    replace(attention, attend)

    from torch.distributions import utils

    if hasattr(utils, "_standard_normal"):      # PyTorch's own way past torch.randn
        replace(utils._standard_normal,
                lambda shape, dtype, device: torch.randn(tuple(shape), dtype=dtype))


def replace(old, new) -> None:
    """Put ``new`` in the place of the function ``old`` wherever it has been imported."""
    for module in list(sys.modules.values()):
        for name, value in list(getattr(module, "__dict__", {}).items()):
            if value is old:
                setattr(module, name, new)


def integers(rng, shape, low=0, high=None):
    low, high = (low, high) if high is not None else (0, low or 1 << 24)
    return rng.integers(low, high, shape)


FILLS = {
    "uniform_": lambda rng, shape, a=0.0, b=1.0, **other: rng.uniform(
        other.get("from_", a), other.get("to", b), shape),
    "normal_": lambda rng, shape, mean=0.0, std=1.0: rng.normal(mean, std, shape),
    "exponential_": lambda rng, shape, lambd=1.0: rng.exponential(1 / lambd, shape),
    "bernoulli_": lambda rng, shape, p=0.5: (rng.random(shape) < float(p)).astype(np.float64),
    "random_": integers,
}  # fmt: skip


# -- one run ----------------------------------------------------------------------------------


class Enough(BaseException):
    """As many steps as were asked for."""


def run(library: str, folder: Path, steps: int, double: bool, command: list[str]) -> None:
    """Run the program with ``library``; write its losses into ``folder``."""
    name, library = library, library.replace("control", "torch")
    if library == "cgrad":
        from cgrad._tensor.tensor import attach as set_method
        from cgrad.compat import install_as_torch

        install_as_torch()
    import torch

    if library == "torch":
        def set_method(name, function):
            setattr(torch.Tensor, name, function)

        def indices(sampler):
            """Draw as cgrad does; PyTorch throws a permutation away at the end of an epoch."""
            length, left = len(sampler.data_source), sampler.num_samples
            while left > 0:
                piece = torch.randint(0, length, (min(left, 1 << 16),)) if sampler.replacement \
                    else torch.randperm(length)[:left]  # fmt: skip
                yield from piece.tolist()
                left -= len(piece)

        torch.utils.data.RandomSampler.__iter__ = indices
    import torch.nn.functional
    import torch.optim

    if double:
        torch.set_default_dtype(torch.float64)
    random.seed(0)
    np.random.seed(0)
    patch_random(torch, set_method)
    losses, made = [], []
    backward, init = torch.Tensor.backward, torch.optim.Optimizer.__init__

    def recorded(self, *args, **kwargs):
        losses.append(float(self.detach().sum()))
        backward(self, *args, **kwargs)
        if len(losses) >= steps:
            raise Enough

    def begun(self, *args, **kwargs):
        init(self, *args, **kwargs)
        parameters = [p for group in self.param_groups for p in group["params"]]
        file = folder / f"weights_{len(made)}.npz"
        if name == "control":
            with torch.no_grad():
                for p in parameters:
                    p.mul_(1 + 1e-7 * torch.randn(p.shape, dtype=p.dtype))
        elif library == "torch":
            np.savez(file, *(p.detach().numpy() for p in parameters))
        if library == "torch":
            made.append(0.0)
            return
        given = list(np.load(file).values())
        shapes = [p.shape for p in given], [tuple(p.shape) for p in parameters]
        assert shapes[0] == shapes[1], f"parameters {shapes[1]}, in PyTorch {shapes[0]}"
        with torch.no_grad():
            made.append(max((float(np.abs(p.detach().numpy() - q).max()) for p, q in
                             zip(parameters, given) if q.size), default=0.0))  # fmt: skip
            for p, q in zip(parameters, given):
                p.copy_(torch.from_numpy(q))

    set_method("backward", recorded)
    torch.optim.Optimizer.__init__ = begun
    sys.argv = command
    sys.path[0] = str(Path(command[0]).resolve().parent)
    try:
        runpy.run_path(command[0], run_name="__main__")
    except Enough:
        pass
    finally:
        record = {"losses": losses, "weights": made}
        (folder / f"{name}.json").write_text(json.dumps(record))
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(0)  # without waiting for the workers of a loader


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--steps", type=int, default=STEPS, help="calls of backward() (%(default)s)")
    add("--tolerance", type=float, default=TOLERANCE, help="of the losses (%(default)s)")
    add("--double", action="store_true", help="with float64 as the default dtype")
    add("--show", action="store_true", help="print the losses")
    add("--run", choices=("torch", "cgrad", "control"), help=argparse.SUPPRESS)
    add("--folder", type=Path, help=argparse.SUPPRESS)
    add("program", nargs=argparse.REMAINDER, metavar="PROGRAM [its options]")
    given = parser.parse_args()
    if not given.program:
        parser.error("which program?")
    if given.run:
        run(given.run, given.folder, given.steps, given.double, given.program)
    # The order of a set of strings, a vocabulary for example, is then the same in every process.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    with tempfile.TemporaryDirectory() as folder:
        records = {}
        for library in ("torch", "cgrad", "control"):
            command = [sys.executable, __file__, "--run", library, "--folder", folder,
                       "--steps", str(given.steps), *["--double"] * given.double,
                       *given.program]  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, env=environment)
            if done.returncode:
                print(f"{library}: {done.stderr[-3000:]}")
                return 1
            records[library] = json.loads(Path(folder, f"{library}.json").read_text())
            if library == "cgrad":
                apart = difference(records["torch"]["losses"], records["cgrad"]["losses"])
                if apart <= given.tolerance:
                    break
    losses = {library: record["losses"] for library, record in records.items()}
    if given.show:
        for library, numbers in losses.items():
            print(f"{library:8}", *(f"{x:.8g}" for x in numbers))
    if not losses["torch"] or apart == float("inf"):
        print(f"{len(losses['torch'])} losses with PyTorch, {len(losses['cgrad'])} with cgrad")
        return 1
    first, last = losses["torch"][0], losses["torch"][-1]
    print(f"{len(losses['torch'])} losses from {first:.6g} to {last:.6g} "
          f"(cgrad {losses['cgrad'][-1]:.6g}); largest relative difference {apart:.1e}; "
          f"the initial weights differed by {max(records['cgrad']['weights'], default=0):.1g}")
    if "control" in losses:
        moved = difference(losses["torch"], losses["control"])
        print(f"PyTorch from weights changed by 1e-7: {moved:.1e}")
    return int(apart > given.tolerance)


def difference(first: list[float], second: list[float]) -> float:
    """Return the largest difference, relative to the larger; infinity for other numbers of them."""
    if len(first) != len(second):
        return float("inf")
    a, b = np.array(first), np.array(second)
    apart = np.abs(a - b) / np.maximum(np.maximum(np.abs(a), np.abs(b)), 1e-30)
    return float(np.where((a == b) | np.isnan(a) & np.isnan(b), 0, apart).max(initial=0))


if __name__ == "__main__":
    sys.exit(main())
