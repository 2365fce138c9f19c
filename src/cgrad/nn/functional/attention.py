"""Attention: each query takes the average of the values, weighed by how well their keys fit."""

from __future__ import annotations

import math
from typing import Any

import cgrad
from cgrad import Tensor, _functions
from cgrad._composite.register import check_tensors
from cgrad.nn.functional.affine import linear
from cgrad.nn.functional.padding import pad

__all__ = ["multi_head_attention_forward", "scaled_dot_product_attention"]


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(query @ key^T · scale + mask) @ value (Vaswani et al., 2017).

    Long sequences are worked through in blocks of queries, forward and backward (Rabe and Staats
    2021; Dao et al. 2022): the memory grows with the length, not with its square.  Second
    derivatives work as well, and need the whole matrix of scores.

    Args:
        query: shape (*, H, L, E).
        key: shape (*, H, S, E).
        value: shape (*, H, S, Ev).
        attn_mask: broadcasts to (*, H, L, S). Bool: True where a key takes part; floating point:
            added to the scores. Default: none
        dropout_p: probability of dropping a weight. Default: 0
        is_causal: query i sees keys 0 … i only; excludes ``attn_mask``. Default: ``False``
        scale: factor of the scores. Default: 1/sqrt(E)
        enable_gqa: key and value may have fewer heads, whose number divides that of the queries;
            each serves a group of neighbouring query heads. Default: ``False``

    Returns:
        Tensor: shape (*, H, L, Ev).

    Raises:
        RuntimeError: shapes or dtypes do not fit, or both a mask and ``is_causal`` are given.

    Example::

        >>> x = cgrad.tensor([[[1.0, 0.0], [0.0, 1.0]]])
        >>> cgrad.nn.functional.scaled_dot_product_attention(x, x, x, is_causal=True)[0, 0]
        tensor([1., 0.])
    """
    if not (isinstance(query, Tensor) and isinstance(key, Tensor) and isinstance(value, Tensor)):
        check_tensors("scaled_dot_product_attention", query=query, key=key, value=value)
    _check(query, key, value, attn_mask, is_causal, dropout_p)
    if enable_gqa:
        key, value = _grouped(query, key, "key"), _grouped(query, value, "value")
    scale = 1.0 / math.sqrt(query.shape[-1] or 1) if scale is None else scale
    if dropout_p > 0.0 or (attn_mask is not None and attn_mask.requires_grad):
        return _whole(query, key, value, attn_mask, dropout_p, is_causal, scale)
    return _fused(query, key, value, attn_mask, is_causal, scale)


def _fused(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool,
           scale: float) -> Tensor:
    shapes = [t.shape[:-2] for t in (query, key, value)]
    if mask is not None:
        shapes.append(mask.shape[:-2])
    batch = shapes[0]
    if any(shape != batch for shape in shapes):
        batch = cgrad.broadcast_shapes(*shapes)
    # The engine wants four dimensions.
    four = batch if len(batch) == 2 else (math.prod(batch[:-1]), *(batch[-1:] or (1,)))
    query, key, value = (_of_batch(t, batch, four, t.shape[-2:]) for t in (query, key, value))
    if mask is not None:
        mask = _of_batch(mask, batch, four, (query.shape[-2], key.shape[-2]))
    out: Tensor = _functions.attention(query, key, value, mask, causal, scale)
    return out if four == batch else out.reshape(*batch, *out.shape[-2:])


def _of_batch(t: Tensor, batch: Any, four: Any, last: Any) -> Tensor:
    if t.shape != (*batch, *last):
        t = t.expand(*batch, *last)
    return t if four == batch else t.reshape(*four, *last)


def _check(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool,
           p: float) -> None:
    name = "scaled_dot_product_attention"
    if not query.dtype == key.dtype == value.dtype:
        raise RuntimeError("Expected query, key, and value to have the same dtype, but got "
                           f"query.dtype: {query.dtype} key.dtype: {key.dtype} and value.dtype: "
                           f"{value.dtype} instead.")
    if min(query.dim(), key.dim(), value.dim()) < 2:
        raise RuntimeError(f"{name}: Expected query, key, and value to all be at least 2 "
                           f"dimensional, but got {query.dim()}, {key.dim()}, {value.dim()}")
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise RuntimeError(f"{name}: shapes do not fit: query {list(query.shape)}, key "
                           f"{list(key.shape)}, value {list(value.shape)}")
    if not query.dtype.is_floating_point:
        raise RuntimeError(f"{name}: expected floating point tensors, got {query.dtype}")
    if mask is not None:
        if causal:
            raise RuntimeError(f"{name}: Explicit attn_mask should not be set when "
                               "is_causal=True")
        if mask.dtype != cgrad.bool and mask.dtype != query.dtype:
            raise RuntimeError("Expected attn_mask dtype to be bool or float or to match query "
                               f"dtype, but got attn_mask.dtype: {mask.dtype} and query.dtype: "
                               f"{query.dtype} instead.")
    if not 0.0 <= p <= 1.0:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p}")


def _grouped(query: Tensor, t: Tensor, what: str) -> Tensor:
    if query.dim() < 3 or t.dim() < 3:
        raise RuntimeError("scaled_dot_product_attention: enable_gqa needs a dimension of heads")
    heads, own = query.shape[-3], t.shape[-3]
    if own == 0 or heads % own:
        raise RuntimeError("scaled_dot_product_attention: the number of heads in query "
                           f"({heads}) must be divisible by that of {what} ({own})")
    return t if own == heads else t.repeat_interleave(heads // own, -3)


def _weights(scores: Tensor, mask: Tensor | None, p: float) -> Tensor:
    if mask is None:
        w = scores.softmax(-1)
    else:
        scores = scores + mask if mask.dtype != cgrad.bool else scores.masked_fill(~mask, -math.inf)
        # A query that sees nothing gets zeros, not NaN.
        nothing = (scores == -math.inf).all(-1, keepdim=True)
        w = scores.masked_fill(nothing, 0.0).softmax(-1).masked_fill(nothing, 0.0)
    return cgrad.nn.functional.dropout(w, p) if p > 0.0 else w


def _whole(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, p: float,
           causal: bool, scale: float) -> Tensor:
    scores = (query * scale) @ key.transpose(-2, -1)
    if causal:
        mask = cgrad.ones(query.shape[-2], key.shape[-2], dtype=cgrad.bool).tril()
    return _weights(scores, mask, p) @ value


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Multi-head attention with its projections (Vaswani et al., 2017, section 3.2.2).

    Args:
        query: shape (L, N, E) or (L, E).
        key: shape (S, N, Ek) or (S, Ek).
        value: shape (S, N, Ev) or (S, Ev).
        embed_dim_to_check: E.
        num_heads: divides E.
        in_proj_weight: shape (3E, E), projections of query, key and value, one above the other;
            with ``use_separate_proj_weight`` they are ``q_proj_weight`` (E, E), ``k_proj_weight``
            (E, Ek), ``v_proj_weight`` (E, Ev) instead.
        in_proj_bias: shape (3E), or none.
        bias_k, bias_v: shape (1, 1, E): one more key and value; or none.
        add_zero_attn: one more key and value of zeros.
        dropout_p: probability of dropping a weight while ``training``.
        out_proj_weight, out_proj_bias: the last projection, shapes (E, E) and (E).
        key_padding_mask: shape (N, S) or (S): True (or a number that is added) where a key is left
            out.
        need_weights: return the weights too, averaged over the heads if ``average_attn_weights``.
        attn_mask: shape (L, S) or (N · heads, L, S): True (or added numbers) where a query does
            not see a key.
        static_k, static_v: projected keys and values, shape (N · heads, S, E / heads), instead.
        is_causal: a hint that ``attn_mask`` is the causal one; the mask must be given.

    Returns:
        (output, weights): shapes (L, N, E) and (N, L, S) or (N, heads, L, S); without N for
        unbatched input. weights is None without ``need_weights``.

    Raises:
        AssertionError, RuntimeError: shapes do not fit.

    Example::

        >>> layer = cgrad.nn.MultiheadAttention(4, 2)
        >>> x = cgrad.ones(3, 1, 4)
        >>> out, weights = cgrad.nn.functional.multi_head_attention_forward(
        ...     x, x, x, 4, 2, layer.in_proj_weight, layer.in_proj_bias, None, None, False, 0.0,
        ...     layer.out_proj.weight, layer.out_proj.bias)
        >>> out.shape, weights.shape
        (cgrad.Size([3, 1, 4]), cgrad.Size([1, 3, 3]))
    """
    batched = query.dim() == 3
    if query.dim() not in (2, 3) or key.dim() != query.dim() or value.dim() != query.dim():
        raise AssertionError("query should be unbatched 2D or batched 3D tensor, and key and value "
                             f"like it, but received {query.dim()}-D query tensor, {key.dim()}-D "
                             f"key and {value.dim()}-D value")
    same = query is key is value
    if not batched:
        query, key, value = query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)
        if key_padding_mask is not None:
            key_padding_mask = key_padding_mask.unsqueeze(0)
    length, n, width = query.shape
    if width != embed_dim_to_check:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim_to_check}, but got "
                             f"{width}")
    size = width // num_heads
    if size * num_heads != width:
        raise AssertionError(f"embed_dim {width} not divisible by num_heads {num_heads}")
    if key.shape[:2] != value.shape[:2]:
        raise AssertionError(f"key's sequence and batch dims {tuple(key.shape[:2])} do not match "
                             f"value's {tuple(value.shape[:2])}")
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
    p = dropout_p if training else 0.0
    given = attn_mask, key_padding_mask
    together = (same and not (use_separate_proj_weight or need_weights or p or add_zero_attn)
                and bias_k is bias_v is static_k is static_v is None
                and not any(m is not None and m.requires_grad for m in given))
    if together and in_proj_weight is not None:
        three = _linear(query, in_proj_weight, in_proj_bias)
    else:
        q, k, v = _project(query, key, value, in_proj_weight, in_proj_bias,
                           use_separate_proj_weight, (q_proj_weight, k_proj_weight, v_proj_weight))
    attn_mask = _additive(attn_mask, "attn_mask", query.dtype)
    key_padding_mask = _additive(key_padding_mask, "key_padding_mask", query.dtype)
    if attn_mask is not None:
        if attn_mask.dim() == 2:
            attn_mask = attn_mask.unsqueeze(0)
        expected = (n * num_heads, length, key.shape[0])
        if tuple(attn_mask.shape) not in (expected, (1, *expected[1:])):
            raise RuntimeError(f"The shape of the attn_mask is {tuple(attn_mask.shape)}, but "
                               f"should be {expected} or {expected[1:]}.")
    if bias_k is not None and bias_v is not None:
        k = cgrad.cat([k, bias_k.repeat(1, n, 1)])
        v = cgrad.cat([v, bias_v.repeat(1, n, 1)])
        attn_mask, key_padding_mask = (m if m is None else pad(m, (0, 1))
                                       for m in (attn_mask, key_padding_mask))
    if not together:
        q, k, v = (
            t.reshape(-1, n, num_heads, size).permute(1, 2, 0, 3) if static is None
            else static.reshape(n, num_heads, -1, size)
            for t, static in ((q, None), (k, static_k), (v, static_v)))
    if add_zero_attn:
        k, v = pad(k, (0, 0, 0, 1)), pad(v, (0, 0, 0, 1))
        attn_mask, key_padding_mask = (m if m is None else pad(m, (0, 1))
                                       for m in (attn_mask, key_padding_mask))
    source = length if together else k.shape[2]
    if key_padding_mask is not None:
        if tuple(key_padding_mask.shape) != (n, source):
            raise AssertionError(f"expecting key_padding_mask shape of {(n, source)}, but got "
                                 f"{tuple(key_padding_mask.shape)}")
        over = key_padding_mask.reshape(n, 1, 1, source).expand(n, num_heads, 1, source)
        over = over.reshape(n * num_heads, 1, source)
        attn_mask = over if attn_mask is None else attn_mask + over
    if attn_mask is not None:
        heads = (1, 1) if attn_mask.shape[0] == 1 else (n, num_heads)
        attn_mask = attn_mask.reshape(*heads, *attn_mask.shape[1:])
    weights = None
    if need_weights:
        k, v = k.contiguous(), v.contiguous()      # products read them several times
        scores = (q / math.sqrt(size)) @ k.transpose(-2, -1)
        scores = scores if attn_mask is None else scores + attn_mask
        weights = _weights(scores, None, p)        # NaN where nothing is seen, as in PyTorch
        out = weights @ v
        weights = weights.mean(1) if average_attn_weights else weights
        weights = weights if batched else weights.squeeze(0)
    elif together:
        if attn_mask is not None:
            attn_mask = attn_mask.expand(n, num_heads, length, length)
        three = three.reshape(length, n, 3, num_heads, size).permute(2, 1, 3, 0, 4)
        out = _functions.attention(three, None, None, attn_mask, False, 1.0 / math.sqrt(size))
    else:
        out = scaled_dot_product_attention(q, k, v, attn_mask, p)
    # (n, heads, length, size) in the order of the query's memory
    if _turned(query):
        out = out.transpose(1, 2).reshape(n, length, width).transpose(0, 1)
    else:
        out = out.permute(2, 0, 1, 3).reshape(length, n, width)
    out = _linear(out, out_proj_weight, out_proj_bias)
    return (out if batched else out.squeeze(1)), weights


def _turned(x: Tensor) -> bool:
    # Batch first in memory.
    return not x.is_contiguous() and x.transpose(0, 1).is_contiguous()


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    # With a result of the same order in memory, so that nothing is copied.
    if _turned(x):
        return linear(x.transpose(0, 1), weight, bias).transpose(0, 1)
    return linear(x, weight, bias)


def _project(query: Tensor, key: Tensor, value: Tensor, weight: Tensor | None,
             bias: Tensor | None, separate: bool, own: Any) -> tuple[Tensor, Tensor, Tensor]:
    width = query.shape[-1]
    if not separate:
        if weight is None:
            raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
        if query is key and key is value:
            q, k, v = _linear(query, weight, bias).chunk(3, -1)
            return q, k, v
        own = weight.split(width)
    elif any(w is None for w in own):
        raise AssertionError("use_separate_proj_weight is True but a projection weight is None")
    biases = (None, None, None) if bias is None else bias.split(width)
    q, k, v = (_linear(x, w, b) for x, w, b in zip((query, key, value), own, biases))
    return q, k, v


def _additive(mask: Tensor | None, name: str, dtype: Any) -> Tensor | None:
    # True means "left out" here: as a summand of the scores.
    if mask is None or mask.dtype.is_floating_point:
        return mask
    if mask.dtype != cgrad.bool:
        raise RuntimeError(f"{name}: only bool and floating types of masks are supported, got "
                           f"{mask.dtype}")
    return cgrad.zeros(*mask.shape, dtype=dtype).masked_fill(mask, -math.inf)
