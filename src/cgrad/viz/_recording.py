"""Watching a program while it builds a graph: values, lines of the source, calls of modules."""
from __future__ import annotations

import os
import sys
import threading
from typing import Any, NamedTuple

import cgrad
from cgrad import Tensor
from cgrad._engine import tracing
from cgrad._tensor.graph import GraphNode, edge_to
from cgrad.viz._numbers import Summary, summary

KEY = "cgrad.viz"                # of a Note in the metadata of a graph node
_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class Root:
    """An outermost module and the names of its parameters and buffers, by place in the graph."""

    def __init__(self, module: Any) -> None:
        self.paths = {id(m): path for path, m in module.named_modules()}
        self.names: dict[GraphNode, str] = {}

    def learn(self, module: Any) -> None:
        """Note the names: after a call, when lazy parameters are there too."""
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            if tensor.is_leaf:       # the history of another would hold this very note: a cycle
                self.names[edge_to(tensor)[0]] = name


class Call:
    """One call of a module: a box of the picture."""

    __slots__ = ("kind", "number", "outer", "path", "root")

    def __init__(self, outer: Call | None, path: str, kind: str, number: int,
                 root: Root) -> None:
        self.outer = outer           # the call around it
        self.path = path             # of the module in the outermost one, "" for that itself
        self.kind = kind             # its class
        self.number = number         # which call of this module it is, from 1
        self.root = root


class Note:
    """What was seen when one operation was recorded."""

    __slots__ = ("call", "line", "made", "results")

    def __init__(self, made: int, line: tuple[str, int], call: Call | None) -> None:
        self.made = made             # its place in the order of all operations
        self.line = line             # file and number of the line outside this package
        self.call = call             # the innermost module that was running
        self.results: dict[int, Summary] = {}


class _Open(NamedTuple):
    call: Call
    module: Any


_made = 0                            # operations seen, in all threads


class record:
    """Context manager: operations recorded inside show more in :func:`cgrad.viz.graph`.

    An ordinary graph keeps only the values that derivatives read, and neither where it was made
    nor in which module. Inside this context every operation of the thread leaves a note of its
    value's statistics, the line of the program and the module that was running. That costs some
    0.1 ms an operation and a look at every number, but no memory of the values' size.

    Example::

        >>> model = cgrad.nn.Sequential(cgrad.nn.Linear(2, 3), cgrad.nn.Tanh())
        >>> with cgrad.viz.record():
        ...     loss = model(cgrad.ones(1, 2)).sum()
        >>> picture = cgrad.viz.graph(loss)
        >>> "0 Linear" in picture.dot()
        True
    """

    _handles: list[Any] = []         # while it is entered, of its hooks

    def __enter__(self) -> record:
        if self._handles:
            raise RuntimeError("record: it is entered already; a record inside is another one")
        hooks = cgrad.nn.modules.hooks
        self._thread = threading.get_ident()
        self._open: list[_Open] = []
        self._calls: dict[tuple[Root, str], int] = {}
        self._roots: dict[int, tuple[Any, Root]] = {}       # by id, with the module that has it
        self._before = tracing.set_watcher(self._watch)
        self._handles = [
            hooks.register_module_forward_pre_hook(self._enter_module),
            hooks.register_module_forward_hook(self._leave_module, always_call=True),
        ]
        return self

    def __exit__(self, *exc: Any) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles = []
        tracing.set_watcher(self._before)

    def _watch(self, notes: dict[Any, Any], result: Tensor | None, number: int) -> None:
        global _made
        note = notes.get(KEY)
        if note is None:
            _made += 1
            call = self._open[-1].call if self._open else None
            note = notes[KEY] = Note(_made, _line(), call)
        if result is not None:
            note.results[number] = summary(result)
        if self._before is not None:
            self._before(notes, result, number)

    def _enter_module(self, module: Any, args: Any) -> None:
        if threading.get_ident() != self._thread:
            return
        if self._open:
            outer = self._open[-1].call
            root = outer.root
            path = root.paths.get(id(module), f"{outer.path}.{type(module).__name__}".lstrip("."))
        else:
            outer, path = None, ""
            root = self._roots.setdefault(id(module), (module, Root(module)))[1]
        number = self._calls[root, path] = self._calls.get((root, path), 0) + 1
        self._open.append(_Open(Call(outer, path, type(module).__name__, number, root), module))

    def _leave_module(self, module: Any, args: Any, output: Any) -> None:
        if threading.get_ident() != self._thread:
            return
        while self._open:
            call, left = self._open.pop()
            if left is module:
                if call.outer is None:
                    call.root.learn(module)
                break


def _line() -> tuple[str, int]:
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HERE):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno
