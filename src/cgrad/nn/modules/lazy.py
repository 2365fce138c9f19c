"""Layers that learn the size of their input from the first one they see."""
from __future__ import annotations

from inspect import cleandoc
from typing import Any

import cgrad
from cgrad import Tensor
from cgrad.nn.modules.batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from cgrad.nn.modules.conv import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
)
from cgrad.nn.modules.instancenorm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from cgrad.nn.modules.linear import Linear
from cgrad.nn.modules.module import Module
from cgrad.nn.parameter import UninitializedBuffer, UninitializedParameter, is_lazy

__all__ = [
    "LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d", "LazyConv1d", "LazyConv2d",
    "LazyConv3d", "LazyConvTranspose1d", "LazyConvTranspose2d", "LazyConvTranspose3d",
    "LazyInstanceNorm1d", "LazyInstanceNorm2d", "LazyInstanceNorm3d", "LazyLinear",
]  # fmt: skip


class LazyModuleMixin:
    """What turns a layer into a lazy one.

    A subclass makes its parameters ``UninitializedParameter`` and gives them their shapes in
    ``initialize_parameters(*input)``, which runs before the first forward; from then on the module
    is of the class ``cls_to_become``. ``load_state_dict`` gives them shapes as well.
    """

    cls_to_become: type[Module] | None = None

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._load_hook = self.register_load_state_dict_pre_hook(_take_shapes)
        self._initialize_hook = self.register_forward_pre_hook(_infer, with_kwargs=True)

    def has_uninitialized_params(self: Any) -> bool:
        """Whether a parameter or buffer of this module has no size yet."""
        members = [*self._parameters.values(), *self._buffers.values()]
        return any(is_lazy(member) for member in members)

    def _save_to_state_dict(self: Any, destination: dict, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)  # type: ignore[misc]
        for name, member in self._own_state():
            if is_lazy(member):
                destination[prefix + name] = member

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give the parameters their shapes, from the input; every lazy class defines it."""
        raise NotImplementedError(
            f"initialize_parameters is not implemented for {type(self).__name__}"
        )


def _take_shapes(module: Any, state: dict, prefix: str, *rest: Any) -> None:
    for name, member in [*module._parameters.items(), *module._buffers.items()]:
        given = state.get(prefix + name)
        if is_lazy(member) and isinstance(given, Tensor) and not is_lazy(given):
            with cgrad.no_grad():
                member.materialize(given.shape)


def _infer(module: Any, args: tuple, kwargs: dict[str, Any]) -> None:
    module.initialize_parameters(*args, **kwargs)
    if module.has_uninitialized_params():
        raise RuntimeError(
            f"module {type(module).__name__} has not been fully initialized"
        )
    module._initialize_hook.remove()
    module._load_hook.remove()
    del module._initialize_hook, module._load_hook
    if module.cls_to_become is not None:
        module.__class__ = module.cls_to_become


class LazyLinear(LazyModuleMixin, Linear):
    """:class:`Linear` whose ``in_features`` is the last size of the first input.

    Args:
        out_features: size of the last dimension of the output.
        bias: whether there is a bias. Default: ``True``
        device, dtype: of the parameters.

    Example::

        >>> layer = cgrad.nn.LazyLinear(2)
        >>> _ = layer(cgrad.ones(1, 5))
        >>> layer
        Linear(in_features=5, out_features=2, bias=True)
    """

    cls_to_become = Linear

    def __init__(
        self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(0, 0, False)
        self.out_features = out_features
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw the parameters anew, if they have a size."""
        if not self.has_uninitialized_params() and self.in_features:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Take ``in_features`` from the input."""
        if self.has_uninitialized_params():
            with cgrad.no_grad():
                self.in_features = input.shape[-1]
                if is_lazy(self.weight):
                    self.weight.materialize((self.out_features, self.in_features))
                if is_lazy(self.bias):
                    self.bias.materialize((self.out_features,))
                self.reset_parameters()
        if self.in_features == 0:
            self.in_features = self.weight.shape[-1]


class _LazyConv(LazyModuleMixin):
    """A convolution whose ``in_channels`` is that of the first input.

    Args:
        out_channels: channels of the output.
        kernel_size, stride, padding, dilation, groups, bias, padding_mode: as for the layer whose
            name stands behind ``Lazy``; ``output_padding`` for transposed ones.
        device, dtype: of the parameters.
    """

    def __init__(
        self: Any,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self._start(out_channels, bias, kernel_size=kernel_size, stride=stride, padding=padding,
                    dilation=dilation, groups=groups, padding_mode=padding_mode, device=device,
                    dtype=dtype)  # fmt: skip

    def _start(self: Any, out_channels: int, bias: bool, **options: Any) -> None:
        LazyModuleMixin.__init__(self, 0, 0, bias=False, **options)
        self.out_channels = out_channels
        places: dict[str, Any] = {key: options[key] for key in ("device", "dtype")}
        self.weight = UninitializedParameter(**places)
        if bias:
            self.bias = UninitializedParameter(**places)

    def reset_parameters(self: Any) -> None:
        """Draw the parameters anew, if they have a size."""
        if not self.has_uninitialized_params() and self.in_channels:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self: Any, input: Tensor, *args: Any) -> None:
        """Take ``in_channels`` from the input."""
        n = len(self.kernel_size)
        if self.has_uninitialized_params():
            if input.dim() not in (n + 1, n + 2):
                raise RuntimeError(
                    f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to "
                    f"{type(self).__name__}, but got input of size: {input.shape}"
                )
            self.in_channels = input.shape[-n - 1]
            if self.in_channels % self.groups:
                raise ValueError("in_channels must be divisible by groups")
            with cgrad.no_grad():
                if is_lazy(self.weight):
                    sides = [self.out_channels, self.in_channels]
                    first, second = sides[::-1] if self._transposed else sides
                    self.weight.materialize((first, second // self.groups, *self.kernel_size))
                if is_lazy(self.bias):
                    self.bias.materialize((self.out_channels,))
                self.reset_parameters()
        if self.in_channels == 0:
            shape = self.weight.shape
            self.in_channels = shape[0] if self._transposed else shape[1] * self.groups


class _LazyConvTranspose(_LazyConv):
    __doc__ = _LazyConv.__doc__

    def __init__(
        self: Any,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self._start(out_channels, bias, kernel_size=kernel_size, stride=stride, padding=padding,
                    output_padding=output_padding, groups=groups, dilation=dilation,
                    padding_mode=padding_mode, device=device, dtype=dtype)  # fmt: skip


class _LazyNorm(LazyModuleMixin):
    """A normalisation whose ``num_features`` is the number of channels of the first input.

    Args:
        eps, momentum, affine, track_running_stats: as for the layer whose name stands behind
            ``Lazy``.
        device, dtype: of the parameters.
        bias: whether there is a bias, if there is a weight. Default: ``True``
    """

    def __init__(
        self: Any,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(0, eps, momentum, False, False, device, dtype, bias=False)
        self.affine, self.track_running_stats = affine, track_running_stats
        places: dict[str, Any] = {"device": device, "dtype": dtype}
        if affine:
            self.weight = UninitializedParameter(**places)
            if bias:
                self.bias = UninitializedParameter(**places)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(**places)
            self.running_var = UninitializedBuffer(**places)
            self.num_batches_tracked = cgrad.tensor(0)

    def reset_parameters(self: Any) -> None:
        """Reset statistics and parameters, if they have a size."""
        if not self.has_uninitialized_params() and self.num_features:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self: Any, input: Tensor) -> None:
        """Take ``num_features`` from the input."""
        if self.has_uninitialized_params():
            batched = self._channel_axis(input)
            self.num_features = input.shape[batched]
            with cgrad.no_grad():
                for member in [*self._parameters.values(), *self._buffers.values()]:
                    if is_lazy(member):
                        member.materialize((self.num_features,))
                self.reset_parameters()
        if self.num_features == 0:
            self.num_features = len(self.weight if self.affine else self.running_mean)

    def _channel_axis(self, input: Tensor) -> int:
        return 1


class _LazyInstanceNorm(_LazyNorm):
    __doc__ = _LazyNorm.__doc__

    def _channel_axis(self: Any, input: Tensor) -> int:
        return 0 if input.dim() == min(self._dims) else 1


def _lazy(mixin: type, kind: type) -> Any:
    name = f"Lazy{kind.__name__}"
    n = int(name[-2])
    layer = f"{name}(3, 2)" if "Conv" in name else f"{name}()"
    size = 4 if "Norm" in name else 5 if "Transpose" in name else 3
    doc = f"""\
:class:`{kind.__name__}` that sees its input's size first.

{cleandoc(mixin.__doc__ or "")}

Example::

    >>> cgrad.nn.{layer}(cgrad.zeros(1, 2{", 4" * n})).shape
    cgrad.Size({[1, 3 if "Conv" in name else 2, *[size] * n]})
"""
    return type(name, (mixin, kind), {
        "cls_to_become": kind, "__doc__": doc, "__module__": __name__, "__qualname__": name,
        "_transposed": "Transpose" in name})  # fmt: skip


LazyConv1d = _lazy(_LazyConv, Conv1d)
LazyConv2d = _lazy(_LazyConv, Conv2d)
LazyConv3d = _lazy(_LazyConv, Conv3d)
LazyConvTranspose1d = _lazy(_LazyConvTranspose, ConvTranspose1d)
LazyConvTranspose2d = _lazy(_LazyConvTranspose, ConvTranspose2d)
LazyConvTranspose3d = _lazy(_LazyConvTranspose, ConvTranspose3d)
LazyBatchNorm1d = _lazy(_LazyNorm, BatchNorm1d)
LazyBatchNorm2d = _lazy(_LazyNorm, BatchNorm2d)
LazyBatchNorm3d = _lazy(_LazyNorm, BatchNorm3d)
LazyInstanceNorm1d = _lazy(_LazyInstanceNorm, InstanceNorm1d)
LazyInstanceNorm2d = _lazy(_LazyInstanceNorm, InstanceNorm2d)
LazyInstanceNorm3d = _lazy(_LazyInstanceNorm, InstanceNorm3d)
