"""The in-place forms that PyTorch has as functions too: ``cgrad.exp_(x)`` is ``x.exp_()``."""
from cgrad._composite import activation, elementwise, special  # noqa: F401
from cgrad._composite.register import PUBLIC
from cgrad._tensor.tensor import Tensor

NAMES = tuple(
    name + "_" for name in (
        "abs", "acos", "acosh", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh",
        "asin", "asinh", "atan", "atanh", "ceil", "clamp", "clamp_max", "clamp_min", "clip",
        "conj_physical", "cos", "cosh", "deg2rad", "erf", "erfc", "exp", "exp2", "expm1", "fill",
        "fix", "floor", "frac", "gcd", "i0", "lcm", "ldexp", "log", "log10", "log1p", "log2",
        "logit", "nan_to_num", "neg", "negative", "rad2deg", "reciprocal", "relu", "round",
        "rsqrt", "sigmoid", "sin", "sinc", "sinh", "sqrt", "square", "tan", "tanh", "trunc",
        "xlogy", "zero",
    )
)

PUBLIC.update({name: vars(Tensor)[name] for name in NAMES})
