"""Activations as modules; the formulas are in :mod:`cgrad.nn.functional`.

Each takes an input of any shape and returns one of that shape.
"""
from __future__ import annotations

import warnings
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad._engine.module import shortcut
from cgrad.nn import functional as F
from cgrad.nn.modules.attention import MultiheadAttention  # noqa: F401  (PyTorch's place)
from cgrad.nn.modules.module import Module
from cgrad.nn.modules.softmax import LogSoftmax, Softmax, Softmax2d, Softmin
from cgrad.nn.parameter import Parameter

__all__ = [
    "CELU", "ELU", "GELU", "GLU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU",
    "LogSigmoid", "LogSoftmax", "Mish", "PReLU", "RReLU", "ReLU", "ReLU6", "SELU", "SiLU",
    "Sigmoid", "Softmax", "Softmax2d", "Softmin", "Softplus", "Softshrink", "Softsign", "Tanh",
    "Tanhshrink", "Threshold",
]  # fmt: skip


class ReLU(Module):
    """max(x, 0).

    Args:
        inplace: overwrite the input. Default: ``False``

    Example::

        >>> cgrad.nn.ReLU()(cgrad.tensor([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    @shortcut
    def forward(self, input: Tensor) -> Tensor:
        return input.relu_() if self.inplace else cgrad.relu(input)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class Sigmoid(Module):
    """1 / (1 + exp(-x)).

    Example::

        >>> cgrad.nn.Sigmoid()(cgrad.tensor([0.0, 2.0]))
        tensor([0.5000, 0.8808])
    """

    @shortcut
    def forward(self, input: Tensor) -> Tensor:
        return cgrad.sigmoid(input)


class Tanh(Module):
    """Hyperbolic tangent.

    Example::

        >>> cgrad.nn.Tanh()(cgrad.tensor([0.0, 1.0]))
        tensor([0.0000, 0.7616])
    """

    @shortcut
    def forward(self, input: Tensor) -> Tensor:
        return cgrad.tanh(input)


class GELU(Module):
    """x · Φ(x), Φ the standard normal distribution function.

    Args:
        approximate: ``"none"`` or ``"tanh"``. Default: ``"none"``

    Example::

        >>> cgrad.nn.GELU()(cgrad.tensor([-1.0, 2.0]))
        tensor([-0.1587,  1.9545])
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class SiLU(Module):
    """x · sigmoid(x), also called swish.

    Args:
        inplace: overwrite the input. Default: ``False``

    Example::

        >>> cgrad.nn.SiLU()(cgrad.tensor([-1.0, 2.0]))
        tensor([-0.2689,  1.7616])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.silu(input, self.inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class LeakyReLU(Module):
    """x where positive, negative_slope · x elsewhere.

    Args:
        negative_slope: Default: 0.01
        inplace: overwrite the input. Default: ``False``

    Example::

        >>> cgrad.nn.LeakyReLU(0.25)(cgrad.tensor([-1.0, 2.0]))
        tensor([-0.2500,  2.0000])
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}" + (", inplace=True" if self.inplace else "")


class ELU(Module):
    """x where positive, alpha · (exp(x) - 1) elsewhere.

    Args:
        alpha: Default: 1.0
        inplace: overwrite the input. Default: ``False``

    Example::

        >>> cgrad.nn.ELU()(cgrad.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.0000])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}" + (", inplace=True" if self.inplace else "")


class Softplus(Module):
    """log(1 + exp(beta · x)) / beta; x itself where beta · x > threshold.

    Args:
        beta: Default: 1.0
        threshold: Default: 20.0

    Example::

        >>> cgrad.nn.Softplus()(cgrad.tensor([-1.0, 0.0, 30.0]))
        tensor([ 0.3133,  0.6931, 30.0000])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class Hardtanh(Module):
    """x limited to [min_val, max_val].

    Args:
        min_val: Default: -1.0
        max_val: Default: 1.0
        inplace: overwrite the input. Default: ``False``
        min_value, max_value: deprecated names of ``min_val`` and ``max_val``.

    Raises:
        AssertionError: ``max_val`` is not greater than ``min_val``.

    Example::

        >>> cgrad.nn.Hardtanh()(cgrad.tensor([-4.0, 0.5, 4.0]))
        tensor([-1.0000,  0.5000,  1.0000])
    """

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__()
        for old, new in ((min_value, "min"), (max_value, "max")):
            if old is not None:
                warnings.warn(
                    f"keyword argument `{new}_value` is deprecated and rename to `{new}_val`",
                    FutureWarning, stacklevel=2)  # fmt: skip
        min_val = min_val if min_value is None else min_value
        max_val = max_val if max_value is None else max_value
        if max_val <= min_val:
            raise AssertionError(
                f"max_val ({max_val}) must be greater than min_val ({min_val})"
            )
        self.min_val = min_val
        self.max_val = max_val
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        limits = f"min_val={self.min_val}, max_val={self.max_val}"
        return limits + (", inplace=True" if self.inplace else "")


class _InPlace(Module):
    """An activation whose only option is to overwrite its input."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class ReLU6(Hardtanh):
    """min(max(x, 0), 6).

    Args:
        inplace: overwrite the input. Default: ``False``

    Example::

        >>> cgrad.nn.ReLU6()(cgrad.tensor([-1.0, 2.0, 8.0]))
        tensor([0., 2., 6.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class SELU(_InPlace):
    """scale · (max(0, x) + min(0, α (exp(x) - 1))): keeps mean 0 and variance 1.

    α = 1.6733, scale = 1.0507 (Klambauer et al., 2017).

    Args:
        inplace: overwrite the input. Default: ``False``

    Example::

        >>> cgrad.nn.SELU()(cgrad.tensor([-1.0, 2.0]))
        tensor([-1.1113,  2.1014])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.selu(input, self.inplace)


class Mish(_InPlace):
    """x · tanh(softplus(x)) (Misra, 2019).

    Args:
        inplace: overwrite the input. Default: ``False``

    Example::

        >>> cgrad.nn.Mish()(cgrad.tensor([-1.0, 2.0]))
        tensor([-0.3034,  1.9440])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.mish(input, self.inplace)


class Hardswish(_InPlace):
    """x · min(max(x + 3, 0), 6) / 6 (Howard et al., 2019).

    Args:
        inplace: overwrite the input. Default: ``False``

    Example::

        >>> cgrad.nn.Hardswish()(cgrad.tensor([-4.0, 0.0, 4.0]))
        tensor([-0., 0., 4.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.hardswish(input, self.inplace)

    def extra_repr(self) -> str:
        return ""


class Hardsigmoid(_InPlace):
    """min(max(x + 3, 0), 6) / 6.

    Args:
        inplace: overwrite the input. Default: ``False``

    Example::

        >>> cgrad.nn.Hardsigmoid()(cgrad.tensor([-4.0, 0.0, 4.0]))
        tensor([0.0000, 0.5000, 1.0000])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.hardsigmoid(input, self.inplace)

    def extra_repr(self) -> str:
        return ""


class CELU(Module):
    """max(0, x) + min(0, alpha · (exp(x / alpha) - 1)) (Barron, 2017).

    Args:
        alpha: Default: 1.0
        inplace: overwrite the input. Default: ``False``

    Example::

        >>> cgrad.nn.CELU()(cgrad.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.0000])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}" + (", inplace=True" if self.inplace else "")


class _Shrink(Module):
    """An activation with the threshold ``lambd``."""

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        return str(self.lambd)


class Hardshrink(_Shrink):
    """x where |x| > lambd, 0 elsewhere.

    Args:
        lambd: Default: 0.5

    Example::

        >>> cgrad.nn.Hardshrink()(cgrad.tensor([-1.0, 0.2]))
        tensor([-1.,  0.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.hardshrink(input, self.lambd)


class Softshrink(_Shrink):
    """x moved towards 0 by lambd; 0 where |x| ≤ lambd.

    Args:
        lambd: not negative. Default: 0.5

    Example::

        >>> cgrad.nn.Softshrink()(cgrad.tensor([-1.0, 0.2]))
        tensor([-0.5000,  0.0000])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softshrink(input, self.lambd)


class Tanhshrink(Module):
    """x - tanh(x).

    Example::

        >>> cgrad.nn.Tanhshrink()(cgrad.tensor([0.0, 1.0]))
        tensor([0.0000, 0.2384])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.tanhshrink(input)


class Softsign(Module):
    """x / (1 + |x|).

    Example::

        >>> cgrad.nn.Softsign()(cgrad.tensor([-1.0, 3.0]))
        tensor([-0.5000,  0.7500])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softsign(input)


class LogSigmoid(Module):
    """log(1 / (1 + exp(-x))), computed without overflow.

    Example::

        >>> cgrad.nn.LogSigmoid()(cgrad.tensor([0.0, 2.0]))
        tensor([-0.6931, -0.1269])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.logsigmoid(input)


class GLU(Module):
    """a · sigmoid(b), where a and b are the halves of the input (Dauphin et al., 2017).

    Args:
        dim: the dimension that is halved. Default: -1

    Shape:
        - Input: (*, 2n, *). Output: (*, n, *).

    Example::

        >>> cgrad.nn.GLU()(cgrad.tensor([6.0, 0.0]))
        tensor([3.])
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class RReLU(Module):
    """x where positive, a · x elsewhere; a is drawn from U(lower, upper) while training.

    In evaluation mode a = (lower + upper) / 2 (Xu et al., 2015).

    Args:
        lower: Default: 1/8
        upper: Default: 1/3
        inplace: overwrite the input. Default: ``False``

    Example::

        >>> cgrad.nn.RReLU(0.25, 0.25)(cgrad.tensor([-1.0, 2.0]))
        tensor([-0.2500,  2.0000])
    """

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}" + (", inplace=True" * self.inplace)


class Threshold(Module):
    """x where x > threshold, ``value`` elsewhere.

    Args:
        threshold: to be exceeded.
        value: what stands for the rest.
        inplace: overwrite the input. Default: ``False``

    Example::

        >>> cgrad.nn.Threshold(1.0, 0.0)(cgrad.tensor([0.5, 2.0]))
        tensor([0., 2.])
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}" + (", inplace=True" * self.inplace)


class PReLU(Module):
    """x where positive, weight · x elsewhere; the slope is learned (He et al., 2015).

    Args:
        num_parameters: 1, or one for each channel. Default: 1
        init: the slopes at the start. Default: 0.25
        device: only the CPU. Default: ``None``
        dtype: of the slopes. Default: float32

    Shape:
        - Input and output: (N, C, *), or any with one slope.

    Example::

        >>> cgrad.nn.PReLU()(cgrad.tensor([-1.0, 2.0])).tolist()
        [-0.25, 2.0]
    """

    weight: Tensor

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(cgrad.empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the slopes back to ``init``."""
        with cgrad.no_grad():
            self.weight.fill_(self.init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"
