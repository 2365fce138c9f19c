"""What each operation's derivative does, in words and as a formula.

In the formulas g is the upstream gradient (that of the output y), the inputs are x or a, b, c, …,
and ∂a is the downstream gradient, the one of input a. · between tensors is element by element.
"""
from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """How an operation is drawn and explained.

    `pointwise`: its derivative is one number for each element of the output, so that for inputs of
    the output's shape the local derivative can be shown as a tensor of that shape.
    """

    symbol: str
    words: str
    formula: str
    pointwise: bool = False


_TABLE: dict[str, Rule] = {}


def _enter(text: str, pointwise: bool = False, words: str = "") -> None:
    # One operation a line: name | symbol | formula [| words]
    for line in text.strip().splitlines():
        name, symbol, formula, *own = line.split(" | ")
        _TABLE[name] = Rule(symbol, own[0] if own else words, formula, pointwise)


# --- the three of the lecture, and their kin
_enter("""
add | + | ∂a = g, ∂b = g | Distributes: passes the upstream gradient on to both inputs unchanged.
sub | − | ∂a = g, ∂b = −g | Distributes: the first input gets the upstream gradient, the second its negative.
mul | × | ∂a = g · b, ∂b = g · a | Switches: each input gets the upstream gradient times the other input.
div | ÷ | ∂a = g / b, ∂b = −g · a / b² | Scales: the numerator gets the gradient divided by the denominator; the denominator gets the opposite sign, times the quotient.
maximum | max | ∂a = g where a > b, ∂b = g where b > a | Routes: the whole gradient goes to the larger input, none to the other; equal inputs get half each.
minimum | min | ∂a = g where a < b, ∂b = g where b < a | Routes: the whole gradient goes to the smaller input, none to the other; equal inputs get half each.
fmax | max | ∂a = g where a ≥ b or b is NaN, else ∂b = g | Routes: the gradient goes to the input that was taken; a NaN is never taken beside a number.
fmin | min | ∂a = g where a ≤ b or b is NaN, else ∂b = g | Routes: the gradient goes to the input that was taken; a NaN is never taken beside a number.
neg | − | ∂x = −g | Turns the sign of the gradient.
where | where | ∂a = g where the condition holds, ∂b = g elsewhere | Routes: each element's gradient goes to the input that the condition chose.
lerp | lerp | ∂a = g · (1 − w), ∂b = g · w, ∂w = g · (b − a) | Shares the gradient between the two ends by the weight.
pow | xⁿ | ∂a = g · b · aᵇ⁻¹, ∂b = g · y · ln a | Scales by the slope of the power: steeper where the base is larger.
square | x² | ∂x = g · 2x | Scales by twice the input.
twice | 2x | ∂x = 2 g | Scales the gradient by two.
reciprocal | 1/x | ∂x = −g · y² | Scales by minus the square of the result.
abs | abs | ∂x = g · sign x | Passes the gradient with the sign of the input; 0 at 0.
""", pointwise=True)  # noqa: E501

# --- squashing and bending
_enter("""
relu | relu | ∂x = g where x > 0, else 0 | A switch: passes the gradient where the input is positive, stops it elsewhere.
leaky_relu | relu | ∂x = g where x > 0, else slope · g | Passes the gradient where the input is positive, a fraction of it elsewhere.
prelu | relu | ∂x = g where x > 0, else w · g; ∂w = g · x where x ≤ 0 | Passes the gradient where the input is positive, a learned fraction elsewhere.
threshold | thresh | ∂x = g where x > threshold, else 0 | Passes the gradient above the threshold, stops it elsewhere.
tanh | tanh | ∂x = g · (1 − y²) | Squashes: full gradient at 0, almost none where the output is near −1 or 1 (saturation).
sigmoid | σ | ∂x = g · y (1 − y) | Squashes: at most a quarter of the gradient passes, almost none where the output is near 0 or 1 (saturation).
log_sigmoid | log σ | ∂x = g · (1 − σ(x)) | Passes the gradient where the input is negative, little where it is large.
softplus | softplus | ∂x = g · σ(βx) | A smooth relu: passes the share σ(βx) of the gradient.
elu | elu | ∂x = g where x > 0, else g · α eˣ | Passes the gradient where the input is positive, less the more negative it is.
celu | celu | ∂x = g where x > 0, else g · e^(x/α) | Passes the gradient where the input is positive, less the more negative it is.
selu | selu | ∂x = g · λ where x > 0, else g · λ α eˣ | A scaled elu that keeps mean and variance of deep networks.
gelu | gelu | ∂x = g · (Φ(x) + x φ(x)) | A smooth gate: passes the gradient by the normal probability of the input.
gelu_tanh | gelu | ∂x = g · slope of ½ x (1 + tanh(√(2/π)(x + 0.044715 x³))) | A smooth gate, by an approximation with tanh.
silu | silu | ∂x = g · σ(x) (1 + x (1 − σ(x))) | A smooth gate: the input times its own sigmoid.
mish | mish | ∂x = g · slope of x tanh(softplus x) | A smooth gate, a little negative below 0.
hardtanh | clip | ∂x = g inside the limits, 0 outside | Passes the gradient inside the limits, stops it outside.
clamp | clip | ∂x = g inside the limits, 0 outside | Passes the gradient inside the limits, stops it outside.
hardsigmoid | σ hard | ∂x = g / 6 where −3 < x < 3, else 0 | A straight line between its flat ends: a sixth of the gradient passes.
hardswish | swish | ∂x = g · (2x + 3) / 6 where −3 < x < 3; g above, 0 below | A gate of straight pieces.
hardshrink | shrink | ∂x = g where |x| > λ, else 0 | Passes the gradient of what is far from 0.
softshrink | shrink | ∂x = g where |x| > λ, else 0 | Passes the gradient of what is far from 0.
""", pointwise=True)  # noqa: E501

# --- elementary and special functions
_enter("""
exp | eˣ | ∂x = g · y
exp2 | 2ˣ | ∂x = g · y ln 2
expm1 | eˣ−1 | ∂x = g · (y + 1)
log | ln | ∂x = g / x
log2 | log₂ | ∂x = g / (x ln 2)
log10 | log₁₀ | ∂x = g / (x ln 10)
log1p | ln(1+x) | ∂x = g / (1 + x)
sqrt | √ | ∂x = g / (2 y)
rsqrt | 1/√ | ∂x = −g · y³ / 2
sin | sin | ∂x = g · cos x
cos | cos | ∂x = −g · sin x
tan | tan | ∂x = g · (1 + y²)
asin | asin | ∂x = g / √(1 − x²)
acos | acos | ∂x = −g / √(1 − x²)
atan | atan | ∂x = g / (1 + x²)
atan2 | atan2 | ∂a = g · b / (a² + b²), ∂b = −g · a / (a² + b²)
sinh | sinh | ∂x = g · cosh x
cosh | cosh | ∂x = g · sinh x
asinh | asinh | ∂x = g / √(x² + 1)
acosh | acosh | ∂x = g / √(x² − 1)
atanh | atanh | ∂x = g / (1 − x²)
hypot | hypot | ∂a = g · a / y, ∂b = g · b / y
deg2rad | rad | ∂x = g · π / 180
rad2deg | deg | ∂x = g · 180 / π
erf | erf | ∂x = g · (2/√π) e^(−x²)
erfc | erfc | ∂x = −g · (2/√π) e^(−x²)
erfcx | erfcx | ∂x = g · (2 x y − 2/√π)
erfinv | erf⁻¹ | ∂x = g · (√π/2) e^(y²)
sinc | sinc | ∂x = g · (cos πx − y) / x
entr | −x ln x | ∂x = −g · (ln x + 1)
logit | logit | ∂x = g / (x (1 − x))
log_ndtr | log Φ | ∂x = g · φ(x) / Φ(x)
ndtri | Φ⁻¹ | ∂x = g / φ(y)
lgamma | ln Γ | ∂x = g · ψ(x)
digamma | ψ | ∂x = g · ψ′(x)
polygamma | ψ⁽ⁿ⁾ | ∂x = g · ψ⁽ⁿ⁺¹⁾(x)
zeta | ζ | ∂q = −g · s · ζ(s + 1, q)
igamma | P(a,x) | ∂x = g · x^(a−1) e^(−x) / Γ(a)
igammac | Q(a,x) | ∂x = −g · x^(a−1) e^(−x) / Γ(a)
i0 | I₀ | ∂x = g · I₁(x)
i0e | I₀e | ∂x = g · (I₁e(x) − sign x · y)
i1 | I₁ | ∂x = g · (I₀(x) − y / x)
i1e | I₁e | ∂x = g · (I₀e(x) − y (sign x + 1/x))
logaddexp | logaddexp | ∂a = g · e^(a − y), ∂b = g · e^(b − y)
logaddexp2 | logaddexp2 | ∂a = g · 2^(a − y), ∂b = g · 2^(b − y)
xlogy | x ln y | ∂a = g · ln b, ∂b = g · a / b
xlog1py | x ln(1+y) | ∂a = g · ln(1 + b), ∂b = g · a / (1 + b)
copysign | copysign | ∂a = g, with the sign turned where it was turned
frac | frac | ∂x = g
fmod | mod | ∂a = g, ∂b = −g · trunc(a / b)
remainder | mod | ∂a = g, ∂b = −g · floor(a / b)
safe_mul | × | ∂a = g · b, ∂b = g · a
safe_div | ÷ | ∂a = g / b, ∂b = −g · a / b²
tanh_backward | tanh′ | ∂g = g · (1 − y²), ∂y = −2 g · a · y
square_backward | 2gx | ∂a = g · 2 b, ∂b = g · 2 a
sigmoid_backward | σ′ | ∂g = g · y (1 − y), ∂y = g · a · (1 − 2 y)
threshold_backward | thresh′ | ∂g = g where the gate was open, else 0
""", pointwise=True, words="Scales the gradient by the slope of the function at the input.")

_enter("""
ceil | ⌈x⌉ | ∂x = 0
floor | ⌊x⌋ | ∂x = 0
round | round | ∂x = 0
trunc | trunc | ∂x = 0
sign | sign | ∂x = 0
floor_divide | ⌊a/b⌋ | ∂a = 0, ∂b = 0
trunc_divide | trunc a/b | ∂a = 0, ∂b = 0
""", pointwise=True, words="Stops the gradient: a staircase, flat almost everywhere.")

# --- sums and extremes
_enter("""
sum | Σ | ∂x = g, repeated over what was summed | Distributes: every element that was summed gets the whole upstream gradient.
mean | mean | ∂x = g / n, repeated | Distributes in equal parts: each of the n elements gets g / n.
amax | max | ∂x = g at the largest element (shared between equal ones), 0 elsewhere | Routes: the gradient goes to the largest element.
amin | min | ∂x = g at the smallest element (shared between equal ones), 0 elsewhere | Routes: the gradient goes to the smallest element.
prod | Π | ∂xᵢ = g · (product of the others) | Switches: each factor gets the gradient times the product of the others.
var | var | ∂x = g · 2 (x − mean) / (n − correction) | Pulls each element by its distance from the mean.
logsumexp | logΣexp | ∂x = g · softmax(x) | A soft maximum: shares the gradient by softmax.
cumsum | cumΣ | ∂x = sum of g from each place to the end | Each element gets the gradients of all sums it is part of.
cumprod | cumΠ | ∂x = (sum of g · y from each place to the end) / x | Each element gets the gradients of all products it is part of, with itself divided out.
logcumsumexp | logcumΣexp | ∂x = eˣ · (sum of g e^(−y) from each place to the end) | Each element gets its share of all sums it is part of.
recurrence | recurrence | ∂b = the recurrence run backwards on g; ∂a = that · y one step before | Runs backwards through the steps, each scaled by its coefficient.
""")  # noqa: E501

# --- products
_enter("""
matmul | @ | ∂A = G Bᵀ, ∂B = Aᵀ G | Switches, as × does: each matrix gets the upstream gradient times the other, transposed.
linear | xWᵀ+b | ∂x = G W, ∂W = Gᵀ x, ∂b = Σ rows of G | Switches between input and weight; the bias gets the sum over the examples.
convolution | conv | ∂x = G convolved back with the weight, ∂w = x correlated with G, ∂b = Σ G | Switches between input and weight, at every place that the window passed.
convolution_input | convᵀ | ∂G = conv of the arriving gradient, ∂w = correlation of it with G | Linear in each input, as a convolution is.
convolution_weight | conv ∂w | ∂G = conv of x with the arriving gradient, ∂x = G convolved back with it | Linear in each input, as a convolution is.
band | linear map | ∂x = Mᵀ g | A fixed linear map along one dimension: the gradient goes through its transpose.
im2col | unfold | ∂x = windows added back to where they came from | Each element gets the sum over the windows it was copied to.
col2im | fold | ∂x = the windows of g | Each window gets the gradient of the places it was added to.
""")  # noqa: E501

# --- probabilities and losses
_enter("""
softmax | softmax | ∂x = y · (g − Σ g y) | Raises an element's share at the cost of the others: what is common to all gradients cancels.
log_softmax | log softmax | ∂x = g − softmax(x) · Σ g | Subtracts from each gradient its share of their sum.
cross_entropy | CE | ∂x = g · (softmax(x) − target) / n | Pulls the probabilities to the target: predicted minus wanted.
nll_loss | NLL | ∂x = −g · weight at the target's place, 0 elsewhere | Pushes up the log-probability of the target alone.
binary_cross_entropy | BCE | ∂p = g · (p − t) / (p (1 − p)) / n | Pulls the probability to the target.
mse_loss | MSE | ∂a = g · 2 (a − b) / n, ∂b = −∂a | Pulls prediction and target together, in proportion to their distance.
huber | Huber | ∂a = g · (a − b) limited to ±δ | Pulls in proportion to the distance, with a limit.
row_norm | norm | ∂x = (h − mean h − x̂ · mean(h x̂)) / σ with h = g · scale; ∂scale = Σ g x̂, ∂shift = Σ g | Normalises: what would shift or scale a whole row is taken out of the gradient.
attention | attention | with P = softmax(scale · q kᵀ + mask) and D = P ∘ (g vᵀ − Σ P ∘ g vᵀ): ∂q = scale · D k, ∂k = scale · Dᵀ q, ∂v = Pᵀ g | Each query takes an average of the values, weighed by how well their keys fit; the gradient goes to the values by the same weights and to queries and keys through the softmax.
dropout | dropout | ∂x = g · mask / (1 − p) | Passes the gradient where the value was kept, scaled up as the value was.
softmax_backward | softmax′ | derivative of softmax's derivative | The derivative of a derivative, for second order.
log_softmax_backward | log softmax′ | derivative of log-softmax's derivative | The derivative of a derivative, for second order.
cross_entropy_backward | CE′ | derivative of the cross entropy's derivative | The derivative of a derivative, for second order.
nll_loss_backward | NLL′ | derivative of the loss's derivative | The derivative of a derivative, for second order.
mse_loss_backward | MSE′ | ∂g = 2 (a − b) g / n, ∂a = 2 g / n, ∂b = −∂a | The derivative of a derivative, for second order.
row_norm_weight | Σ g x̂ | derivatives of the gradients of scale and shift | The derivative of a derivative, for second order.
attention_backward | attention′ | derivative of attention's derivative | The derivative of a derivative, for second order.
row_norm_backward | norm′ | derivative of the normalisation's derivative | The derivative of a derivative, for second order.
""")  # noqa: E501

# --- shape, choice and place: numbers move, none is computed
_MOVED = "Moves numbers: the gradient goes back to the places they came from."
_CHOSEN = "Chooses numbers: their places get the gradient, what is chosen twice the sum."
_PLACED = "Writes into places: what was overwritten gets nothing, what was written its part."
_enter("""
reshape | reshape | ∂x = g in the shape of x
permute | permute | ∂x = g with the dimensions put back
flip | flip | ∂x = g flipped back
as_strided | view | ∂x = g added into the places it was viewed at
strided | view | ∂x = g added into the places it was viewed at
clone | copy | ∂x = g
to | dtype | ∂x = g in the dtype of x
tied | same | ∂x = g
delay | shift | ∂x = g shifted back
cat | cat | ∂xᵢ = the part of g that xᵢ became
expand | expand | ∂x = sum of g over the repeated dimensions | Copies: the original gets the sum of the gradients of its copies.
shared | extreme | ∂x = g / k at the k elements equal to y, 0 elsewhere | Routes: the gradient goes to the extreme element, equal ones share it.
first_only | copy | ∂x = g, once only | Passes the gradient; a second derivative is not there.
tril | tril | ∂x = lower triangle of g | Passes the gradient of what was kept.
triu | triu | ∂x = upper triangle of g | Passes the gradient of what was kept.
function_output | result | ∂x = g | One of the results of a custom function.
""", words=_MOVED)  # noqa: E501
_enter("""
slice | x[i:j] | ∂x = g at the slice, 0 elsewhere
index | x[i] | ∂x = g added at the indices, 0 elsewhere
gather | gather | ∂x = g added at the indices, 0 elsewhere
embedding | rows | ∂W = rows of g added at the indices, 0 elsewhere | Looks rows up: a row used twice gets the sum, a row not used nothing.
embedding_sparse | rows | ∂W = rows of g at the indices, sparse | Looks rows up: a row used twice gets the sum, a row not used nothing and costs nothing.
index_backward | index′ | ∂g = arriving gradient at the indices
gather_backward | gather′ | ∂g = arriving gradient at the indices
""", words=_CHOSEN)  # noqa: E501
_enter("""
overwrite | = | ∂x = 0, ∂value = g
slice_assign | x[i:j]= | ∂x = g, 0 at the slice; ∂value = g at the slice
strided_assign | view= | ∂x = g, 0 at the view; ∂value = g at the view
index_put | x[i]= | ∂x = g, 0 at the indices (g if added); ∂value = g at the indices
scatter | scatter | ∂x = g, 0 at the indices (g if added); ∂src = g at the indices
scatter_reduce | scatter | ∂src = g at the place each element went to, by the kind of reduction
""", words=_PLACED)

LEAF = Rule("", "A leaf: its gradient is the sum of all that comes back.", "∂x = Σ downstream")
CONSTANT = Rule("", "A constant: no gradient is asked for, so none is computed.", "")
CUSTOM = Rule(
    "ƒ", "A custom autograd.Function: its own backward method computes the downstream gradients.",
    "∂x = backward(g)",
)
_OTHER = Rule("", "Passes back the upstream gradient times its local derivative.",
              "∂x = g · local derivative")  # fmt: skip


def rule_of(operation: str) -> Rule:
    """The rule of an operation of the table; a general sentence for one that has no entry."""
    return _TABLE.get(operation) or _OTHER._replace(symbol=operation)
