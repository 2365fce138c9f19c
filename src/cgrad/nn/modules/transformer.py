"""Transformer: encoder, decoder and their layers."""
from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad.nn import init
from cgrad.nn.functional.activation import gelu, relu
from cgrad.nn.modules.attention import MultiheadAttention
from cgrad.nn.modules.container import ModuleList
from cgrad.nn.modules.dropout import Dropout
from cgrad.nn.modules.linear import Linear
from cgrad.nn.modules.module import Module
from cgrad.nn.modules.normalization import LayerNorm

__all__ = [
    "Transformer", "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder",
    "TransformerEncoderLayer",
]  # fmt: skip

Activation = str | Callable[[Tensor], Tensor]


# _get_activation_fn and _get_clones under PyTorch's names, which layers of others import.

def _get_activation_fn(given: Activation) -> Any:
    if not isinstance(given, str):
        return given
    if given not in ("relu", "gelu"):
        raise RuntimeError(f"activation should be relu/gelu, not {given}")
    return relu if given == "relu" else gelu


def _get_clones(module: Module, N: int) -> ModuleList:
    return ModuleList([copy.deepcopy(module) for _ in range(N)])


def _causal_mask(size: int, device: Any = None, dtype: Any = None) -> Tensor:
    full = cgrad.full((size, size), float("-inf"), dtype=dtype, device=device)
    mask: Tensor = cgrad.triu(full, 1)
    return mask


def _is_causal(mask: Tensor | None, given: bool | None) -> bool:
    # None asks to find out. A mask of several batches never counts as the causal one.
    if given is not None or mask is None:
        return given is True
    if mask.dim() != 2 or mask.shape[0] != mask.shape[1] or not mask.dtype.is_floating_point:
        return False
    return bool((mask == _causal_mask(mask.shape[0], dtype=mask.dtype)).all())


class _Layer(Module):
    """What encoder and decoder layers share: ``count`` norms and dropouts, and a feedforward."""

    def __init__(
        self,
        count: int,
        d_model: int,
        nhead: int,
        dim_feedforward: int,
        dropout: float,
        activation: Activation,
        eps: float,
        batch_first: bool,
        norm_first: bool,
        bias: bool,
        **options: Any,
    ) -> None:
        super().__init__()
        attentions = ("self_attn", "multihead_attn")[: count - 1]
        for name in attentions:
            attention = MultiheadAttention(
                d_model, nhead, dropout=dropout, bias=bias, batch_first=batch_first, **options
            )
            setattr(self, name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, **options)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, **options)
        self.norm_first = norm_first
        for k in range(1, count + 1):
            setattr(self, f"norm{k}", LayerNorm(d_model, eps=eps, bias=bias, **options))
        for k in range(1, count + 1):
            setattr(self, f"dropout{k}", Dropout(dropout))
        self.activation = _get_activation_fn(activation)

    def _residual(self, x: Tensor, k: int, block: Callable[[Tensor], Tensor]) -> Tensor:
        norm, drop = getattr(self, f"norm{k}"), getattr(self, f"dropout{k}")
        if self.norm_first:
            added: Tensor = x + drop(block(norm(x)))
            return added
        normed: Tensor = norm(x + drop(block(x)))
        return normed

    def _feedforward(self, x: Tensor) -> Tensor:
        y: Tensor = self.linear2(self.dropout(self.activation(self.linear1(x))))
        return y


class TransformerEncoderLayer(_Layer):
    """Self-attention and a feedforward network, each with a residual and a norm.

    Args:
        d_model: features of input and output.
        nhead: heads of the attention.
        dim_feedforward: width of the hidden layer. Default: 2048
        dropout: probability. Default: 0.1
        activation: ``"relu"``, ``"gelu"`` or a function. Default: relu
        layer_norm_eps: eps of the norms. Default: 1e-5
        batch_first: the batch is dimension 0. Default: ``False``
        norm_first: norm before each block instead of after the residual. Default: ``False``
        bias: whether linear layers and norms have biases. Default: ``True``
        device: only the CPU. Default: ``None``
        dtype: of the parameters. Default: float32

    Example::

        >>> layer = cgrad.nn.TransformerEncoderLayer(8, 2, dim_feedforward=16)
        >>> layer(cgrad.randn(5, 3, 8)).shape == (5, 3, 8)
        True
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            2, d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps,
            batch_first, norm_first, bias, device=device, dtype=dtype,
        )  # fmt: skip

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        def attend(x: Tensor) -> Tensor:
            y: Tensor = self.self_attn(
                x, x, x, attn_mask=src_mask, key_padding_mask=src_key_padding_mask,
                need_weights=False, is_causal=is_causal,
            )[0]  # fmt: skip
            return y

        x = self._residual(src, 1, attend)
        return self._residual(x, 2, self._feedforward)


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to the encoder's output and a feedforward network.

    The arguments are those of :class:`TransformerEncoderLayer`.

    Example::

        >>> layer = cgrad.nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)
        >>> layer(cgrad.zeros(1, 3, 8), cgrad.zeros(1, 5, 8)).shape
        cgrad.Size([1, 3, 8])
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            3, d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps,
            batch_first, norm_first, bias, device=device, dtype=dtype,
        )  # fmt: skip

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        def attend(x: Tensor) -> Tensor:
            y: Tensor = self.self_attn(
                x, x, x, attn_mask=tgt_mask, key_padding_mask=tgt_key_padding_mask,
                need_weights=False, is_causal=tgt_is_causal,
            )[0]  # fmt: skip
            return y

        def look(x: Tensor) -> Tensor:
            y: Tensor = self.multihead_attn(
                x, memory, memory, attn_mask=memory_mask,
                key_padding_mask=memory_key_padding_mask, need_weights=False,
                is_causal=memory_is_causal,
            )[0]  # fmt: skip
            return y

        x = self._residual(tgt, 1, attend)
        x = self._residual(x, 2, look)
        return self._residual(x, 3, self._feedforward)


class TransformerEncoder(Module):
    """A stack of copies of ``encoder_layer``, and a norm if there is one.

    ``enable_nested_tensor`` and ``mask_check`` are accepted and change nothing.

    Example::

        >>> layer = cgrad.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        >>> cgrad.nn.TransformerEncoder(layer, 2)(cgrad.zeros(1, 5, 8)).shape
        cgrad.Size([1, 5, 8])
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = _get_clones(encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm
        self.enable_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        causal = _is_causal(mask, is_causal)
        for layer in self.layers:
            src = layer(
                src, src_mask=mask, is_causal=causal, src_key_padding_mask=src_key_padding_mask
            )
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(Module):
    """A stack of copies of ``decoder_layer``, and a norm if there is one.

    Example::

        >>> layer = cgrad.nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)
        >>> cgrad.nn.TransformerDecoder(layer, 2)(cgrad.zeros(1, 3, 8), cgrad.zeros(1, 5, 8)).shape
        cgrad.Size([1, 3, 8])
    """

    def __init__(
        self, decoder_layer: Module, num_layers: int, norm: Module | None = None
    ) -> None:
        super().__init__()
        self.layers = _get_clones(decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        causal = _is_causal(tgt_mask, tgt_is_causal)
        for layer in self.layers:
            tgt = layer(
                tgt,
                memory,
                tgt_mask=tgt_mask,
                memory_mask=memory_mask,
                tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask,
                tgt_is_causal=causal,
                memory_is_causal=memory_is_causal,
            )
        return tgt if self.norm is None else self.norm(tgt)


class Transformer(Module):
    """Encoder and decoder of "Attention is all you need".

    The arguments are those of :class:`TransformerEncoderLayer`, and ``num_encoder_layers``,
    ``num_decoder_layers`` (6 each), ``custom_encoder``, ``custom_decoder``.

    Shape:
        - Input: src (S, N, E), tgt (T, N, E); or batch first, or without N.
        - Output: (T, N, E).

    Example::

        >>> model = cgrad.nn.Transformer(8, 2, 1, 1, 16, batch_first=True)
        >>> model(cgrad.zeros(1, 5, 8), cgrad.zeros(1, 3, 8)).shape
        cgrad.Size([1, 3, 8])
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = relu,
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        args: tuple = (
            d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first,
            norm_first, bias, device, dtype,
        )  # fmt: skip

        def norm() -> Module:
            return LayerNorm(d_model, layer_norm_eps, bias=bias, device=device, dtype=dtype)

        if custom_encoder is None:
            encoder_layer = TransformerEncoderLayer(*args)
            custom_encoder = TransformerEncoder(encoder_layer, num_encoder_layers, norm())
        self.encoder = custom_encoder
        if custom_decoder is None:
            decoder_layer = TransformerDecoderLayer(*args)
            custom_decoder = TransformerDecoder(decoder_layer, num_decoder_layers, norm())
        self.decoder = custom_decoder
        for p in self.parameters():
            if p.dim() > 1:
                init.xavier_uniform_(p)
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        batch = 0 if self.batch_first else 1
        if src.dim() == 3 and src.size(batch) != tgt.size(batch):
            raise RuntimeError("the batch number of src and tgt must be equal")
        if src.size(-1) != self.d_model or tgt.size(-1) != self.d_model:
            raise RuntimeError(
                "the feature number of src and tgt must be equal to d_model"
            )
        memory = self.encoder(
            src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal
        )
        output: Tensor = self.decoder(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )
        return output

    @staticmethod
    def generate_square_subsequent_mask(
        sz: int, device: Any = None, dtype: Any = None
    ) -> Tensor:
        """A (sz, sz) mask with -inf above the diagonal and 0 elsewhere."""
        return _causal_mask(sz, device, dtype)
