"""Weights of a given norm, spectral norm, or with orthogonal columns, as parametrizations."""
from __future__ import annotations

from functools import partial
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad.nn import functional as F
from cgrad.nn.modules.module import Module
from cgrad.nn.utils import parametrize

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


def norm_except(weight: Tensor, dim: int) -> Tensor:
    """The 2-norm over all dimensions but one (over all for -1), with sizes of 1 for those."""
    if dim == -1:
        return weight.norm()
    others = [i for i in range(weight.dim()) if i != dim % weight.dim()]
    return weight.norm(2, others, keepdim=True)


def checked_weight(module: Module, name: str) -> Tensor:
    """The tensor of that name, or ValueError."""
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return weight


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, g: Tensor, v: Tensor) -> Tensor:
        return v * (g / norm_except(v, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int = 0) -> Module:
    """Train length and direction of a weight apart: w = g · v / ‖v‖.

    Salimans and Kingma, Weight normalization, 2016.

    Args:
        module: it is changed, and returned.
        name: of the weight. Default: ``"weight"``
        dim: there is one length for each index of this dimension; None: one for all. Default: 0

    Raises:
        ValueError: there is no such weight.

    Example::

        >>> layer = cgrad.nn.utils.parametrizations.weight_norm(cgrad.nn.Linear(4, 2))
        >>> layer.parametrizations.weight.original0.shape == (2, 1)
        True
    """
    checked_weight(module, name)
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
    module.register_load_state_dict_pre_hook(partial(_take_older_names, name))
    return module


def _take_older_names(
    name: str, module: Any, state: dict[str, Any], prefix: str, *rest: Any
) -> None:
    # States of nn.utils.weight_norm load as well.
    g, v = f"{prefix}{name}_g", f"{prefix}{name}_v"
    if g in state and v in state:
        state[f"{prefix}parametrizations.{name}.original0"] = state.pop(g)
        state[f"{prefix}parametrizations.{name}.original1"] = state.pop(v)


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """The rows are the indices of ``dim``."""
    if dim:
        weight = weight.movedim(dim, 0)
    return weight.reshape(weight.shape[0], -1)


class _SpectralNorm(Module):
    def __init__(
        self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        super().__init__()
        if not -weight.dim() <= dim < weight.dim():
            raise IndexError(
                "Dimension out of range (expected to be in range of "
                f"[-{weight.dim()}, {weight.dim() - 1}] but got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                "Expected n_power_iterations to be positive, but got "
                f"n_power_iterations={n_power_iterations}"
            )
        self.dim = dim % weight.dim()
        self.eps = eps
        self._u: Any
        self._v: Any
        if weight.dim() > 1:
            self.n_power_iterations = n_power_iterations
            matrix = as_matrix(weight.detach(), self.dim)
            rows, columns = matrix.shape
            u, v = matrix.new_empty(rows).normal_(), matrix.new_empty(columns).normal_()
            self.register_buffer("_u", F.normalize(u, dim=0, eps=eps))
            self.register_buffer("_v", F.normalize(v, dim=0, eps=eps))
            self._iterate(matrix, 15)

    @cgrad.no_grad()
    def _iterate(self, matrix: Tensor, times: int) -> None:
        """Steps of the power method for the first singular vectors."""
        for _ in range(times):
            self._u.copy_(F.normalize(matrix.mv(self._v), dim=0, eps=self.eps))
            self._v.copy_(F.normalize(matrix.T.mv(self._u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.dim() == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._iterate(matrix.detach(), self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()  # the next step changes them in place
        return weight / u.dot(matrix.mv(v))

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Divide a weight by its largest singular value, as the power method knows it.

    Miyato et al., Spectral normalization for generative adversarial networks, 2018. In training
    every look at the weight makes ``n_power_iterations`` more steps.

    Args:
        module: it is changed, and returned.
        name: of the weight. Default: ``"weight"``
        n_power_iterations: Default: 1
        eps: added to norms. Default: 1e-12
        dim: the output dimension. Default: 0, and 1 for transposed convolutions

    Raises:
        ValueError: there is no such weight, or ``n_power_iterations`` is not positive.
        IndexError: ``dim`` is out of range.

    Example::

        >>> layer = cgrad.nn.utils.parametrizations.spectral_norm(cgrad.nn.Linear(3, 3))
        >>> bool(cgrad.linalg.matrix_norm(layer.weight.detach(), 2) < 1.2)
        True
    """
    weight = checked_weight(module, name)
    if dim is None:
        dim = 1 if getattr(module, "transposed", False) else 0
    made = _SpectralNorm(weight, n_power_iterations, dim, eps)
    return parametrize.register_parametrization(module, name, made)


def _make_orthogonal(a: Tensor) -> Tensor:
    """The Q of QR, with signs such that the diagonal of R is positive."""
    q, r = cgrad.linalg.qr(a)
    signs = r.diagonal(dim1=-2, dim2=-1).sign()
    return q * cgrad.where(signs == 0, cgrad.ones_like(signs), signs).unsqueeze(-2)


def _is_orthogonal(q: Tensor) -> bool:
    columns = q.shape[-1]
    eps = 10 * q.shape[-2] * cgrad.finfo(q.dtype).eps
    return cgrad.allclose(q.mT @ q, cgrad.eye(columns, dtype=q.dtype).expand(
        *q.shape[:-2], columns, columns), atol=eps)  # fmt: skip


class _Orthogonal(Module):
    base: Tensor

    def __init__(self, weight: Tensor, orthogonal_map: str, use_trivialization: bool) -> None:
        super().__init__()
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, x: Tensor) -> Tensor:
        wide = x.shape[-2] < x.shape[-1]
        if wide:
            x = x.mT
        n, k = x.shape[-2:]
        if self.orthogonal_map == "householder":
            a = x.tril(-1)
            tau = 2.0 / (1.0 + (a * a).sum(-2))
            q = cgrad.linalg.householder_product(a, tau)
            q = q * x.diagonal(dim1=-2, dim2=-1).detach().trunc().unsqueeze(-2)
        else:
            x = x.tril()
            if n != k:
                x = cgrad.cat([x, x.new_zeros(*x.shape[:-2], n, n - k)], dim=-1)
            a = x - x.mT
            if self.orthogonal_map == "matrix_exp":
                q = cgrad.linalg.matrix_exp(a)
            else:
                one = cgrad.eye(n, dtype=a.dtype)
                q = cgrad.linalg.solve(one - 0.5 * a, one + 0.5 * a)
            if n != k:
                q = q[..., :k]
        if "base" in self._buffers:
            q = self.base @ q
        return q.mT if wide else q

    def right_inverse(self, q: Tensor) -> Tensor:
        if q.shape != self.shape:
            raise ValueError(f"Expected a matrix or batch of matrices of shape {self.shape}. "
                             f"Got a tensor of shape {q.shape}.")  # fmt: skip
        given = q
        wide = q.shape[-2] < q.shape[-1]
        if wide:
            q = q.mT
        n, k = q.shape[-2:]
        if "base" not in self._buffers:
            if self.orthogonal_map != "householder":
                raise NotImplementedError(
                    "It is not possible to assign to the matrix exponential or the Cayley "
                    "parametrizations when use_trivialization=False."
                )
            a, tau = cgrad.geqrf(q)
            diagonal = a.diagonal(dim1=-2, dim2=-1)
            diagonal.sign_()
            diagonal[tau == 0.0] *= -1
            return a.mT if wide else a
        if n == k:
            q = q.clone() if _is_orthogonal(q) else _make_orthogonal(q)
        else:  # completed to a square matrix
            more = cgrad.randn(*q.shape[:-2], n, n - k, dtype=q.dtype)
            q = _make_orthogonal(cgrad.cat([q, more], dim=-1))
        self.base = q
        zero = cgrad.zeros_like(given)  # the map of it is the identity
        zero.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
        return zero


def orthogonal(
    module: Module,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Module:
    """Keep a weight's columns (rows, if there are fewer) orthogonal and of length 1.

    Lezcano Casado, Trivializations for gradient-based optimization on manifolds, 2019.

    Args:
        module: it is changed, and returned.
        name: of the weight, a matrix or a batch of them. Default: ``"weight"``
        orthogonal_map: ``"matrix_exp"`` (e^A, A skew), ``"cayley"``
            ((I - A / 2)⁻¹ (I + A / 2)) or ``"householder"`` (product of reflections).
            Default: ``"matrix_exp"`` for square matrices, ``"householder"`` for others
        use_trivialization: train how far it has moved from the present value. Default: ``True``

    Raises:
        ValueError: there is no such weight, it is no matrix, or the map is not known.

    Example::

        >>> layer = cgrad.nn.utils.parametrizations.orthogonal(cgrad.nn.Linear(3, 3))
        >>> cgrad.allclose(layer.weight @ layer.weight.T, cgrad.eye(3), atol=1e-5)
        True
    """
    weight = checked_weight(module, name)
    if weight.dim() < 2:
        raise ValueError(
            f"Expected a matrix or batch of matrices. Got a tensor of {weight.dim()} dimensions."
        )
    if orthogonal_map is None:
        square = weight.shape[-2] == weight.shape[-1]
        orthogonal_map = "matrix_exp" if square else "householder"
    if orthogonal_map not in ("matrix_exp", "cayley", "householder"):
        raise ValueError(
            'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". '
            f"Got: {orthogonal_map}"
        )
    made = _Orthogonal(weight, orthogonal_map, use_trivialization)
    return parametrize.register_parametrization(module, name, made, unsafe=True)
