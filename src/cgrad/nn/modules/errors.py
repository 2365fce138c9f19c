"""Where in a network an error arose.

An operation knows its operands, not the layer it serves. So a module whose ``forward`` fails puts
its place in front of the message, as seen from the outermost module that was called:
``layers.2.fc1 (Linear 64→10): input has 32 features; linear(): ...``. Only messages of this library
are changed: what a program raises itself stays as it is.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cgrad import Tensor

if TYPE_CHECKING:
    from cgrad.nn.modules.module import Module

_SIZES = (("in_features", "out_features"), ("in_channels", "out_channels"),
          ("input_size", "hidden_size"), ("num_embeddings", "embedding_dim"))  # fmt: skip
_ONE_SIZE = ("num_features", "num_channels", "normalized_shape", "embed_dim", "d_model")


def _made_here(error: Exception) -> bool:
    """Whether the library raised it; the base class's own ``forward`` does not count."""
    trace = error.__traceback__
    if trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    name = trace.tb_frame.f_globals.get("__name__", "")
    return name.startswith("cgrad.") and name != "cgrad.nn.modules.calling"


def _description(module: Module) -> str:
    """The class and its sizes: ``Linear 64→10``."""
    sizes = vars(module)
    name = type(module).__name__
    for first, second in _SIZES:
        if first in sizes and second in sizes:
            return f"{name} {sizes[first]}{'×' if 'embed' in first else '→'}{sizes[second]}"
    for key in _ONE_SIZE:
        if key in sizes:
            return f"{name} {sizes[key]}"
    return name


def _misfit(module: Module, x: Any) -> str | None:
    """What about the first input does not fit the module's sizes."""
    if not isinstance(x, Tensor):
        return None
    sizes, shape = vars(module), tuple(x.shape)
    last = sizes.get("in_features", sizes.get("input_size", sizes.get("embed_dim")))
    if last is not None and "in1_features" not in sizes and (not shape or shape[-1] != last):
        return f"input has {shape[-1]} features" if shape else "input has no dimension"
    channels, axis = None, 1
    if "in_channels" in sizes and "kernel_size" in sizes:
        channels, n = sizes["in_channels"], len(sizes["kernel_size"])
        if len(shape) not in (n + 1, n + 2):
            return f"input has {len(shape)} dimensions"
        axis = len(shape) - n - 1
    elif "num_features" in sizes or "num_channels" in sizes:
        channels = sizes.get("num_features", sizes.get("num_channels"))
    if channels is not None and len(shape) > axis and shape[axis] != channels:
        return f"input has {shape[axis]} channels"
    wanted = tuple(sizes.get("normalized_shape", ()))
    if wanted and shape[-len(wanted) :] != wanted:
        return f"input has the shape {shape}"
    return None


class _Origin:
    """Where an error arose and what it said there; travels with the error, but not in a pickle."""

    __slots__ = ("message", "module")

    def __init__(self, module: Module | None = None, message: str = "") -> None:
        self.module = module
        self.message = message

    def __reduce__(self) -> tuple:
        return _Origin, ()      # a copy of the error, in another process say, needs no model


def explain(module: Module, error: Exception, args: tuple) -> None:
    """Put the place of the innermost module in front of the message of ``error``.

    Called for every module that the error leaves: the innermost first, which remembers itself and
    the message; those around it then know more of the path.
    """
    state = vars(error)
    if "_origin" not in state:
        origin = state["_origin"] = _Origin()
        if (len(error.args) == 1 and isinstance(error.args[0], str) and _made_here(error)
                and not isinstance(error, RecursionError)):  # fmt: skip
            misfit = _misfit(module, args[0] if args else None)
            origin.module = module
            origin.message = f"{misfit}; {error.args[0]}" if misfit else error.args[0]
    origin = state["_origin"]
    if origin.module is None:
        return
    for path, part in module.named_modules():
        if part is origin.module:
            what = _description(part)
            error.args = (f"{f'{path} ({what})' if path else what}: {origin.message}",)
            return
