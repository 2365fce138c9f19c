"""Products of matrices and vectors, composed of matmul."""
from __future__ import annotations

from cgrad._composite.register import check_tensors, dimension, public, stored
from cgrad._engine.face import public as _op
from cgrad._engine.handle import all_dtypes
from cgrad._engine.table import grad_mode
from cgrad._tensor.tensor import Tensor

_BOOL = all_dtypes()[0]


def _check_ndim(name: str, **tensors: tuple[Tensor, int]) -> None:
    check_tensors(name, **{argument: tensor for argument, (tensor, _) in tensors.items()})
    for argument, (tensor, ndim) in tensors.items():
        if tensor.ndim != ndim:
            raise RuntimeError(f"{name}: Expected {ndim}-D argument {argument}, but got "
                               f"{tensor.ndim}-D with shape {list(tensor.shape)}")


# -- vectors -------------------------------------------------------------------------------------


@public()
def vdot(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """vdot(input, other, *, out=None) -> Tensor

    Inner product of two vectors of the same length; for real numbers the same as :func:`dot`.

    Example::

        >>> cgrad.vdot(cgrad.tensor([1.0, 2.0]), cgrad.tensor([3.0, 4.0]))
        tensor(11.)
    """
    return _op["dot"](input, other, out=out)


@public()
def inner(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """inner(input, other, *, out=None) -> Tensor

    Sums of products over the last dimension of both: [..., k] and [*, k] give [..., *].  With a
    number as one of the two: the product.

    Example::

        >>> cgrad.inner(cgrad.tensor([1.0, 2.0]), cgrad.tensor([3.0, 4.0]))
        tensor(11.)
    """
    check_tensors("inner", input=input, other=other)
    if input.dtype != other.dtype:
        raise RuntimeError(f"inner: both inputs should have same dtype, but got {input.dtype} and "
                           f"{other.dtype}")
    if input.ndim == 0 or other.ndim == 0:
        return stored(input * other, out, "inner")
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError("inner() the last dimension must match on both input tensors but got "
                           f"shapes {list(input.shape)} and {list(other.shape)}")
    if other.ndim == 1:
        return _op["matmul"](input, other, out=out)
    product = input @ other.reshape(-1, other.shape[-1]).t()
    return stored(product.reshape(input.shape[:-1] + other.shape[:-1]), out, "inner")


@public("ger")
def outer(input: Tensor, vec2: Tensor, *, out: Tensor | None = None) -> Tensor:
    """outer(input, vec2, *, out=None) -> Tensor

    The matrix of products of two vectors' elements: [n] and [m] give [n, m].

    Example::

        >>> cgrad.ger(cgrad.tensor([1.0, 2.0]), cgrad.tensor([3.0, 4.0]))
        tensor([[3., 4.],
                [6., 8.]])
    """
    _check_ndim("outer", input=(input, 1), vec2=(vec2, 1))
    return _op["mul"](input.unsqueeze(1), vec2, out=out)


# -- sums of a tensor and a product ----------------------------------------------------------------


def _add_product(name: str, input: Tensor, product: Tensor, beta: float, alpha: float,
                 out: Tensor | None) -> Tensor:
    """beta input + alpha product in the shape of the product."""
    check_tensors(name, input=input)
    if input.dtype != product.dtype and name != "addr":
        raise RuntimeError(f"{name}: self and the factors must have the same dtype, but got "
                           f"{input.dtype} and {product.dtype}")
    if not product.dtype.is_floating_point:     # as PyTorch: the factors in the same type
        kind = bool if product.dtype == _BOOL else int
        beta, alpha = kind(beta), kind(alpha)
    if alpha != 1:
        product = product * alpha
    if input.shape != product.shape:
        input = input.expand(product.shape)
    if beta == 0:       # `input` may hold anything, NaN too; its derivative is 0
        if input.requires_grad and grad_mode():
            product = product + _op["where"](_op["zeros"]((), dtype=_BOOL), input, 0.0)
        return stored(product, out, name)
    return _op["add"](product, input if beta == 1 else input * beta, out=out)


@public(inplace=True)
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1,
          out: Tensor | None = None) -> Tensor:
    """addmm(input, mat1, mat2, *, beta=1, alpha=1, out=None) -> Tensor

    beta input + alpha mat1 @ mat2, where `input` is broadcast.  With beta = 0 what `input` holds
    is ignored, NaN and infinities included; so in the four functions below.

    Example::

        >>> cgrad.addmm(cgrad.ones(2, 2), cgrad.eye(2), cgrad.eye(2), beta=2)
        tensor([[3., 2.],
                [2., 3.]])
    """
    return _add_product("addmm", input, _op["mm"](mat1, mat2), beta, alpha, out)


@public(inplace=True)
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: float = 1, alpha: float = 1,
          out: Tensor | None = None) -> Tensor:
    """addmv(input, mat, vec, *, beta=1, alpha=1, out=None) -> Tensor

    beta input + alpha mat @ vec.

    Example::

        >>> cgrad.addmv(cgrad.ones(2), cgrad.eye(2), cgrad.tensor([1.0, 2.0]))
        tensor([2., 3.])
    """
    return _add_product("addmv", input, _op["mv"](mat, vec), beta, alpha, out)


@public(inplace=True)
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: float = 1, alpha: float = 1,
         out: Tensor | None = None) -> Tensor:
    """addr(input, vec1, vec2, *, beta=1, alpha=1, out=None) -> Tensor

    beta input + alpha times the outer product of two vectors.

    Example::

        >>> cgrad.addr(cgrad.zeros(2, 2), cgrad.tensor([1.0, 2.0]), cgrad.tensor([3.0, 4.0]))
        tensor([[3., 4.],
                [6., 8.]])
    """
    _check_ndim("addr", vec1=(vec1, 1), vec2=(vec2, 1))
    return _add_product("addr", input, outer(vec1, vec2), beta, alpha, out)


@public(inplace=True)
def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1,
           out: Tensor | None = None) -> Tensor:
    """addbmm(input, batch1, batch2, *, beta=1, alpha=1, out=None) -> Tensor

    beta input + alpha times the sum of the products batch1[i] @ batch2[i].  The sum is one matrix
    product, [n, b m] times [b m, p].

    Example::

        >>> cgrad.addbmm(cgrad.zeros(2, 2), cgrad.ones(3, 2, 1), cgrad.ones(3, 1, 2))
        tensor([[3., 3.],
                [3., 3.]])
    """
    _check_ndim("addbmm", batch1=(batch1, 3), batch2=(batch2, 3))
    (b, n, m), p = batch1.shape, batch2.shape[2]
    if tuple(batch2.shape[:2]) != (b, m):
        raise RuntimeError(f"addbmm: Expected size for first two dimensions of batch2 tensor to "
                           f"be: [{b}, {m}] but got: [{batch2.shape[0]}, {batch2.shape[1]}].")
    product = batch1.transpose(0, 1).reshape(n, b * m) @ batch2.reshape(b * m, p)
    return _add_product("addbmm", input, product, beta, alpha, out)


@public(inplace=True)
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1,
            out: Tensor | None = None) -> Tensor:
    """baddbmm(input, batch1, batch2, *, beta=1, alpha=1, out=None) -> Tensor

    beta input + alpha batch1[i] @ batch2[i] for each matrix of two batches.

    Example::

        >>> cgrad.baddbmm(cgrad.zeros(1, 2, 2), cgrad.ones(1, 2, 3), cgrad.ones(1, 3, 2))
        tensor([[[3., 3.],
                 [3., 3.]]])
    """
    return _add_product("baddbmm", input, _op["bmm"](batch1, batch2), beta, alpha, out)


# -- products of other kinds -----------------------------------------------------------------------


@public()
def trace(input: Tensor) -> Tensor:
    """trace(input) -> Tensor

    Sum of the diagonal of a matrix.

    Example::

        >>> cgrad.trace(cgrad.tensor([[1.0, 2.0], [3.0, 4.0]]))
        tensor(5.)
    """
    check_tensors("trace", input=input)
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    return _op["diag"](input).sum()


@public()
def kron(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """kron(input, other, *, out=None) -> Tensor

    Kronecker product: each element of `input` times the whole of `other`, as blocks.  Missing
    leading dimensions count as 1.

    Example::

        >>> cgrad.kron(cgrad.eye(2), cgrad.ones(1, 2))
        tensor([[1., 1., 0., 0.],
                [0., 0., 1., 1.]])
    """
    check_tensors("kron", input=input, other=other)
    n = max(input.ndim, other.ndim)
    a = (1,) * (n - input.ndim) + tuple(input.shape)
    b = (1,) * (n - other.ndim) + tuple(other.shape)
    # [a0, 1, a1, 1, ...] times [1, b0, 1, b1, ...]
    left = input.reshape([s for size in a for s in (size, 1)])
    right = other.reshape([s for size in b for s in (1, size)])
    product = (left * right).reshape([s * t for s, t in zip(a, b)])
    return stored(product, out, "kron")


@public()
def cross(input: Tensor, other: Tensor, dim: int | None = None, *,
          out: Tensor | None = None) -> Tensor:
    """cross(input, other, dim=None, *, out=None) -> Tensor

    Cross product of vectors of length 3 along `dim` (default: the first dimension of size 3);
    the other dimensions are broadcast.

    Example::

        >>> cgrad.cross(cgrad.tensor([1.0, 0.0, 0.0]), cgrad.tensor([0.0, 1.0, 0.0]), dim=0)
        tensor([0., 0., 1.])
    """
    check_tensors("cross", input=input, other=other)
    if dim is None:
        if 3 not in input.shape:
            raise RuntimeError(f"cross: no dimension of size 3 in input of shape "
                               f"{list(input.shape)}")
        dim = tuple(input.shape).index(3)
    return cross_product("cross", input, other, dim, out)


def cross_product(name: str, input: Tensor, other: Tensor, dim: int,
                  out: Tensor | None) -> Tensor:
    """a × b = (a₁b₂ - a₂b₁, a₂b₀ - a₀b₂, a₀b₁ - a₁b₀), by two rotations of each factor."""
    check_tensors(name, input=input, other=other)
    if input.ndim != other.ndim:
        raise RuntimeError(f"{name}: inputs must have the same number of dimensions, but got "
                           f"{input.ndim} and {other.ndim}")
    dim = dimension(dim, input.ndim, name)
    if input.ndim == 0 or input.shape[dim] != 3 or other.shape[dim] != 3:
        raise RuntimeError(f"{name}: inputs dimension {dim} must have length 3. Got "
                           f"{list(input.shape)} and {list(other.shape)}")
    a0, a1, a2 = (input.narrow(dim, i, 1) for i in range(3))
    b0, b1, b2 = (other.narrow(dim, i, 1) for i in range(3))
    parts = [a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0]
    return stored(_op["cat"](parts, dim), out, name)


@public(method=False)
def chain_matmul(*matrices: Tensor, out: Tensor | None = None) -> Tensor:
    """chain_matmul(*matrices, out=None) -> Tensor

    Product of matrices in the order that needs the fewest multiplications:
    :func:`linalg.multi_dot`.

    Example::

        >>> cgrad.chain_matmul(cgrad.ones(1, 2), cgrad.ones(2, 3), cgrad.ones(3, 1))
        tensor([[6.]])
    """
    from cgrad.linalg.products import multi_dot

    for i, matrix in enumerate(matrices):
        check_tensors("chain_matmul", matrices=matrix)
        if matrix.ndim != 2:
            raise RuntimeError(f"chain_matmul: Tensor dimension is {matrix.ndim}, expected 2 "
                               f"instead (argument {i})")
    if len(matrices) == 1:
        return stored(matrices[0].clone(), out, "chain_matmul")
    return multi_dot(matrices, out=out)


@public(method=False)
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """bilinear(input1, input2, weight, bias=None) -> Tensor

    y[..., k] = Σ input1[..., i] weight[k, i, j] input2[..., j] + bias[k].  The largest
    intermediate result has the size of one factor: [n, k, j].

    Example::

        >>> cgrad.bilinear(cgrad.ones(1, 2), cgrad.ones(1, 3), cgrad.ones(1, 2, 3))
        tensor([[6.]])
    """
    check_tensors("bilinear", input1=input1, input2=input2, weight=weight)
    if weight.ndim != 3:
        raise RuntimeError(f"bilinear: weight must be 3-D, but got shape {list(weight.shape)}")
    k, i, j = weight.shape
    if input1.ndim == 0 or input1.shape[:-1] != input2.shape[:-1]:
        raise RuntimeError(f"bilinear(): input batch dimensions do not match: got "
                           f"{list(input1.shape)} and {list(input2.shape)}")
    if input1.shape[-1] != i or input2.shape[-1] != j:
        raise RuntimeError(f"bilinear(): sizes of the inputs {list(input1.shape)} and "
                           f"{list(input2.shape)} do not fit weight {list(weight.shape)}")
    if bias is not None and tuple(bias.shape) != (k,):
        raise RuntimeError(f"bilinear(): bias of shape {list(bias.shape)} does not fit the {k} "
                           "output features")
    a, b = input1.reshape(-1, i), input2.reshape(-1, j)
    left = (a @ weight.transpose(0, 1).reshape(i, k * j)).reshape(-1, k, j)
    y = (left @ b.unsqueeze(2)).squeeze(2).reshape((*input1.shape[:-1], k))
    return y if bias is None else y + bias
