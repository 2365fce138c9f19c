"""Recurrent layers: RNN, LSTM and GRU, and their single steps.

The inputs of all steps are projected by one matrix product; what is left for each step is the
product with the hidden state and the gates, which recurrent.py runs over all steps at once. Packed
sequences and projected states go step by step, the former with a batch that shrinks (or, backward
in time, grows) from step to step.
"""
from __future__ import annotations

import math
import numbers
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad.nn import init
from cgrad.nn.functional.affine import linear
from cgrad.nn.functional.dropouts import dropout
from cgrad.nn.modules.module import Module
from cgrad.nn.modules.recurrent import layer as recurrent_layer
from cgrad.nn.parameter import Parameter
from cgrad.nn.utils.rnn import PackedSequence

__all__ = ["GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNBase", "RNNCell", "RNNCellBase"]

State = tuple[Tensor, ...]
_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


def _step(
    mode: str, x: Tensor, state: State, w: Tensor, b: Tensor | None, w_hr: Tensor | None = None
) -> State:
    """One step; ``x`` is the projected input, ``state`` is (h,) or (h, c)."""
    h = state[0]
    recurrent = linear(h, w, b)
    if mode == "LSTM":
        i, f, g, o = (x + recurrent).chunk(4, 1)
        c = cgrad.sigmoid(f) * state[1] + cgrad.sigmoid(i) * cgrad.tanh(g)
        h = cgrad.sigmoid(o) * cgrad.tanh(c)
        return (h if w_hr is None else linear(h, w_hr)), c
    if mode == "GRU":
        x_r, x_z, x_n = x.chunk(3, 1)
        h_r, h_z, h_n = recurrent.chunk(3, 1)
        n = cgrad.tanh(x_n + cgrad.sigmoid(x_r + h_r) * h_n)
        return (n + cgrad.sigmoid(x_z + h_z) * (h - n),)
    act = cgrad.tanh if mode == "RNN_TANH" else cgrad.relu
    return (act(x + recurrent),)


def _run(
    step: Callable[[Tensor, State], State], steps: list[Tensor], state: State, reverse: bool
) -> tuple[list[Tensor], State]:
    """All steps in one direction; sequences that end early keep their last state."""
    outputs: list[Tensor] = []
    start = state
    if reverse:
        steps = steps[::-1]
        state = tuple(s[: steps[0].shape[0]] for s in start)
    ended: list[State] = []
    for x in steps:
        live, now = x.shape[0], state[0].shape[0]
        if live < now:
            ended.append(tuple(s[live:] for s in state))
            state = tuple(s[:live] for s in state)
        elif live > now:
            state = tuple(
                cgrad.cat([s, first[now:live]]) for s, first in zip(state, start, strict=True)
            )
        state = step(x, state)
        outputs.append(state[0])
    if ended:
        parts = [state, *ended[::-1]]
        state = tuple(cgrad.cat(list(column)) for column in zip(*parts, strict=True))
    return (outputs[::-1] if reverse else outputs), state


def _steps(
    mode: str, reverse: bool, x: Tensor, state: State, w: Tensor, b: Tensor | None
) -> tuple[list[Tensor], State]:
    """One direction of a layer, step by step."""
    return _run(lambda x, s: _step(mode, x, s, w, b), list(x.unbind(0)), state, reverse)


class RNNBase(Module):
    """What RNN, LSTM and GRU share: parameters, checks and the loop over layers.

    Args:
        mode: ``"RNN_TANH"``, ``"RNN_RELU"``, ``"LSTM"`` or ``"GRU"``.
        input_size: features of the input.
        hidden_size: features of the hidden state.
        num_layers: layers on top of each other. Default: 1
        bias: whether there are biases. Default: ``True``
        batch_first: the batch is dimension 0 of input and output. Default: ``False``
        dropout: probability of dropout between layers. Default: 0
        bidirectional: run in both directions and join the outputs. Default: ``False``
        proj_size: project h to this size (LSTM only); 0 for none. Default: 0
        device: only the CPU. Default: ``None``
        dtype: of the parameters. Default: float32
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if (
            not isinstance(dropout, numbers.Number)
            or isinstance(dropout, bool)
            or not 0 <= dropout <= 1
        ):
            raise ValueError(
                "dropout should be a number in range [0, 1] "
                "representing the probability of an element being zeroed"
            )
        if dropout > 0 and num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero "
                f"dropout expects num_layers greater than 1, but got dropout={dropout} and "
                f"num_layers={num_layers}",
                stacklevel=3,
            )
        for name, value, kind in (
            ("bias", bias, bool),
            ("batch_first", batch_first, bool),
            ("input_size", input_size, int),
            ("hidden_size", hidden_size, int),
        ):
            if not isinstance(value, kind):
                raise TypeError(
                    f"{name} should be of type {kind.__name__}, got: {type(value).__name__}"
                )
        for name, size in (
            ("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers),
        ):  # fmt: skip
            if size <= 0:
                raise ValueError(f"{name} must be greater than zero")
        if proj_size < 0:
            raise ValueError(
                "proj_size should be a positive integer or zero to disable projections"
            )
        if proj_size >= hidden_size:
            raise ValueError("proj_size has to be smaller than hidden_size")
        if mode not in _GATES:
            raise ValueError("Unrecognized RNN mode: " + mode)
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._all_weights: list[list[str]] = []
        directions = 2 if bidirectional else 1
        gates, out = _GATES[mode] * hidden_size, proj_size or hidden_size
        for layer in range(num_layers):
            width = input_size if layer == 0 else out * directions
            for suffix in ("", "_reverse")[:directions]:
                shapes: dict[str, tuple[int, ...]] = {
                    "weight_ih": (gates, width), "weight_hh": (gates, out),
                }  # fmt: skip
                # `_one` takes them in this order.
                if bias:
                    shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                names = []
                for kind_, shape in shapes.items():
                    names.append(f"{kind_}_l{layer}{suffix}")
                    empty = cgrad.empty(shape, device=device, dtype=dtype)
                    setattr(self, names[-1], Parameter(empty))
                self._all_weights.append(names)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew, from U(-√k, √k), k = 1 / hidden_size."""
        bound = 1 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """Do nothing; there is no device whose memory would have to be arranged."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        for name, default in (
            ("proj_size", 0), ("num_layers", 1), ("bias", True), ("batch_first", False),
            ("dropout", 0), ("bidirectional", False),
        ):  # fmt: skip
            if getattr(self, name) != default:
                text += f", {name}={getattr(self, name)}"
        return text

    def check_input(self, input: Tensor, batch_sizes: Tensor | None) -> None:
        """Raise unless dtype, dimensions and features of the input fit."""
        dtype = self.weight_ih_l0.dtype
        if input.dtype != dtype:
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({dtype}). "
                f"Convert input: input.to({dtype}), or convert model: model.to({input.dtype})"
            )
        expected = 3 if batch_sizes is None else 2
        if input.dim() != expected:
            raise RuntimeError(f"input must have {expected} dimensions, got {input.dim()}")
        if self.input_size != input.size(-1):
            raise RuntimeError(
                "input.size(-1) must be equal to input_size. "
                f"Expected {self.input_size}, got {input.size(-1)}"
            )

    def _first_state(self, hx: Any, batch: int, like: Tensor, batched: bool) -> State:
        layers = self.num_layers * (2 if self.bidirectional else 1)
        lstm = self.mode == "LSTM"
        widths = [self.proj_size or self.hidden_size] + [self.hidden_size] * lstm
        if hx is None:
            shapes = [(layers, batch, width) for width in widths]
            return tuple([cgrad.zeros(shape, dtype=like.dtype) for shape in shapes])
        given: State = tuple(hx) if lstm else (hx,)
        dims = 3 if batched else 2
        for s in given:
            if s.dim() != dims:
                kind = "batched" if batched else "unbatched"
                text = f"For {kind} {dims}-D input, hx "
                text += f"and cx should also be {dims}-D" if lstm else f"should also be {dims}-D"
                got = ", ".join(f"{t.dim()}-D" for t in given)
                raise RuntimeError(
                    f"{text} but got ({got}) tensors" if lstm else f"{text} but got {got} tensor"
                )
        if not batched:
            given = tuple(s.unsqueeze(1) for s in given)
        for k, (s, width) in enumerate(zip(given, widths, strict=True)):
            expected = (layers, batch, width)
            if tuple(s.shape) != expected:
                name = f"hidden[{k}]" if lstm else "hidden"
                raise RuntimeError(f"Expected {name} size {expected}, got {list(s.shape)}")
        return given

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        packed = isinstance(input, PackedSequence)
        batched = True
        sizes = order = None
        if packed:
            x, sizes, order = input.data, input.batch_sizes, input.sorted_indices
        else:
            x = input
            if x.dim() not in (2, 3):
                raise ValueError(
                    f"{self._get_name()}: Expected input to be 2D or 3D, got {x.dim()}D instead"
                )
            batched = x.dim() == 3
            if not batched:
                x = x.unsqueeze(1)
            elif self.batch_first:
                x = x.transpose(0, 1)
        self.check_input(x, sizes)
        counts = None if sizes is None else [int(n) for n in sizes.tolist()]
        batch = x.shape[1] if counts is None else counts[0]
        state = self._first_state(hx, batch, x, batched)
        if order is not None and hx is not None:
            state = tuple(s.index_select(1, order) for s in state)
        if x.shape[0] == 0:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        x, state = self._layers(x, state, counts)
        if packed:
            if order is not None:
                state = tuple(s.index_select(1, input.unsorted_indices) for s in state)
            x = PackedSequence(x, *input[1:])
        elif not batched:
            x, state = x.squeeze(1), tuple(s.squeeze(1) for s in state)
        elif self.batch_first:
            x = x.transpose(0, 1)
        return x, (state if self.mode == "LSTM" else state[0])

    def _layers(self, x: Tensor, state: State, counts: list[int] | None) -> tuple[Tensor, State]:
        directions = 2 if self.bidirectional else 1
        last: list[State] = []
        for layer in range(self.num_layers):
            sides = []
            for side in range(directions):
                k = layer * directions + side
                outputs, final = self._one(k, x, tuple([s[k] for s in state]), counts, side == 1)
                last.append(final)
                sides.append(outputs)
            x = sides[0] if directions == 1 else cgrad.cat(sides, -1)
            if self.dropout and layer < self.num_layers - 1:
                x = dropout(x, self.dropout, self.training)
        if len(last) == 1:               # as below, but sooner
            return x, tuple([s.unsqueeze(0).clone() for s in last[0]])
        return x, tuple(cgrad.stack(list(column)) for column in zip(*last, strict=True))

    def _one(
        self, k: int, x: Tensor, state: State, counts: list[int] | None, reverse: bool
    ) -> tuple[Tensor, State]:
        weights = [getattr(self, name) for name in self._all_weights[k]]
        w, w_hr = weights[1], weights[-1] if len(weights) % 2 else None
        bias, b = weights[2:4] if len(weights) > 3 else (None, None)
        if bias is not None and b is not None and self.mode != "GRU":
            bias, b = bias + b, None         # they are only ever seen together
        projected = linear(x, weights[0], bias)
        if counts is None and w_hr is None:
            steps = partial(_steps, self.mode, reverse)
            return recurrent_layer(steps, self.mode, reverse, projected, state, w, b)
        parts = projected.unbind(0) if counts is None else projected.split(counts)
        outputs, final = _run(
            lambda x, s: _step(self.mode, x, s, w, b, w_hr), list(parts), state, reverse
        )
        return (cgrad.stack if counts is None else cgrad.cat)(outputs), final


class RNN(RNNBase):
    """h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh), or relu; see :class:`RNNBase`.

    Args:
        nonlinearity: ``"tanh"`` or ``"relu"``. Default: ``"tanh"``

    Shape:
        - Input: (T, N, input_size), (N, T, input_size) with ``batch_first``, (T, input_size), or
          a packed sequence; and h_0, (layers · directions, N, hidden_size).
        - Output: (T, N, directions · hidden_size), and h_n, shaped as h_0.

    Example::

        >>> out, h = cgrad.nn.RNN(2, 3, batch_first=True)(cgrad.zeros(4, 5, 2))
        >>> out.shape, h.shape
        (cgrad.Size([4, 5, 3]), cgrad.Size([1, 4, 3]))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if len(args) > 3:
            nonlinearity, args = args[3], args[:3] + args[4:]
        else:
            nonlinearity = kwargs.pop("nonlinearity", "tanh")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        super().__init__("RNN_" + nonlinearity.upper(), *args, **kwargs)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory; see :class:`RNNBase` for the arguments.

    i, f, g, o = σ, σ, tanh, σ of the four parts of W_ih x_t + b_ih + W_hh h_{t-1} + b_hh;
    c_t = f c_{t-1} + i g; h_t = o tanh(c_t), times W_hr if there is a ``proj_size``.

    Shape:
        - Input: as for :class:`RNN`; and (h_0, c_0), zeros by default.
        - Output: (T, N, directions · out), and (h_n, c_n).

    Example::

        >>> lstm = cgrad.nn.LSTM(10, 20, 2)
        >>> output, (h, c) = lstm(cgrad.randn(5, 3, 10))
        >>> output.shape == (5, 3, 20) and c.shape == (2, 3, 20)
        True
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)


class GRU(RNNBase):
    """Gated recurrent unit; see :class:`RNNBase` for the arguments.

    r, z = σ(x_r + h_r), σ(x_z + h_z); n = tanh(x_n + r h_n); h_t = (1 - z) n + z h_{t-1}, where x_·
    and h_· are the three parts of W_ih x_t + b_ih and W_hh h_{t-1} + b_hh.

    Shape:
        - as for :class:`RNN`.

    Example::

        >>> out, h = cgrad.nn.GRU(2, 3, batch_first=True)(cgrad.zeros(4, 5, 2))
        >>> out.shape, h.shape
        (cgrad.Size([4, 5, 3]), cgrad.Size([1, 4, 3]))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)


class RNNCellBase(Module):
    """The parameters that the three cells have in common."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        options = {"device": device, "dtype": dtype}
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter(cgrad.empty((rows, input_size), **options))
        self.weight_hh = Parameter(cgrad.empty((rows, hidden_size), **options))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(
                name, Parameter(cgrad.empty(rows, **options)) if bias else None
            )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew, from U(-√k, √k), k = 1 / hidden_size."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        if getattr(self, "nonlinearity", "tanh") != "tanh":
            text += f", nonlinearity={self.nonlinearity}"
        return text

    def _advance(self, mode: str, input: Tensor, hx: State | None) -> State:
        name = self._get_name()
        if input.dim() not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        for k, s in enumerate(hx or ()):
            if s.dim() not in (1, 2):
                what = f"hx[{k}]" if mode == "LSTM" else "hidden"
                raise ValueError(
                    f"{name}: Expected {what} to be 1D or 2D, got {s.dim()}D instead"
                )
        batched = input.dim() == 2
        x = input if batched else input.unsqueeze(0)
        if x.shape[1] != self.input_size:
            raise RuntimeError(
                f"input has inconsistent input_size: got {x.shape[1]}, expected {self.input_size}"
            )
        if hx is None:
            zero = x.new_zeros((x.shape[0], self.hidden_size))
            hx = (zero, zero)[: 2 if mode == "LSTM" else 1]
        elif not batched:
            hx = tuple(s.unsqueeze(0) for s in hx)
        for s in hx:
            if tuple(s.shape) != (x.shape[0], self.hidden_size):
                raise RuntimeError(
                    f"{name}: expected hidden of shape {(x.shape[0], self.hidden_size)}, "
                    f"got {tuple(s.shape)}"
                )
        projected = linear(x, self.weight_ih, self.bias_ih)
        state = _step(mode, projected, hx, self.weight_hh, self.bias_hh)
        return state if batched else tuple(s.squeeze(0) for s in state)


class RNNCell(RNNCellBase):
    """One step of :class:`RNN`: h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu.

    Shape:
        - Input: (N, input_size) or (input_size); and h, (N, hidden_size) or (hidden_size).
        - Output: shaped as h.

    Example::

        >>> cgrad.nn.RNNCell(2, 3)(cgrad.zeros(4, 2)).shape
        cgrad.Size([4, 3])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        state = None if hx is None else (hx,)
        return self._advance("RNN_" + self.nonlinearity.upper(), input, state)[0]


class LSTMCell(RNNCellBase):
    """One step of :class:`LSTM`; takes and returns (h, c).

    Example::

        >>> h, c = cgrad.nn.LSTMCell(2, 3)(cgrad.zeros(4, 2))
        >>> h.shape, c.shape
        (cgrad.Size([4, 3]), cgrad.Size([4, 3]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: State | None = None) -> State:
        return self._advance("LSTM", input, hx)


class GRUCell(RNNCellBase):
    """One step of :class:`GRU`.

    Example::

        >>> cgrad.nn.GRUCell(2, 3)(cgrad.zeros(4, 2)).shape
        cgrad.Size([4, 3])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._advance("GRU", input, None if hx is None else (hx,))[0]
