"""Affine layers."""
from __future__ import annotations

import math
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad._engine.module import shortcut
from cgrad.nn import init
from cgrad.nn.functional import bilinear, linear
from cgrad.nn.modules.module import Module
from cgrad.nn.parameter import Parameter

__all__ = ["Bilinear", "Identity", "Linear"]


class Identity(Module):
    """Return the input; a placeholder. Constructor arguments are ignored.

    Example::

        >>> cgrad.nn.Identity()(cgrad.ones(2))
        tensor([1., 1.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input


class Linear(Module):
    """y = x Aᵀ + b.

    Args:
        in_features: size of the last dimension of the input.
        out_features: size of the last dimension of the output.
        bias: whether there is a b. Default: ``True``
        device: only the CPU. Default: ``None``
        dtype: of the parameters. Default: float32

    Shape:
        - Input: (*, in_features), any number of leading dimensions.
        - Output: (*, out_features).

    Attributes:
        weight: A, shape (out_features, in_features), drawn from U(-√k, √k), k = 1 / in_features.
        bias: b, shape (out_features), drawn from the same distribution; or None.

    Example::

        >>> layer = cgrad.nn.Linear(20, 30)
        >>> layer(cgrad.randn(128, 20)).shape == (128, 30)
        True
    """

    in_features: int
    out_features: int
    weight: Tensor

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        options = {"device": device, "dtype": dtype}
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(cgrad.empty((out_features, in_features), **options))
        self.register_parameter(
            "bias", Parameter(cgrad.empty(out_features, **options)) if bias else None
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        # a = √5 makes the bound of the weights 1 / √in_features, as for the bias.
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    @shortcut
    def forward(self, input: Tensor) -> Tensor:
        return linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class NonDynamicallyQuantizableLinear(Linear):
    """A Linear; the name is what PyTorch's repr of MultiheadAttention shows."""


class Bilinear(Module):
    """y_k = x1ᵀ A_k x2 + b_k.

    Args:
        in1_features, in2_features: sizes of the last dimension of the inputs.
        out_features: size of the last dimension of the output.
        bias, device, dtype: as for :class:`Linear`.

    Shape:
        - Inputs: (*, in1_features) and (*, in2_features), the leading dimensions the same.
        - Output: (*, out_features).

    Attributes:
        weight: A, shape (out_features, in1_features, in2_features), drawn from U(-√k, √k),
            k = 1 / in1_features.
        bias: b, shape (out_features), drawn from the same distribution; or None.

    Example::

        >>> cgrad.nn.Bilinear(2, 3, 4)(cgrad.ones(5, 2), cgrad.ones(5, 3)).shape
        cgrad.Size([5, 4])
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if in1_features <= 0:
            raise ValueError(f"in1_features must be > 0, but got {in1_features}")
        options = {"device": device, "dtype": dtype}
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        self.weight = Parameter(cgrad.empty(out_features, in1_features, in2_features, **options))
        self.register_parameter(
            "bias", Parameter(cgrad.empty(out_features, **options)) if bias else None
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        return bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )
