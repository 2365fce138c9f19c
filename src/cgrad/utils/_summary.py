"""A network as a table: layers, shapes, parameters, memory."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad._engine import memory

__all__ = ["LayerInfo", "Summary", "summary"]


@dataclass
class LayerInfo:
    """One call of a layer, or a layer that was not called.

    Attributes:
        name, kind: the attributes that lead to it ("" for the network itself), its class.
        depth: how many modules are around it.
        input, output: shapes of the tensors that went in and came out, as they are nested.
        parameters: elements of its own parameters, 0 where an earlier line has counted them.
        output_bytes: memory of what came out.
        shared: its parameters are in an earlier line.
        is_leaf: no module in it was called.
    """

    name: str
    kind: str
    depth: int
    input: Any = None
    output: Any = None
    parameters: int = 0
    output_bytes: int = 0
    shared: bool = False
    is_leaf: bool = True
    called: bool = True


@dataclass
class Summary:
    """What :func:`summary` returns; printed, it is the table.

    Attributes:
        layers (list of LayerInfo): in the order of their calls.
        parameters, trainable: elements of all parameters, each counted once, and of those that
            require a gradient.
        parameter_bytes, buffer_bytes, input_bytes: memory.
        output_bytes: of what the innermost layers give.
        kept_bytes: measured: what the forward pass leaves in memory for ``backward``, the output
            included; None without an input.
    """

    layers: list[LayerInfo] = field(default_factory=list)
    parameters: int = 0
    trainable: int = 0
    parameter_bytes: int = 0
    buffer_bytes: int = 0
    input_bytes: int = 0
    output_bytes: int = 0
    kept_bytes: int | None = None
    depth: int = 100

    def rows(self) -> list[list[str]]:
        """The cells of the table, titles first."""
        ran = self.kept_bytes is not None
        rows = [["Layer", *(["Input", "Output"] if ran else []), "Parameters",
                 *(["Output memory"] if ran else [])]]  # fmt: skip
        shown = [layer for layer in self.layers if layer.depth <= self.depth]
        for i, layer in enumerate(shown):
            number = f"{layer.parameters:,}" if layer.parameters else "-"
            label = layer.name.rpartition(".")[2]
            cells = [_branch(shown, i) + (f"{label}: " if label else "") + layer.kind]
            if ran:
                cells += [_text(layer.input), _text(layer.output)] if layer.called else ["", ""]
            cells.append("shared" if layer.shared else number)
            if ran:
                cells.append(_bytes(layer.output_bytes) if layer.called else "not called")
            rows.append(cells)
        return rows

    def totals(self) -> list[str]:
        """The lines below the table."""
        lines = [f"Parameters: {self.parameters:,} ({_bytes(self.parameter_bytes)}), of which "
                 f"trainable: {self.trainable:,}"]  # fmt: skip
        if self.buffer_bytes:
            lines.append(f"Buffers: {_bytes(self.buffer_bytes)}")
        if self.kept_bytes is not None:
            lines.append(f"Input: {_bytes(self.input_bytes)}, outputs of the innermost layers: "
                         f"{_bytes(self.output_bytes)}, kept for backward (measured): "
                         f"{_bytes(self.kept_bytes)}")  # fmt: skip
        return lines

    def __str__(self) -> str:
        rows = self.rows()
        widths = [max(map(len, column)) for column in zip(*rows)]
        left = 1 if len(rows[0]) == 2 else 3        # texts, before the numbers
        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        lines = []
        for row in rows:
            cells = [cell.ljust(width) if k < left else cell.rjust(width)
                     for k, (cell, width) in enumerate(zip(row, widths))]  # fmt: skip
            lines.append("  ".join(cells).rstrip())
        return "\n".join([rule, lines[0], rule, *lines[1:], rule, *self.totals(), rule])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = self.rows()
        cell = '<{0} style="text-align:{1};padding:1px 8px;white-space:pre">{2}</{0}>'
        html = ['<table style="border-collapse:collapse;font-family:monospace;font-size:90%">']
        for i, row in enumerate(rows):
            kind = "td" if i else "th"
            left = 1 if len(row) == 2 else 3
            html += ["<tr>", *(cell.format(kind, "left" if k < left else "right", escape(text))
                               for k, text in enumerate(row)), "</tr>"]  # fmt: skip
        html.append("</table>")
        html += [f"<div>{escape(line)}</div>" for line in self.totals()]
        return "".join(html)


def summary(
    model: cgrad.nn.Module,
    input_data: Any = None,
    *,
    input_size: Sequence[Any] | None = None,
    dtypes: Sequence[Any] | None = None,
    depth: int = 100,
) -> Summary:
    """Run a network once and tell its layers, shapes, parameters and memory.

    The network runs in evaluation mode and is left as it was: modes, buffers, random numbers.
    Layers of lazy initialisation get their parameters.

    Args:
        model: the network.
        input_data: what it is called with: a tensor, a sequence of arguments, or a dictionary of
            keyword arguments. Default: nothing; without ``input_size`` the layers are listed
            without shapes
        input_size: instead of an input its size, or a list of sizes; random numbers of [0, 1) are
            taken, zeros for dtypes of integers.
        dtypes: of the inputs of ``input_size``. Default: the default dtype
        depth: deepest level shown; 0 is the network itself. Default: all

    Returns:
        Summary: ``print`` it, or let a notebook show it.

    Raises:
        TypeError: ``model`` is no module, or both ``input_data`` and ``input_size`` are given.

    Example::

        >>> model = cgrad.nn.Sequential(cgrad.nn.Linear(4, 8), cgrad.nn.ReLU())
        >>> found = cgrad.summary(model, cgrad.ones(2, 4))
        >>> found.parameters, [layer.output for layer in found.layers]
        (40, [(2, 8), (2, 8), (2, 8)])
        >>> print(found)                                              # doctest: +SKIP
        ------------------------------------------------------------
        Layer           Input   Output  Parameters  Output memory
        ------------------------------------------------------------
        Sequential      (2, 4)  (2, 8)           -           64 B
        ├─ 0: Linear    (2, 4)  (2, 8)          40           64 B
        └─ 1: ReLU      (2, 8)  (2, 8)           -           64 B
        ------------------------------------------------------------
    """
    if not isinstance(model, cgrad.nn.Module):
        raise TypeError(f"summary: expected a Module, got {type(model).__name__}")
    if input_data is not None and input_size is not None:
        raise TypeError("summary: give input_data or input_size, not both")
    random = cgrad.get_rng_state()
    if input_size is not None:
        input_data = _made(input_size, dtypes)
    found = Summary(depth=depth)
    if input_data is None:
        seen: set[int] = set()
        for name, module in model.named_modules():
            level = 0 if not name else name.count(".") + 1
            found.layers.append(_described(LayerInfo(name, "", level, called=False), module, seen))
    else:
        try:
            _run(model, input_data, found)
        except TypeError as error:
            if isinstance(input_data, (tuple, list)) and all(type(n) is int for n in input_data):
                raise TypeError(f"summary: {error}; the size of an input is given as "
                                f"input_size={tuple(input_data)}") from None
            raise
        finally:
            cgrad.set_rng_state(random)
    for parameter in {id(p): p for p in model.parameters()}.values():
        found.parameters += parameter.numel()
        found.trainable += parameter.numel() if parameter.requires_grad else 0
        found.parameter_bytes += parameter.nbytes
    found.buffer_bytes = sum(b.nbytes for b in {id(b): b for b in model.buffers()}.values())
    return found


def _made(input_size: Sequence[Any], dtypes: Sequence[Any] | None) -> list[Tensor]:
    sizes = [input_size] if all(isinstance(n, int) for n in input_size) else list(input_size)
    kinds = dtypes if dtypes is not None else [cgrad.get_default_dtype()] * len(sizes)
    if len(kinds) != len(sizes):
        raise TypeError(f"summary: {len(sizes)} sizes and {len(kinds)} dtypes")
    return [cgrad.rand(*size, dtype=kind) if kind.is_floating_point
            else cgrad.zeros(*size, dtype=kind) for size, kind in zip(sizes, kinds)]  # fmt: skip


def _run(model: cgrad.nn.Module, data: Any, found: Summary) -> None:
    names = {id(module): name for name, module in model.named_modules()}
    modes = [(module, module.training) for module in model.modules()]
    buffers = [(module, name, b, b.detach().clone()) for module in model.modules()
               for name, b in module._buffers.items() if b is not None and not _lazy(b)]
    around: list[LayerInfo] = []
    seen: set[int] = set()

    def before(module: Any, args: Any, kwargs: Any) -> None:
        layer = LayerInfo(names.get(id(module), ""), "", len(around), _shapes(args, kwargs))
        if around:
            around[-1].is_leaf = False
        around.append(layer)
        found.layers.append(layer)

    def after(module: Any, args: Any, kwargs: Any, output: Any) -> None:
        layer = around.pop()
        layer.output = _shape(output)
        layer.output_bytes = _size(output)

    handles = []
    try:
        for module in model.modules():
            handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
            handles.append(module.register_forward_hook(after, with_kwargs=True))
        model.eval()
        start = memory.live_bytes()
        with cgrad.enable_grad():
            if isinstance(data, dict):
                output = model(**data)
            elif isinstance(data, (list, tuple)):
                output = model(*data)
            else:
                output = model(data)
        found.kept_bytes = max(0, memory.live_bytes() - start)
        del output
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes:
            module.training = training
        with cgrad.no_grad():
            for module, name, buffer, value in buffers:
                buffer.copy_(value)
                module._buffers[name] = buffer      # forward may have put another one there
    by_name = dict(model.named_modules())
    for layer in found.layers:
        _described(layer, by_name[layer.name], seen)
    found.input_bytes = _size(data)
    found.output_bytes = sum(layer.output_bytes for layer in found.layers if layer.is_leaf)


def _lazy(tensor: Tensor) -> bool:
    return cgrad.nn.parameter.is_lazy(tensor)


def _described(layer: LayerInfo, module: cgrad.nn.Module, seen: set[int]) -> LayerInfo:
    """Fill in the class and the parameters that no earlier line has counted."""
    layer.kind = type(module).__name__
    own = [p for p in module.parameters(recurse=False) if not _lazy(p)]
    new = [p for p in own if id(p) not in seen]
    layer.parameters = sum(p.numel() for p in new)
    layer.shared = bool(own) and not new
    seen.update(map(id, own))
    return layer


def _shapes(args: Any, kwargs: Any) -> Any:
    shapes = [_shape(a) for a in (*args, *kwargs.values())]
    shapes = [shape for shape in shapes if shape is not None]
    return shapes[0] if len(shapes) == 1 else tuple(shapes)


def _shape(value: Any) -> Any:
    """Shapes of the tensors in something, nested as they are; None for what has none."""
    if isinstance(value, Tensor):
        return tuple(value.shape)
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_shape(item) for item in value]
    return None


def _size(value: Any) -> int:
    if isinstance(value, Tensor):
        return value.nbytes
    if isinstance(value, dict):
        value = list(value.values())
    return sum(map(_size, value)) if isinstance(value, (list, tuple)) else 0


def _text(shape: Any) -> str:
    text = "" if shape is None else str(shape)
    return text if len(text) <= 40 else text[:37] + "..."


def _branch(layers: list[LayerInfo], i: int) -> str:
    """The lines of the tree before a layer."""
    depth = layers[i].depth
    if not depth:
        return ""
    parts = []
    for level in range(1, depth + 1):
        later = next((other.depth for other in layers[i + 1:] if other.depth <= level), 0)
        more = later == level
        if level < depth:
            parts.append("│  " if more else "   ")
        else:
            parts.append("├─ " if more else "└─ ")
    return "".join(parts)


def _bytes(n: int) -> str:
    for size, name in ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")):
        if n >= size:
            return f"{n / size:.2f} {name}"
    return f"{n} B"
