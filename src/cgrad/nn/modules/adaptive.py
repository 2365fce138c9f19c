"""Softmax over many classes, the rare ones in clusters."""
from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import cgrad
from cgrad import Tensor
from cgrad.nn import functional as F
from cgrad.nn.modules.container import ModuleList, Sequential
from cgrad.nn.modules.linear import Linear
from cgrad.nn.modules.module import Module

__all__ = ["AdaptiveLogSoftmaxWithLoss"]


class _ASMoutput(NamedTuple):
    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """Softmax for many classes of unlike frequency: rare ones are in clusters that cost less.

    The head gives the probabilities of the frequent classes and of each cluster; a cluster's layer,
    of ``in_features // div_value ** i`` hidden units, gives those within cluster i, and is run for
    the targets in it alone (Grave et al., Efficient softmax approximation for GPUs, ICML 2017).

    Args:
        in_features: size of the input vectors.
        n_classes: number of classes, in the order of falling frequency.
        cutoffs: where clusters begin, increasing, from 1 to ``n_classes - 1``.
        div_value: by how much each cluster's hidden layer is smaller. Default: 4
        head_bias: learn a bias in the head. Default: ``False``
        device, dtype: of the parameters.

    Shape:
        - Input: (N, in_features) or (in_features). Target: int64, (N) or ().
        - Output: a named tuple; ``output``, the log-probability of each target, (N) or (), and
          ``loss``, minus their mean.

    Attributes:
        head: a layer of ``cutoffs[0]`` + number of clusters outputs.
        tail: for each cluster two layers without bias.

    Raises:
        ValueError: ``cutoffs`` is empty, not increasing or out of range.

    Example::

        >>> softmax = cgrad.nn.AdaptiveLogSoftmaxWithLoss(16, 1000, cutoffs=[10, 100])
        >>> output, loss = softmax(cgrad.randn(8, 16), cgrad.randint(0, 1000, (8,)))
        >>> output.shape, loss.shape, softmax.log_prob(cgrad.randn(8, 16)).shape
        (cgrad.Size([8]), cgrad.Size([]), cgrad.Size([8, 1000]))
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: object = None,
        dtype: object = None,
    ) -> None:
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if (
            any(int(c) != c for c in cutoffs)
            or any(a >= b for a, b in pairwise([0, *cutoffs, n_classes]))
        ):  # fmt: skip
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing "
                f"order, where each value is between 1 and n_classes-1, got {cutoffs}"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = cutoffs[0]
        self.n_clusters = len(cutoffs)
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, head_bias, device, dtype)
        self.tail = ModuleList()
        for i, (low, high) in enumerate(pairwise(self.cutoffs)):
            hidden = int(in_features // div_value ** (i + 1))
            self.tail.append(
                Sequential(
                    Linear(in_features, hidden, False, device, dtype),
                    Linear(hidden, high - low, False, device, dtype),
                )
            )

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for module in self.modules():
            if isinstance(module, Linear):
                module.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> _ASMoutput:
        if target_.dim() > 1:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        if input_.dim() != target_.dim() + 1:
            raise RuntimeError(
                f"{target_.dim()}D target tensor expects {target_.dim() + 1}D input tensors, "
                f"but found inputs with size {tuple(input_.shape)}"
            )
        if target_.dim() and input_.shape[0] != target_.shape[0]:
            raise RuntimeError(
                "Input and target should have the same size in the batch dimension, "
                f"got {input_.shape[0]} and {target_.shape[0]}"
            )
        input = input_ if target_.dim() else input_.unsqueeze(0)
        target = target_ if target_.dim() else target_.unsqueeze(0)
        if target.numel() and not 0 <= target.min().item() <= target.max().item() < self.n_classes:
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{target.min().item()}, {target.max().item()}] were found. "
            )
        column = target  # of the head
        parts, order = [], []  # log-probabilities within the clusters, and whose they are
        for i, (low, high) in enumerate(pairwise(self.cutoffs)):
            inside = (target >= low) & (target < high)
            rows = inside.nonzero().squeeze(1)
            if not len(rows):
                continue
            column = cgrad.where(inside, self.shortlist_size + i, column)
            within = F.log_softmax(self.tail[i](input[rows]), dim=1)
            parts.append(within.gather(1, (target[rows] - low).unsqueeze(1)).squeeze(1))
            order.append(rows)
        output = F.log_softmax(self.head(input), dim=1).gather(1, column.unsqueeze(1)).squeeze(1)
        if parts:
            output = output.index_add(0, cgrad.cat(order), cgrad.cat(parts))
        loss = -output.mean()
        return _ASMoutput(output if target_.dim() else output.squeeze(0), loss)

    def _full_log_prob(self, input: Tensor, head: Tensor) -> Tensor:
        head = F.log_softmax(head, dim=1)
        parts = [head[:, : self.shortlist_size]]
        for i, layers in enumerate(self.tail):
            within = F.log_softmax(layers(input), dim=1)
            parts.append(within + head[:, self.shortlist_size + i].unsqueeze(1))
        return cgrad.cat(parts, dim=1)

    def log_prob(self, input: Tensor) -> Tensor:
        """Log-probabilities of all classes: (N, in_features) to (N, n_classes)."""
        return self._full_log_prob(input, self.head(input))

    def predict(self, input: Tensor) -> Tensor:
        """The class of the highest probability: (N, in_features) to (N).

        Clusters are looked into only where the head prefers one of them.
        """
        head = self.head(input)
        best = head.argmax(dim=1)
        rest = best >= self.shortlist_size
        if rest.any():
            best[rest] = self._full_log_prob(input[rest], head[rest]).argmax(dim=1)
        return best
