"""What programs written for older PyTorch, or on top of its inner classes, import and use."""
import abc
from collections import OrderedDict

import numpy as np
import pytest

import cgrad
from cgrad import nn


def test_old_import_paths():
    from cgrad.autograd import Variable
    from cgrad.nn.parameter import Parameter
    from cgrad.optim.optimizer import Optimizer
    from cgrad.utils.data.dataset import Dataset

    assert issubclass(cgrad.optim.SGD, Optimizer) and Parameter is nn.Parameter
    assert Dataset is cgrad.utils.data.Dataset
    assert isinstance(Variable(cgrad.ones(2), requires_grad=True), cgrad.Tensor)
    # Losses of others derive from these, transformers of others use the helpers.
    from cgrad.autograd.function import InplaceFunction
    from cgrad.autograd.variable import Variable as same
    from cgrad.distributions.utils import _standard_normal, _sum_rightmost
    from cgrad.nn.modules.activation import MultiheadAttention
    from cgrad.nn.modules.linear import NonDynamicallyQuantizableLinear
    from cgrad.nn.modules.loss import CrossEntropyLoss, TripletMarginLoss, _Loss, _WeightedLoss
    from cgrad.nn.modules.transformer import _get_activation_fn, _get_clones

    assert same is Variable and issubclass(InplaceFunction, cgrad.autograd.Function)
    assert _standard_normal((2, 3), cgrad.float64, None).dtype == cgrad.float64
    assert _sum_rightmost(cgrad.ones(2, 3, 4), 2).tolist() == [12.0, 12.0]
    assert MultiheadAttention is nn.MultiheadAttention
    assert issubclass(NonDynamicallyQuantizableLinear, nn.Linear)
    assert CrossEntropyLoss is nn.CrossEntropyLoss and issubclass(nn.BCELoss, _WeightedLoss)
    assert TripletMarginLoss is nn.TripletMarginLoss and issubclass(_WeightedLoss, _Loss)
    first, second = _get_clones(nn.Linear(2, 2), 2)
    assert first.weight is not second.weight and cgrad.equal(first.weight, second.weight)
    assert _get_activation_fn("relu")(cgrad.tensor(-1.0)).item() == 0
    cgrad._assert(True, "no")
    with pytest.raises(AssertionError, match="no"):
        cgrad._assert(False, "no")


def test_a_loss_of_ones_own_with_a_weight():
    class Smoothed(nn.modules.loss._WeightedLoss):
        def __init__(self, weight=None, reduction="mean", smoothing=0.1):
            super().__init__(weight=weight, reduction=reduction)
            self.smoothing = smoothing

        def forward(self, input, target):
            return nn.functional.cross_entropy(
                input, target, self.weight, label_smoothing=self.smoothing)

    loss, x = Smoothed(cgrad.tensor([1.0, 2.0])), cgrad.tensor([[0.5, -0.5]])
    assert list(loss.state_dict()) == ["weight"] and loss.reduction == "mean"
    expected = nn.CrossEntropyLoss(cgrad.tensor([1.0, 2.0]), label_smoothing=0.1)
    assert cgrad.equal(loss(x, cgrad.tensor([1])), expected(x, cgrad.tensor([1])))


@pytest.mark.parametrize("options", [
    {"padding": 1}, {"padding": 1, "padding_mode": "reflect"},
    {"padding": "same", "padding_mode": "circular"}])
def test_convolutions_of_ones_own_with_other_weights(options):
    class Doubled(nn.Conv2d):
        def forward(self, x):
            return self._conv_forward(x, 2 * self.weight, self.bias)

    conv = Doubled(2, 3, 3, **options)
    x = cgrad.tensor(np.random.default_rng(0).random((1, 2, 5, 5)))
    plain = nn.Conv2d(2, 3, 3, **options).double()
    plain.load_state_dict({"weight": 2 * conv.weight.detach(), "bias": conv.bias.detach()})
    assert cgrad.allclose(conv.double()(x), plain(x))
    if options["padding"] == 1:
        assert conv._reversed_padding_repeated_twice == [1, 1, 1, 1]


def test_what_several_processes_would_need():
    from cgrad.distributed import nn as collectives

    with pytest.raises(RuntimeError, match="one process"):
        collectives.all_reduce(cgrad.ones(1))


def test_what_a_compiler_would_need():
    assert cgrad.jit.annotate(list, [1]) == [1] and cgrad.jit.Final[int]
    with pytest.raises(RuntimeError, match="nn.Module"):
        cgrad.jit.ScriptModule()
    with pytest.raises(RuntimeError, match="leave the decorator"):
        @cgrad.jit.script_method
        def f():
            pass


def test_variables_are_leaves_over_the_same_memory():
    from cgrad.autograd import Variable

    data = cgrad.ones(2)
    x = Variable(data, requires_grad=True)
    assert x.requires_grad and x.is_leaf and not data.requires_grad
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    Variable(data).add_(1)
    assert data.tolist() == [2.0, 2.0]
    assert not Variable(x * 2).requires_grad and Variable(data, True).requires_grad
    assert isinstance(x * 2, Variable) and not isinstance(1.0, Variable)
    with pytest.warns(UserWarning, match="no_grad"):
        assert not Variable(data, volatile=True).requires_grad
    with pytest.raises(TypeError, match="Variable data has to be a tensor, but got list"):
        Variable([1.0])
    with pytest.raises(RuntimeError, match="floating point"):
        Variable(cgrad.tensor([1]), requires_grad=True)
    with pytest.raises(TypeError, match="unexpected keyword argument 'requires_grad'"):
        cgrad.Tensor([1.0], requires_grad=True)
    assert cgrad.Tensor(2, 3, device="cpu").shape == (2, 3)


def test_tensors_in_lists_are_numbers():
    one = cgrad.tensor([1.5], requires_grad=True)
    assert cgrad.tensor([one, one]).tolist() == [1.5, 1.5]
    assert cgrad.tensor([[one], [2]], dtype=cgrad.float64).tolist() == [[1.5], [2.0]]
    assert cgrad.FloatTensor([one, 1]).tolist() == cgrad.as_tensor([one, 1]).tolist() == [1.5, 1]
    small = cgrad.tensor(3, dtype=cgrad.int32)
    assert cgrad.tensor([small, small]).dtype == cgrad.int32
    assert cgrad.tensor([small, 1]).dtype == cgrad.int64
    assert cgrad.tensor([small, 1.5]).dtype == cgrad.float32
    assert cgrad.tensor([cgrad.tensor(True)]).dtype == cgrad.bool
    assert cgrad.tensor([1.0, np.float64(2)]).dtype == cgrad.float64
    for other in (cgrad.ones(2), cgrad.ones(1, 2), cgrad.ones(0)):
        with pytest.raises(ValueError, match="only one element tensors"):
            cgrad.tensor([other, other])


def test_trees():
    from cgrad.utils._pytree import (
        tree_flatten,
        tree_leaves,
        tree_map,
        tree_map_only,
        tree_structure,
        tree_unflatten,
    )

    tree = {"a": [1, (2, None)], "b": OrderedDict(c="x")}
    leaves, spec = tree_flatten(tree)
    assert leaves == tree_leaves(tree) == [1, 2, None, "x"] and spec.num_leaves == 4
    assert tree_unflatten(leaves, spec) == tree == tree_structure(tree).unflatten(leaves)
    assert tree_map(lambda x, y: x + y, [1, (2,)], [3, (4,)]) == [4, (6,)]
    assert tree_map_only(int, lambda x: -x, tree) == {"a": [-1, (-2, None)], "b": {"c": "x"}}
    assert cgrad.utils._pytree.tree_leaves(3) == [3]
    with pytest.raises(ValueError, match="4 leaves, but 1"):
        tree_unflatten([1], spec)


def test_modules_with_a_metaclass():
    class Policy(nn.Module, abc.ABC):
        @abc.abstractmethod
        def act(self):
            pass

    class Own(type(nn.Module)):
        def __call__(cls, *args):
            made = super().__call__(*args)
            made.late = True
            return made

    class Actor(Policy):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 1)

        def act(self):
            return self.layer(cgrad.ones(2))

    class Made(nn.Linear, metaclass=Own):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Policy()
    assert Actor().act().shape == (1,) and list(Actor().state_dict()) == [
        "layer.weight", "layer.bias"]  # fmt: skip
    assert Made(2, 3).late and Made(2, 3)(cgrad.ones(2)).shape == (3,)
