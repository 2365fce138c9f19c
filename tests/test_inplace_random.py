"""Random programs of views and in-place changes against the same programs on single scalars.

The reference keeps one 0-d tensor for each element of the buffer and knows neither views nor
in-place changes: a view is an array of positions, a change replaces the scalars there.  Values
and gradients of both must agree, whichever views were taken, changed, read and dropped when.
"""

import random

import numpy as np
import pytest

import cgrad

F64 = cgrad.float64
SHAPE = (2, 3)
X = [[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]]
W = [[1.25, 0.5, -1.5], [0.75, 2.0, -0.25]]


class Program:
    """Runs the same random steps on a buffer with views and on scalars."""

    def __init__(self, seed, constant):
        self.random = random.Random(seed)
        self.x = cgrad.tensor(X, dtype=F64, requires_grad=True)
        self.w = cgrad.tensor(W, dtype=F64, requires_grad=True)
        self.x_scalars = [self.leaf(v) for row in X for v in row]
        self.w_scalars = [self.leaf(v) for row in W for v in row]
        if constant:
            buffer = cgrad.zeros(SHAPE, dtype=F64)
            self.cells = [cgrad.zeros((), dtype=F64) for _ in range(6)]
        else:
            buffer = self.x * 1.0
            self.cells = [s * 1.0 for s in self.x_scalars]
        # All live views: the tensor, and the positions of its elements in the buffer.
        self.views = [(buffer, np.arange(6).reshape(SHAPE))]
        self.total = (self.x * 0.0).sum() + (self.w * 0.0).sum()
        self.expected = sum(s * 0.0 for s in self.x_scalars + self.w_scalars)
        self.log = []

    @staticmethod
    def leaf(value):
        return cgrad.tensor(value, dtype=F64, requires_grad=True)

    def pick(self):
        return self.random.choice(self.views)

    def factors(self, shape):
        """Part of the leaf `w` in some shape, and the scalars it consists of."""
        n = int(np.prod(shape))
        return self.w.reshape(-1)[:n].reshape(shape), self.w_scalars[:n]

    def replace(self, positions, function):
        flat = positions.ravel()
        new = [function(self.cells[p], i) for i, p in enumerate(flat)]
        for p, value in zip(flat, new, strict=True):
            self.cells[p] = value

    # Steps. Each changes both sides in the same way.

    def take_view(self):
        t, positions = self.pick()
        takes = [("unsqueeze", lambda a: a[None])]
        if t.ndim:
            i = self.random.randrange(t.shape[0])
            takes += [
                ("select", lambda a: a[i]),
                ("slice", lambda a: a[i:]),
                ("step", lambda a: a[..., ::2]),
                ("last", lambda a: a[..., -1]),
            ]
        if t.ndim == 2:
            takes.append(("transpose", lambda a: a.T))
            takes.append(("diagonal", lambda a: a.diagonal()))
        if t.ndim > 3:
            takes = [takes[-1]]
        name, take = self.random.choice(takes)
        self.views.append((take(t), take(positions)))
        if t.is_contiguous() and self.random.random() < 0.3:
            self.views.append((t.view(-1), positions.reshape(-1)))
        return name

    def reshape_in_place(self):
        at = self.random.randrange(len(self.views))
        t, positions = self.views[at]
        if t.ndim == 2 and self.random.random() < 0.5:
            t.t_()
            self.views[at] = (t, positions.T)
        elif t.ndim and t.shape[0] == 1:
            t.squeeze_(0)
            self.views[at] = (t, positions[0])
        elif t.ndim < 3:
            t.unsqueeze_(0)
            self.views[at] = (t, positions[None])

    def fill_entry(self):
        t, positions = self.pick()
        if not t.ndim or not t.shape[0]:
            return
        i = self.random.randrange(t.shape[0])
        t.index_fill_(0, cgrad.tensor([i]), self.w[0, 0])
        self.replace(positions[i:i + 1], lambda c, k: self.w_scalars[0] * 1.0)

    def scale(self):
        t, positions = self.pick()
        t *= 1.5
        self.replace(positions, lambda c, i: c * 1.5)

    def shift(self):
        t, positions = self.pick()
        t.add_(0.25)
        self.replace(positions, lambda c, i: c + 0.25)

    def sine(self):
        t, positions = self.pick()
        t.sin_()
        self.replace(positions, lambda c, i: c.sin())

    def multiply(self):
        t, positions = self.pick()
        factors, scalars = self.factors(positions.shape)
        t.mul_(factors)
        self.replace(positions, lambda c, i: c * scalars[i])

    def assign(self):
        t, positions = self.pick()
        factors, scalars = self.factors(positions.shape)
        t.copy_(factors * 2.0)
        self.replace(positions, lambda c, i: scalars[i] * 2.0)

    def assign_element(self):
        t, positions = self.pick()
        if not t.ndim:
            return "none"
        i = self.random.randrange(t.shape[0])
        factors, scalars = self.factors(positions[i].shape)
        t[i] = factors
        self.replace(positions[i], lambda c, j: scalars[j] * 1.0)
        return "yes"

    def zero(self):
        t, positions = self.pick()
        t.zero_()
        self.replace(positions, lambda c, i: c * 0.0)

    def add_another_view(self):
        t, positions = self.pick()
        others = [(o, p) for o, p in self.views if p.shape == positions.shape]
        other, theirs = self.random.choice(others)
        cells = [self.cells[p] for p in theirs.ravel()]
        t.add_(other.clone(), alpha=0.5)
        self.replace(positions, lambda c, i: c + 0.5 * cells[i])

    def read(self):
        t, positions = self.pick()
        self.total = self.total + t.clone().sin().sum()
        self.expected = self.expected + sum(self.cells[p].sin() for p in positions.ravel())

    def drop(self):
        if len(self.views) > 1:
            del self.views[self.random.randrange(len(self.views))]

    def run(self, steps):
        changes = [
            self.scale, self.shift, self.sine, self.multiply, self.assign,
            self.assign_element, self.zero, self.add_another_view, self.reshape_in_place,
            self.fill_entry,
        ]  # fmt: skip
        for _ in range(steps):
            step = self.random.choice([self.take_view] * 4 + changes + [self.read, self.drop] * 2)
            detail = step()
            self.log.append(f"{step.__name__} {detail or ''}")
            for t, positions in self.views:
                want = [self.cells[p].item() for p in positions.ravel()]
                np.testing.assert_allclose(
                    t.detach().reshape(-1).tolist(), want, rtol=1e-12, err_msg=str(self.log)
                )
        for t, positions in self.views:
            self.total = self.total + (t * t.detach().clone()).sum()
            for p in positions.ravel():
                self.expected = self.expected + self.cells[p] * self.cells[p].item()


@pytest.mark.parametrize("constant", [False, True], ids=["result", "constant"])
@pytest.mark.parametrize("block", range(20))
def test_random_programs(block, constant):
    for seed in range(block * 25, (block + 1) * 25):
        program = Program(seed, constant)
        program.run(4 + seed % 11)
        got = cgrad.autograd.grad(program.total, [program.x, program.w])
        scalars = program.x_scalars + program.w_scalars
        want = cgrad.autograd.grad(program.expected, scalars)
        message = f"seed {seed}: {program.log}"
        assert program.total.item() == pytest.approx(program.expected.item(), rel=1e-12)
        flat = [v for g in got for v in g.reshape(-1).tolist()]
        expected = [g.item() for g in want]
        np.testing.assert_allclose(flat, expected, rtol=1e-10, atol=1e-12, err_msg=message)
