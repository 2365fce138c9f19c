"""Elementwise functions composed of those of the table."""
from __future__ import annotations

from cgrad._composite.register import check_tensor, public


@public(inplace=True)
def addcmul(input, tensor1, tensor2, *, value=1):
    """addcmul(input, tensor1, tensor2, *, value=1) -> Tensor

    input + value tensor1 tensor2.
    """
    return input + value * tensor1 * tensor2


@public(inplace=True)
def addcdiv(input, tensor1, tensor2, *, value=1):
    """addcdiv(input, tensor1, tensor2, *, value=1) -> Tensor

    input + value tensor1 / tensor2.
    """
    return input + value * tensor1 / tensor2


@public(inplace=True)
def lerp(input, end, weight):
    """lerp(input, end, weight) -> Tensor

    input + weight (end - input).
    """
    return input + weight * (end - input)


@public()
def isnan(input):
    """isnan(input) -> bool Tensor

    Whether each element is not a number.
    """
    check_tensor("isnan", input)
    return input != input


@public()
def isinf(input):
    """isinf(input) -> bool Tensor

    Whether each element is infinite.
    """
    check_tensor("isinf", input)
    return input.abs() == float("inf") if input.dtype.is_floating_point else input != input


@public()
def isfinite(input):
    """isfinite(input) -> bool Tensor

    Whether each element is neither infinite nor NaN.
    """
    check_tensor("isfinite", input)
    if not input.dtype.is_floating_point:
        return input == input
    return input.abs() < float("inf")


@public()
def isclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    """isclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False) -> bool Tensor

    |input - other| <= atol + rtol |other|, elementwise.
    """
    if input.dtype != other.dtype:
        raise RuntimeError(f"{input.dtype} did not match {other.dtype}")
    close = input == other
    if input.dtype.is_floating_point:
        bound = atol + (rtol * other).abs()
        close = close | (((input - other).abs() <= bound) & isfinite(other))
        if equal_nan:
            close = close | (isnan(input) & isnan(other))
    else:
        a, b = input.to(float), other.to(float)
        close = close | ((a - b).abs() <= atol + (rtol * b).abs())
    return close


@public()
def allclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    """allclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False) -> bool

    Whether :func:`isclose` holds everywhere.
    """
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


@public()
def equal(input, other):
    """equal(input, other) -> bool

    Whether two tensors have the same shape and elements.
    """
    return input.shape == other.shape and bool((input == other).all())
