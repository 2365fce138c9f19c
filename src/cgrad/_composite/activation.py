"""Activation functions of the package itself; those of nn.functional only are there."""
from __future__ import annotations

from cgrad._composite.register import check_tensor, public
from cgrad._engine import activation as _activation
from cgrad._engine.face import public as _op
from cgrad._tensor.tensor import InPlace, Tensor


@public(method=False)
def rrelu(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False
) -> Tensor:
    """rrelu(input, lower=1/8, upper=1/3, training=False) -> Tensor

    x where positive, a x elsewhere; a is drawn between the bounds for each element in training,
    else it is the middle of them (Xu et al. 2015).

    Example::

        >>> cgrad.rrelu(cgrad.tensor([-1.0, 2.0]), lower=0.25, upper=0.25)
        tensor([-0.2500,  2.0000])
    """
    check_tensor("rrelu", input)
    if lower > upper:
        raise RuntimeError(f"rrelu: Lower bound should be less than or equal to the upper bound, "
                           f"but got {lower} and {upper}")
    if not training:
        return _activation.leaky_relu(input, (lower + upper) / 2)
    slope = _op["empty_like"](input.detach()).uniform_(lower, upper)
    return input * _op["where"](input > 0, 1.0, slope)


public()(_activation.hardshrink)
public()(_activation.prelu)
public(method=False)(_activation.celu)
public(method=False)(_activation.selu)
public(method=False)(_activation.threshold)
for _changed in (_activation.celu, _activation.selu, _activation.threshold, rrelu):
    public(method=False)(InPlace(_changed, _changed.__name__ + "_"))
