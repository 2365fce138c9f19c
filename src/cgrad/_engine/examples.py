"""Examples for the docstrings of the functions that face.pyx makes; read when help is asked for.

One for each function, under its own name: in-place forms and second names share it.
"""

TEXT = """
>>> cgrad.abs(cgrad.tensor([-1.5, 2.0]))
tensor([1.5000, 2.0000])

>>> cgrad.acos(cgrad.tensor([0.0, 1.0]))
tensor([1.5708, 0.0000])

>>> cgrad.acosh(cgrad.tensor([1.0, 2.0]))
tensor([0.0000, 1.3170])

>>> cgrad.add(cgrad.tensor([1.0, 2.0]), cgrad.tensor([10.0, 20.0]), alpha=2)
tensor([21., 42.])

>>> cgrad.asin(cgrad.tensor([0.0, 1.0]))
tensor([0.0000, 1.5708])

>>> cgrad.asinh(cgrad.tensor([0.0, 1.0]))
tensor([0.0000, 0.8814])

>>> cgrad.atan(cgrad.tensor([0.0, 1.0]))
tensor([0.0000, 0.7854])

>>> cgrad.atan2(cgrad.tensor([1.0, 0.0]), cgrad.tensor([1.0, -1.0]))
tensor([0.7854, 3.1416])

>>> cgrad.atanh(cgrad.tensor([0.0, 0.5]))
tensor([0.0000, 0.5493])

>>> cgrad.bitwise_and(cgrad.tensor([5, 6]), 3)
tensor([1, 2])

>>> cgrad.bitwise_left_shift(cgrad.tensor([1, 3]), 2)
tensor([ 4, 12])

>>> cgrad.bitwise_not(cgrad.tensor([0, 5]))
tensor([-1, -6])

>>> cgrad.bitwise_or(cgrad.tensor([5, 6]), 3)
tensor([7, 7])

>>> cgrad.bitwise_right_shift(cgrad.tensor([8, -3]), 1)
tensor([ 4, -2])

>>> cgrad.bitwise_xor(cgrad.tensor([5, 6]), 3)
tensor([6, 5])

>>> cgrad.ceil(cgrad.tensor([-1.5, 0.2]))
tensor([-1.,  1.])

>>> cgrad.copysign(cgrad.tensor([1.0, 2.0]), cgrad.tensor([-3.0, 4.0]))
tensor([-1.,  2.])

>>> cgrad.cos(cgrad.tensor([0.0, 1.0]))
tensor([1.0000, 0.5403])

>>> cgrad.cosh(cgrad.tensor([0.0, 1.0]))
tensor([1.0000, 1.5431])

>>> cgrad.deg2rad(cgrad.tensor([90.0, 180.0]))
tensor([1.5708, 3.1416])

>>> cgrad.digamma(cgrad.tensor([1.0, 2.0]))
tensor([-0.5772,  0.4228])

>>> cgrad.eq(cgrad.tensor([1, 2]), 2)
tensor([False,  True])

>>> cgrad.erf(cgrad.tensor([0.0, 1.0]))
tensor([0.0000, 0.8427])

>>> cgrad.erfc(cgrad.tensor([0.0, 1.0]))
tensor([1.0000, 0.1573])

>>> cgrad.erfinv(cgrad.tensor([0.0, 0.5]))
tensor([0.0000, 0.4769])

>>> cgrad.exp(cgrad.tensor([0.0, 1.0]))
tensor([1.0000, 2.7183])

>>> cgrad.exp2(cgrad.tensor([0.0, 3.0]))
tensor([1., 8.])

>>> cgrad.expm1(cgrad.tensor([0.0, 1.0]))
tensor([0.0000, 1.7183])

>>> cgrad.floor(cgrad.tensor([-1.5, 0.2]))
tensor([-2.,  0.])

>>> cgrad.floor_divide(cgrad.tensor([7, -7]), 2)
tensor([ 3, -4])

>>> cgrad.fmax(cgrad.tensor([1.0, float("nan")]), cgrad.tensor([0.0, 2.0]))
tensor([1., 2.])

>>> cgrad.fmin(cgrad.tensor([1.0, float("nan")]), cgrad.tensor([0.0, 2.0]))
tensor([0., 2.])

>>> cgrad.fmod(cgrad.tensor([7, -7]), 3)
tensor([ 1, -1])

>>> cgrad.frac(cgrad.tensor([1.5, -2.25]))
tensor([ 0.5000, -0.2500])

>>> cgrad.gcd(cgrad.tensor([12, 18]), cgrad.tensor([8, 27]))
tensor([4, 9])

>>> cgrad.ge(cgrad.tensor([1, 2, 3]), 2)
tensor([False,  True,  True])

>>> cgrad.gt(cgrad.tensor([1, 2, 3]), 2)
tensor([False, False,  True])

>>> cgrad.hypot(cgrad.tensor([3.0]), cgrad.tensor([4.0]))
tensor([5.])

>>> cgrad.i0(cgrad.tensor([0.0, 1.0]))
tensor([1.0000, 1.2661])

>>> cgrad.igamma(cgrad.tensor([1.0]), cgrad.tensor([2.0]))
tensor([0.8647])

>>> cgrad.igammac(cgrad.tensor([1.0]), cgrad.tensor([2.0]))
tensor([0.1353])

>>> cgrad.lcm(cgrad.tensor([4, 6]), cgrad.tensor([6, 8]))
tensor([12, 24])

>>> cgrad.le(cgrad.tensor([1, 2, 3]), 2)
tensor([ True,  True, False])

>>> cgrad.lt(cgrad.tensor([1, 2, 3]), 2)
tensor([ True, False, False])

>>> cgrad.lgamma(cgrad.tensor([1.0, 4.0]))
tensor([0.0000, 1.7918])

>>> cgrad.log(cgrad.tensor([1.0, 10.0]))
tensor([0.0000, 2.3026])

>>> cgrad.log10(cgrad.tensor([1.0, 1000.0]))
tensor([0.0000, 3.0000])

>>> cgrad.log1p(cgrad.tensor([0.0, 1.0]))
tensor([0.0000, 0.6931])

>>> cgrad.log2(cgrad.tensor([1.0, 8.0]))
tensor([0., 3.])

>>> cgrad.logaddexp(cgrad.tensor([0.0]), cgrad.tensor([0.0]))
tensor([0.6931])

>>> cgrad.logaddexp2(cgrad.tensor([3.0]), cgrad.tensor([3.0]))
tensor([4.])

>>> cgrad.logical_and(cgrad.tensor([True, True]), cgrad.tensor([True, False]))
tensor([ True, False])

>>> cgrad.logical_not(cgrad.tensor([True, False]))
tensor([False,  True])

>>> cgrad.logical_or(cgrad.tensor([False, False]), cgrad.tensor([True, False]))
tensor([ True, False])

>>> cgrad.logical_xor(cgrad.tensor([True, True]), cgrad.tensor([True, False]))
tensor([False,  True])

>>> cgrad.maximum(cgrad.tensor([1, 5]), cgrad.tensor([3, 2]))
tensor([3, 5])

>>> cgrad.minimum(cgrad.tensor([1, 5]), cgrad.tensor([3, 2]))
tensor([1, 2])

>>> cgrad.mul(cgrad.tensor([1.0, 2.0]), 3)
tensor([3., 6.])

>>> cgrad.ne(cgrad.tensor([1, 2]), 2)
tensor([ True, False])

>>> cgrad.neg(cgrad.tensor([-1.5, 2.0]))
tensor([ 1.5000, -2.0000])

>>> cgrad.nextafter(cgrad.tensor([1.0]), cgrad.tensor([2.0])) - 1 == cgrad.finfo(cgrad.float32).eps
tensor([True])

>>> cgrad.rad2deg(cgrad.tensor([0.0, cgrad.pi]))
tensor([  0., 180.])

>>> cgrad.reciprocal(cgrad.tensor([2.0, -4.0]))
tensor([ 0.5000, -0.2500])

>>> cgrad.relu(cgrad.tensor([-1.0, 2.0]))
tensor([0., 2.])

>>> cgrad.remainder(cgrad.tensor([7, -7]), 3)
tensor([1, 2])

>>> cgrad.rsqrt(cgrad.tensor([4.0, 16.0]))
tensor([0.5000, 0.2500])

>>> cgrad.sigmoid(cgrad.tensor([0.0, 2.0]))
tensor([0.5000, 0.8808])

>>> cgrad.sign(cgrad.tensor([-1.5, 0.0, 2.0]))
tensor([-1.,  0.,  1.])

>>> cgrad.silu(cgrad.tensor([-1.0, 2.0]))
tensor([-0.2689,  1.7616])

>>> cgrad.sin(cgrad.tensor([0.0, 1.0]))
tensor([0.0000, 0.8415])

>>> cgrad.sinc(cgrad.tensor([0.0, 0.5]))
tensor([1.0000, 0.6366])

>>> cgrad.sinh(cgrad.tensor([0.0, 1.0]))
tensor([0.0000, 1.1752])

>>> cgrad.sqrt(cgrad.tensor([4.0, 9.0]))
tensor([2., 3.])

>>> cgrad.square(cgrad.tensor([-2.0, 3.0]))
tensor([4., 9.])

>>> cgrad.sub(cgrad.tensor([10.0, 20.0]), cgrad.tensor([1.0, 2.0]))
tensor([ 9., 18.])

>>> cgrad.tan(cgrad.tensor([0.0, 1.0]))
tensor([0.0000, 1.5574])

>>> cgrad.tanh(cgrad.tensor([0.0, 1.0]))
tensor([0.0000, 0.7616])

>>> cgrad.trunc(cgrad.tensor([-1.5, 2.7]))
tensor([-1.,  2.])

>>> cgrad.xlogy(cgrad.tensor([0.0, 2.0]), cgrad.tensor([0.0, 3.0]))
tensor([0.0000, 2.1972])
"""


def of(name: str) -> str:
    """The example of a function, as the end of its docstring; nothing if there is none."""
    begin = TEXT.find(f"\n>>> cgrad.{name}(")
    if begin < 0:
        return ""
    lines = TEXT[begin:].strip().partition("\n\n")[0].splitlines()
    return "\n\nExample::\n\n" + "\n".join(f"    {line}" for line in lines)
