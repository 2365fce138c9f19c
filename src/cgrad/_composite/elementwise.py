"""Elementwise functions composed of those of the table."""
from __future__ import annotations

import math
from collections import namedtuple

import numpy as np

from cgrad._composite.register import check_tensor, check_tensors, public
from cgrad._engine.face import public as _op
from cgrad._engine.handle import all_dtypes
from cgrad._engine.parametric import store
from cgrad._tensor.tensor import Tensor, attach, attach_inplace

_bool, _uint8, *_, _float64 = all_dtypes()
frexp_result = namedtuple("frexp_result", ["mantissa", "exponent"])
Number = bool | int | float


attach_inplace("lerp_", _op["lerp"])


@public(inplace=True)
def clamp_min(
    input: Tensor, min: Tensor | Number, *, out: Tensor | None = None
) -> Tensor:
    """clamp_min(input, min) -> Tensor

    :func:`clamp` with a lower bound only.

    Example::

        >>> cgrad.clamp_min(cgrad.tensor([1, 5]), 3)
        tensor([3, 5])
    """
    check_tensor("clamp_min", input)
    return _op["clamp"](input, min=min, out=out)


@public(inplace=True)
def clamp_max(
    input: Tensor, max: Tensor | Number, *, out: Tensor | None = None
) -> Tensor:
    """clamp_max(input, max) -> Tensor

    :func:`clamp` with an upper bound only.

    Example::

        >>> cgrad.clamp_max(cgrad.tensor([1, 5]), 3)
        tensor([1, 3])
    """
    check_tensor("clamp_max", input)
    return _op["clamp"](input, max=max, out=out)


@public()
def rsub(input: Tensor, other: Tensor | Number, *, alpha: Number = 1) -> Tensor:
    """rsub(input, other, *, alpha=1) -> Tensor

    other - alpha input.

    Example::

        >>> cgrad.rsub(cgrad.tensor([1.0, 2.0]), 10)
        tensor([9., 8.])
    """
    check_tensor("rsub", input)
    if isinstance(alpha, float) and not input.dtype.is_floating_point:
        raise RuntimeError("rsub: For integral input tensors, argument alpha must not be a "
                           "floating point number.")
    return _op["sub"](other, input if alpha == 1 else input * alpha)


@public()
def float_power(
    input: Tensor | Number, exponent: Tensor | Number, *, out: Tensor | None = None
) -> Tensor:
    """float_power(input, exponent) -> Tensor

    input ** exponent, computed in float64; one of them may be a number.

    Example::

        >>> cgrad.float_power(cgrad.tensor([2, 3]), 2)
        tensor([4., 9.], dtype=cgrad.float64)
    """
    if not isinstance(input, Tensor) and not isinstance(exponent, Tensor):
        raise TypeError("float_power(): argument 'input' or 'exponent' must be Tensor, not "
                        f"{type(input).__name__} and {type(exponent).__name__}")
    base, power = (x.to(_float64) if isinstance(x, Tensor) else float(x) for x in (input, exponent))
    return _op["pow"](base, power, out=out)


def _float_power_(input: Tensor, exponent: Tensor | Number) -> Tensor:
    if input.dtype != _float64:
        raise RuntimeError(f"float_power_: the base has dtype {input.dtype}, but the operation's "
                           "result requires dtype cgrad.float64")
    return float_power(input, exponent)


attach_inplace("float_power_", _float_power_)


@public(inplace=True)
def ldexp(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """ldexp(input, other) -> Tensor

    input * 2 ** other.

    Example::

        >>> cgrad.ldexp(cgrad.tensor([1.0, 3.0]), cgrad.tensor([2, 3]))
        tensor([ 4., 24.])
    """
    check_tensors("ldexp", input=input, other=other)
    if input.dtype.is_floating_point and not other.dtype.is_floating_point:
        other = other.to(input.dtype)       # 2 ** 200 fits into float64, not into float32
    return _op["mul"](input, _op["pow"](2.0, other), out=out)


@public()
def frexp(
    input: Tensor, *, out: tuple[Tensor, Tensor] | None = None
) -> tuple[Tensor, Tensor]:
    """frexp(input) -> (mantissa, exponent)

    input = mantissa * 2 ** exponent with 1/2 <= |mantissa| < 1 and an int32 exponent; 0, infinity
    and NaN are their own mantissa, with exponent 0.

    Example::

        >>> cgrad.frexp(cgrad.tensor([8.0]))
        frexp_result(mantissa=tensor([0.5000]), exponent=tensor([4], dtype=cgrad.int32))
    """
    check_tensor("frexp", input)
    if not input.dtype.is_floating_point:
        raise RuntimeError(f"frexp(): input dtype must be a floating point one, but got "
                           f"{input.dtype}")
    power = np.frexp(input.detach().numpy())[1]
    power = np.asarray(np.where(np.isfinite(input.detach().numpy()), power, 0), np.int32)
    half = power // 2                   # 2 ** -exponent may overflow, or lose bits
    mantissa = input * _op["tensor"](np.exp2(-half), dtype=input.dtype)
    mantissa = mantissa * _op["tensor"](np.exp2(half - power), dtype=input.dtype)
    exponent = _op["tensor"](power)
    if out is not None:
        mantissa, exponent = store(mantissa, out[0], "frexp"), store(exponent, out[1], "frexp")
    return frexp_result(mantissa, exponent)


@public(inplace=True)
def heaviside(input: Tensor, values: Tensor, *, out: Tensor | None = None) -> Tensor:
    """heaviside(input, values) -> Tensor

    0 where input < 0, 1 where input > 0, `values` where it is 0.  It has no derivative.

    Example::

        >>> cgrad.heaviside(cgrad.tensor([-1.0, 0.0, 2.0]), cgrad.tensor(0.5))
        tensor([0.0000, 0.5000, 1.0000])
    """
    check_tensor("heaviside", input)
    if not isinstance(values, Tensor):
        raise TypeError("heaviside(): argument 'values' must be Tensor, not "
                        f"{type(values).__name__}")
    if input.dtype != values.dtype:
        raise RuntimeError("heaviside: not implemented for tensors with different dtypes "
                           f"({input.dtype} and {values.dtype})")
    y = _op["where"](input == 0, values.detach(), (input > 0).to(input.dtype))
    return store(y, out, "heaviside")


@public(inplace=True)
def nan_to_num(
    input: Tensor,
    nan: float | None = None,
    posinf: float | None = None,
    neginf: float | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """nan_to_num(input, nan=0.0, posinf=None, neginf=None) -> Tensor

    NaN, infinity and -infinity replaced: by 0, the largest and the least number of the dtype where
    nothing else is given.  No gradient flows to what is replaced.

    Example::

        >>> cgrad.nan_to_num(cgrad.tensor([float("nan"), 1.0]), nan=0.0)
        tensor([0., 1.])
    """
    check_tensor("nan_to_num", input)
    if not input.dtype.is_floating_point:
        return store(input.clone(), out, "nan_to_num")
    largest = float(np.finfo("f8" if input.dtype == _float64 else "f4").max)
    where = _op["where"]
    y = where(input != input, 0.0 if nan is None else nan, input)
    y = where(input == math.inf, largest if posinf is None else posinf, y)
    y = where(input == -math.inf, -largest if neginf is None else neginf, y)
    return store(y, out, "nan_to_num")


@public()
def signbit(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """signbit(input) -> bool Tensor

    Whether each element has its sign bit set, as -0.0 has.

    Example::

        >>> cgrad.signbit(cgrad.tensor([-0.0, 1.0]))
        tensor([ True, False])
    """
    check_tensor("signbit", input)
    if input.dtype.is_floating_point:
        input = _op["copysign"](_op["ones_like"](input), input.detach())
    return store(input < 0, out, "signbit")


@public()
def isposinf(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """isposinf(input) -> bool Tensor

    Whether each element is infinity.

    Example::

        >>> cgrad.isposinf(cgrad.tensor([float("inf"), float("-inf")]))
        tensor([ True, False])
    """
    check_tensor("isposinf", input)
    y = input == math.inf if input.dtype.is_floating_point else input != input
    return store(y, out, "isposinf")


@public()
def isneginf(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """isneginf(input) -> bool Tensor

    Whether each element is -infinity.

    Example::

        >>> cgrad.isneginf(cgrad.tensor([float("inf"), float("-inf")]))
        tensor([False,  True])
    """
    check_tensor("isneginf", input)
    y = input == -math.inf if input.dtype.is_floating_point else input != input
    return store(y, out, "isneginf")


@public()
def isreal(input: Tensor) -> Tensor:
    """isreal(input) -> bool Tensor

    True: no tensor is complex.

    Example::

        >>> cgrad.isreal(cgrad.tensor([1.0]))
        tensor([True])
    """
    check_tensor("isreal", input)
    return _op["ones_like"](input, dtype=_bool)


@public()
def angle(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """angle(input) -> Tensor

    The angle of real numbers in the complex plane: pi where negative, else 0; NaN for NaN.

    Example::

        >>> cgrad.angle(cgrad.tensor([-1.0, 2.0]))
        tensor([3.1416, 0.0000])
    """
    check_tensor("angle", input)
    x = input if input.dtype.is_floating_point else input.to(_op["ones"](()).dtype)
    negative = _op["where"](x < 0, math.pi, x * 0 if x.dtype != input.dtype else _zero(x))
    return store(_op["where"](x != x, x.detach(), negative), out, "angle")


def _zero(x: Tensor) -> Tensor:
    # 0 with derivative 0, also where x is infinite
    return x.sign().trunc() - x.sign()


@public()
def fill(input: Tensor, value: Tensor | Number) -> Tensor:
    """fill(input, value) -> Tensor

    A tensor like `input` with all elements `value`, a number or a 0-d tensor.

    Example::

        >>> cgrad.fill(cgrad.zeros(2), 3.0)
        tensor([3., 3.])
    """
    check_tensor("fill", input)
    if isinstance(value, Tensor) and value.ndim:
        raise RuntimeError("fill only supports 0-dimension value tensor but got tensor with "
                           f"{value.ndim} dimensions.")
    return input.masked_fill(_op["ones"]((), dtype=_bool), value)


@public()
def positive(input: Tensor) -> Tensor:
    """positive(input) -> Tensor

    The tensor itself.  Raises RuntimeError for bool.

    Example::

        >>> cgrad.positive(cgrad.tensor([-1.0, 2.0]))
        tensor([-1.,  2.])
    """
    check_tensor("positive", input)
    if input.dtype == _bool:
        raise RuntimeError("positive: The `+` operator, on a bool tensor is not supported.")
    return input


# ---- what is trivial for real tensors ----


@public()
def real(input: Tensor) -> Tensor:
    """real(input) -> Tensor

    The tensor itself: no tensor is complex.

    Example::

        >>> cgrad.real(cgrad.tensor([1.0]))
        tensor([1.])
    """
    check_tensor("real", input)
    return input


attach("real", property(real))


@public()
def imag(input: Tensor) -> Tensor:
    """imag(input) -> Tensor

    Raises RuntimeError: no tensor is complex.

    Example::

        >>> cgrad.tensor([1.0]).is_complex()
        False
    """
    check_tensor("imag", input)
    raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")


attach("imag", property(imag))


@public("resolve_conj", "resolve_neg")
def conj(input: Tensor) -> Tensor:
    """conj(input) -> Tensor

    The tensor itself, which is its own complex conjugate.

    Example::

        >>> cgrad.conj(cgrad.tensor([1.0]))
        tensor([1.])
    """
    check_tensor("conj", input)
    return input


@public(inplace=True)
def conj_physical(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """conj_physical(input) -> Tensor

    The tensor itself, which is its own complex conjugate.

    Example::

        >>> cgrad.conj_physical(cgrad.tensor([1.0]))
        tensor([1.])
    """
    check_tensor("conj_physical", input)
    return store(input, out, "conj_physical")


@public("is_conj", "is_neg")
def is_complex(input: Tensor) -> bool:
    """is_complex(input) -> bool

    False: there are no complex tensors (and no lazy conjugates or negatives of them).

    Example::

        >>> cgrad.is_complex(cgrad.tensor([1.0]))
        False
    """
    check_tensor("is_complex", input)
    return False


@public()
def is_signed(input: Tensor) -> bool:
    """is_signed(input) -> bool

    Whether the dtype can hold negative numbers.

    Example::

        >>> cgrad.is_signed(cgrad.tensor([1], dtype=cgrad.uint8))
        False
    """
    check_tensor("is_signed", input)
    return input.dtype not in (_bool, _uint8)


# ---- comparisons and predicates ----


@public()
def isnan(input: Tensor) -> Tensor:
    """isnan(input) -> bool Tensor

    Whether each element is not a number.

    Example::

        >>> cgrad.isnan(cgrad.tensor([1.0, float("nan")]))
        tensor([False,  True])
    """
    check_tensor("isnan", input)
    return input != input


@public()
def isinf(input: Tensor) -> Tensor:
    """isinf(input) -> bool Tensor

    Whether each element is infinite.

    Example::

        >>> cgrad.isinf(cgrad.tensor([1.0, float("-inf")]))
        tensor([False,  True])
    """
    check_tensor("isinf", input)
    return input.abs() == float("inf") if input.dtype.is_floating_point else input != input


@public()
def isfinite(input: Tensor) -> Tensor:
    """isfinite(input) -> bool Tensor

    Whether each element is neither infinite nor NaN.

    Example::

        >>> cgrad.isfinite(cgrad.tensor([1.0, float("inf")]))
        tensor([ True, False])
    """
    check_tensor("isfinite", input)
    if not input.dtype.is_floating_point:
        return input == input
    return input.abs() < float("inf")


@public()
def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Tensor:
    """isclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False) -> bool Tensor

    |input - other| <= atol + rtol |other|, elementwise.

    Example::

        >>> cgrad.isclose(cgrad.tensor([1.0, 2.0]), cgrad.tensor([1.0, 2.1]))
        tensor([ True, False])
    """
    check_tensor("isclose", input)
    if not isinstance(other, Tensor):
        raise TypeError(f"isclose(): argument 'other' must be Tensor, not {type(other).__name__}")
    for name, value in (("rtol", rtol), ("atol", atol)):
        if value < 0:
            raise RuntimeError(f"isclose: {name} must be greater than or equal to zero, but got "
                               f"{value}")
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
def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """allclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False) -> bool

    Whether :func:`isclose` holds everywhere.

    Example::

        >>> cgrad.allclose(cgrad.tensor([1.0]), cgrad.tensor([1.0 + 1e-9]))
        True
    """
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


@public()
def equal(input: Tensor, other: Tensor) -> bool:
    """equal(input, other) -> bool

    Whether two tensors have the same shape and elements.

    Example::

        >>> cgrad.equal(cgrad.tensor([1, 2]), cgrad.tensor([1, 2]))
        True
    """
    check_tensors("equal", input=input, other=other)
    return input.shape == other.shape and bool((input == other).all())
