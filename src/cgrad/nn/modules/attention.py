"""MultiheadAttention."""
from __future__ import annotations

from typing import Any

import cgrad
from cgrad import Tensor
from cgrad.nn import init
from cgrad.nn.functional.attention import multi_head_attention_forward
from cgrad.nn.modules.linear import NonDynamicallyQuantizableLinear
from cgrad.nn.modules.module import Module
from cgrad.nn.parameter import Parameter

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """Attention in several heads, each over a projection of query, key and value.

    Args:
        embed_dim: features of query and output; split evenly over the heads.
        num_heads: how many heads.
        dropout: probability of dropping an attention weight. Default: 0
        bias: whether the projections have biases. Default: ``True``
        add_bias_kv: append a learned key and value. Default: ``False``
        add_zero_attn: append a key and value of zeros. Default: ``False``
        kdim: features of the key. Default: ``embed_dim``
        vdim: features of the value. Default: ``embed_dim``
        batch_first: the batch is dimension 0. Default: ``False``
        device: only the CPU. Default: ``None``
        dtype: of the parameters. Default: float32

    Shape:
        - Input: query (L, N, E), key (S, N, Ek), value (S, N, Ev); or without N.
        - Output: (L, N, E), and the weights, (N, L, S), or (N, heads, L, S) unless averaged.

    Example::

        >>> attention = cgrad.nn.MultiheadAttention(8, 2)
        >>> x = cgrad.randn(5, 3, 8)
        >>> output, weights = attention(x, x, x)
        >>> output.shape == (5, 3, 8) and weights.shape == (3, 5, 5)
        True
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "embed_dim and num_heads must be greater than 0, "
                f"got embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        super().__init__()
        options = {"device": device, "dtype": dtype}
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError("embed_dim must be divisible by num_heads")
        same = self._qkv_same_embed_dim
        for name, shape, wanted in (
            ("q_proj_weight", (embed_dim, embed_dim), not same),
            ("k_proj_weight", (embed_dim, self.kdim), not same),
            ("v_proj_weight", (embed_dim, self.vdim), not same),
            ("in_proj_weight", (3 * embed_dim, embed_dim), same),
            ("in_proj_bias", (3 * embed_dim,), bias),
            ("bias_k", (1, 1, embed_dim), add_bias_kv),
            ("bias_v", (1, 1, embed_dim), add_bias_kv),
        ):
            empty = Parameter(cgrad.empty(shape, **options)) if wanted else None
            self.register_parameter(name, empty)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, **options)
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for name in ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight"):
            if getattr(self, name) is not None:
                init.xavier_uniform_(getattr(self, name))
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)
        if self.bias_k is not None:
            init.xavier_normal_(self.bias_k)
            init.xavier_normal_(self.bias_v)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        swapped = self.batch_first and query.dim() == 3
        if swapped:
            turned = {id(t): t.transpose(0, 1) for t in (query, key, value)}
            query, key, value = (turned[id(t)] for t in (query, key, value))  # one where they are
        output, weights = multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            training=self.training,
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim,
            q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight,
            v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return (output.transpose(0, 1) if swapped else output), weights
