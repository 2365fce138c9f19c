"""Recurrent layers and cells as functions of the package: ``cgrad.lstm``, ``cgrad.gru_cell``, …

Their weights come in one flat sequence, in the order of ``LSTM.parameters()``. Each call runs the
layer of that name (nn/modules/rnn.py) with the weights it is given.
"""
from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad._composite.register import check_tensors

__all__ = [
    "embedding_bag", "gru", "gru_cell", "lstm", "lstm_cell", "rnn_relu", "rnn_relu_cell",
    "rnn_tanh", "rnn_tanh_cell",
]  # fmt: skip

_OPTIONS = ("has_biases", "num_layers", "dropout", "train", "bidirectional", "batch_first")


def _layer(
    name: str, mode: str, weights: Sequence[Tensor], biases: bool, layers: int, dropout: float,
    train: bool, bidirectional: bool, batch_first: bool,
) -> Any:  # fmt: skip
    """A layer that computes with ``weights`` instead of parameters of its own."""
    from cgrad.nn.modules.module import Module
    from cgrad.nn.modules.rnn import GRU, LSTM, RNN

    kind = {"LSTM": LSTM, "GRU": GRU}.get(mode, RNN)
    layer: Any = kind.__new__(kind)
    Module.__init__(layer)
    sides = layers * (2 if bidirectional else 1)
    each, rest = divmod(len(weights), sides) if sides else (0, 1)
    least = 4 if biases else 2
    if rest or each not in ((least, least + 1) if mode == "LSTM" else (least,)):
        raise RuntimeError(
            f"{name}: expected {least} weights for each of {layers} layers and "
            f"{sides // max(layers, 1)} directions, got {len(weights)}"
        )
    suffixes = ("", "_reverse")[: 2 if bidirectional else 1]
    kinds = ["weight_ih", "weight_hh", *(["bias_ih", "bias_hh"] if biases else [])]
    kinds += ["weight_hr"] * (each > least)
    layer._all_weights = [
        [f"{part}_l{k}{suffix}" for part in kinds] for k in range(layers) for suffix in suffixes
    ]
    for key, weight in zip(chain(*layer._all_weights), weights, strict=True):
        if not isinstance(weight, Tensor):
            raise TypeError(
                f"{name}(): argument 'params' must be tuple of Tensors, but found element of "
                f"type {type(weight).__name__}"
            )
        object.__setattr__(layer, key, weight)
    hidden = weights[0].shape[0] // (4 if mode == "LSTM" else 3 if mode == "GRU" else 1)
    layer.mode = mode
    layer.input_size, layer.hidden_size = weights[0].shape[1], hidden
    layer.num_layers, layer.bias, layer.batch_first = layers, biases, batch_first
    layer.dropout, layer.bidirectional = float(dropout), bidirectional
    layer.proj_size = weights[-1].shape[0] if each > least else 0
    layer.training = train
    return layer


def _run(name: str, mode: str, args: tuple, kwargs: dict[str, Any]) -> tuple[Tensor, ...]:
    from cgrad.nn.utils.rnn import PackedSequence

    # Two forms: (data, batch_sizes, hx, params, ...) of a packed sequence and (input, hx, params,
    # ..., batch_first) of a padded one. In the first one the weights are the fourth argument.
    packed = "batch_sizes" in kwargs or (len(args) > 3 and isinstance(args[3], (tuple, list)))
    names = ("data", "batch_sizes", "hx", "params", *_OPTIONS[:-1]) if packed else (
        "input", "hx", "params", *_OPTIONS)  # fmt: skip
    if len(args) > len(names):
        raise TypeError(f"{name}() takes at most {len(names)} arguments, got {len(args)}")
    given = dict(zip(names, args))
    for key, value in kwargs.items():
        if key not in names or key in given:
            raise TypeError(f"{name}() got an unexpected keyword argument '{key}'")
        given[key] = value
    absent = [key for key in names if key not in given]
    if absent:
        raise TypeError(f"{name}() missing required arguments: {', '.join(absent)}")
    options = [given.get(key, False) for key in _OPTIONS]
    layer = _layer(name, mode, given["params"], *options)
    x: Any = given["input"] if not packed else PackedSequence(given["data"], given["batch_sizes"])
    hx = given["hx"]
    if mode == "LSTM" and (not isinstance(hx, (tuple, list)) or len(hx) != 2):
        raise RuntimeError("lstm expects two hidden states")
    output, state = layer.forward(x, tuple(hx) if mode == "LSTM" else hx)
    output = output.data if packed else output
    return (output, *state) if mode == "LSTM" else (output, state)


def lstm(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor, Tensor]:
    """lstm(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)

    The layers of :class:`~cgrad.nn.LSTM` with given weights. Also for packed sequences:
    ``lstm(data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional)``.

    Args:
        input: (T, N, input_size), or (N, T, input_size) with ``batch_first``.
        hx: the pair (h_0, c_0), each (layers · directions, N, hidden_size).
        params: for each layer and direction W_ih, W_hh, with ``has_biases`` b_ih, b_hh, and W_hr
            if there is a projection.
        has_biases: whether ``params`` contains biases.
        num_layers, dropout, bidirectional, batch_first: as for :class:`~cgrad.nn.LSTM`.
        train: whether dropout drops.

    Returns:
        tuple: output, h_n and c_n.

    Raises:
        RuntimeError: sizes or the number of weights do not fit.

    Example::

        >>> layer = cgrad.nn.LSTM(2, 3)
        >>> x, h = cgrad.randn(5, 1, 2), cgrad.zeros(1, 1, 3)
        >>> y = cgrad.lstm(x, (h, h), list(layer.parameters()), True, 1, 0.0, False, False, False)
        >>> cgrad.equal(y[0], layer(x)[0])
        True
    """
    output, h, c = _run("lstm", "LSTM", args, kwargs)
    return output, h, c


def gru(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
    """gru(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)

    The layers of :class:`~cgrad.nn.GRU` with given weights; ``hx`` is h_0, the result the output
    and h_n. Otherwise as :func:`lstm`, and with a second form for packed sequences like there.

    Example::

        >>> x, h = cgrad.zeros(5, 1, 2), cgrad.zeros(1, 1, 3)
        >>> weights = list(cgrad.nn.GRU(2, 3).parameters())
        >>> cgrad.gru(x, h, weights, True, 1, 0.0, True, False, False)[0].shape
        cgrad.Size([5, 1, 3])
    """
    output, h = _run("gru", "GRU", args, kwargs)
    return output, h


def rnn_tanh(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
    """rnn_tanh(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, \
batch_first)

    The layers of :class:`~cgrad.nn.RNN` with given weights; arguments and result as :func:`gru`.

    Example::

        >>> x, h = cgrad.zeros(5, 1, 2), cgrad.zeros(1, 1, 3)
        >>> weights = list(cgrad.nn.RNN(2, 3).parameters())
        >>> cgrad.rnn_tanh(x, h, weights, True, 1, 0.0, True, False, False)[0].shape
        cgrad.Size([5, 1, 3])
    """
    output, h = _run("rnn_tanh", "RNN_TANH", args, kwargs)
    return output, h


def rnn_relu(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
    """rnn_relu(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, \
batch_first)

    :func:`rnn_tanh` with max(0, x) in place of tanh.

    Example::

        >>> x, h = cgrad.zeros(5, 1, 2), cgrad.zeros(1, 1, 3)
        >>> weights = list(cgrad.nn.RNN(2, 3).parameters())
        >>> cgrad.rnn_relu(x, h, weights, True, 1, 0.0, True, False, False)[0].shape
        cgrad.Size([5, 1, 3])
    """
    output, h = _run("rnn_relu", "RNN_RELU", args, kwargs)
    return output, h


def _cell(
    name: str, mode: str, input: Tensor, hx: tuple[Tensor, ...], weights: tuple[Any, ...]
) -> tuple[Tensor, ...]:
    from cgrad.nn.modules import rnn
    from cgrad.nn.modules.module import Module

    check_tensors(name, input=input, hx=hx[0], w_ih=weights[0], w_hh=weights[1])
    gates = {"LSTM": 4, "GRU": 3}.get(mode, 1)
    hidden = weights[1].shape[-1]
    if weights[0].shape[0] != gates * hidden or weights[1].shape[0] != gates * hidden:
        raise RuntimeError(
            f"{name}: expected w_ih and w_hh with {gates} · {hidden} rows, got shapes "
            f"{tuple(weights[0].shape)} and {tuple(weights[1].shape)}"
        )
    kind = {"LSTM": rnn.LSTMCell, "GRU": rnn.GRUCell}.get(mode, rnn.RNNCell)
    cell: Any = kind.__new__(kind)
    Module.__init__(cell)
    cell.input_size, cell.hidden_size, cell.bias = weights[0].shape[-1], hidden, True
    cell.nonlinearity = mode.removeprefix("RNN_").lower()
    for key, weight in zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), weights, strict=True):
        object.__setattr__(cell, key, weight)
    state = cell.forward(input, tuple(hx) if mode == "LSTM" else hx[0])
    return state if mode == "LSTM" else (state,)


def lstm_cell(
    input: Tensor, hx: Sequence[Tensor], w_ih: Tensor, w_hh: Tensor,
    b_ih: Tensor | None = None, b_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """One step of :class:`~cgrad.nn.LSTM` with given weights.

    Args:
        input: (N, input_size) or (input_size).
        hx: the pair (h, c), each (N, hidden_size) or (hidden_size).
        w_ih, w_hh: (4 · hidden_size, input_size) and (4 · hidden_size, hidden_size).
        b_ih, b_hh: (4 · hidden_size). Default: none

    Returns:
        tuple: the next h and c.

    Example::

        >>> cell, state = cgrad.nn.LSTMCell(2, 3), (cgrad.zeros(1, 3), cgrad.zeros(1, 3))
        >>> h, c = cgrad.lstm_cell(cgrad.zeros(1, 2), state, *cell.parameters())
        >>> h.shape
        cgrad.Size([1, 3])
    """
    if len(hx) != 2:
        raise RuntimeError("lstm_cell expects two hidden states")
    h, c = _cell("lstm_cell", "LSTM", input, tuple(hx), (w_ih, w_hh, b_ih, b_hh))
    return h, c


def gru_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor,
    b_ih: Tensor | None = None, b_hh: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """One step of :class:`~cgrad.nn.GRU` with given weights: the next hidden state.

    Args:
        input: (N, input_size) or (input_size).
        hx: (N, hidden_size) or (hidden_size).
        w_ih, w_hh: (3 · hidden_size, input_size) and (3 · hidden_size, hidden_size).
        b_ih, b_hh: (3 · hidden_size). Default: none

    Example::

        >>> cell = cgrad.nn.GRUCell(2, 3)
        >>> cgrad.gru_cell(cgrad.zeros(1, 2), cgrad.zeros(1, 3), *cell.parameters()).shape
        cgrad.Size([1, 3])
    """
    return _cell("gru_cell", "GRU", input, (hx,), (w_ih, w_hh, b_ih, b_hh))[0]


def rnn_tanh_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor,
    b_ih: Tensor | None = None, b_hh: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """tanh(w_ih x + b_ih + w_hh h + b_hh), one step of :class:`~cgrad.nn.RNN`.

    Args:
        input: (N, input_size) or (input_size).
        hx: (N, hidden_size) or (hidden_size).
        w_ih, w_hh: (hidden_size, input_size) and (hidden_size, hidden_size).
        b_ih, b_hh: (hidden_size). Default: none

    Example::

        >>> cell = cgrad.nn.RNNCell(2, 3)
        >>> cgrad.rnn_tanh_cell(cgrad.zeros(1, 2), cgrad.zeros(1, 3), *cell.parameters()).shape
        cgrad.Size([1, 3])
    """
    return _cell("rnn_tanh_cell", "RNN_TANH", input, (hx,), (w_ih, w_hh, b_ih, b_hh))[0]


def rnn_relu_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor,
    b_ih: Tensor | None = None, b_hh: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """max(0, w_ih x + b_ih + w_hh h + b_hh); arguments as :func:`rnn_tanh_cell`.

    Example::

        >>> cell = cgrad.nn.RNNCell(2, 3)
        >>> cgrad.rnn_relu_cell(cgrad.zeros(1, 2), cgrad.zeros(1, 3), *cell.parameters()).shape
        cgrad.Size([1, 3])
    """
    return _cell("rnn_relu_cell", "RNN_RELU", input, (hx,), (w_ih, w_hh, b_ih, b_hh))[0]


def embedding_bag(
    weight: Tensor, indices: Tensor, offsets: Tensor, scale_grad_by_freq: bool = False,
    mode: int = 0, sparse: bool = False, per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False, padding_idx: int | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """:func:`cgrad.nn.functional.embedding_bag` with the arguments and results of PyTorch's core.

    Args:
        weight: the table, shape (V, E).
        indices: rows of the table, shape (N).
        offsets: where each bag begins, shape (B).
        mode: 0 for the sum, 1 for the mean, 2 for the maximum. Default: 0
        scale_grad_by_freq, sparse, per_sample_weights, include_last_offset, padding_idx: as there.

    Returns:
        tuple: the bags (B, E); the bag of each index (N); the number of indices in each bag (B);
        zeros (B).

    Example::

        >>> table = cgrad.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> cgrad.embedding_bag(table, cgrad.tensor([0, 1, 1]), cgrad.tensor([0, 2]))[0]
        tensor([[4., 6.],
                [3., 4.]])
    """
    check_tensors("embedding_bag", weight=weight, indices=indices)
    from cgrad.nn.functional.embeddings import _bags
    from cgrad.nn.functional.embeddings import embedding_bag as bags_of

    if mode not in (0, 1, 2):
        raise ValueError(f"embedding_bag: mode must be 0 (sum), 1 (mean) or 2 (max), got {mode}")
    result = bags_of(
        indices, weight, offsets, scale_grad_by_freq=scale_grad_by_freq,
        mode=("sum", "mean", "max")[mode], sparse=sparse, per_sample_weights=per_sample_weights,
        include_last_offset=include_last_offset, padding_idx=padding_idx,
    )  # fmt: skip
    bag, bags = _bags(indices, offsets, include_last_offset)
    counts = cgrad.bincount(bag, minlength=bags)
    return result, bag, counts, cgrad.zeros(bags, dtype=cgrad.int64)
