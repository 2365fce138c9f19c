"""Modules spread over devices: with none to spread over, they run where they are."""
from __future__ import annotations

from typing import Any, NoReturn

from cgrad.nn.modules.module import Module

__all__ = ["DataParallel", "DistributedDataParallel"]


class DataParallel(Module):
    """Calls a module, which PyTorch would do in parts on several devices.

    Parameters are named ``module.…``, as in PyTorch, so that checkpoints fit.

    Args:
        module: what is called.
        device_ids, output_device, dim: accepted.

    Example::

        >>> model = cgrad.nn.DataParallel(cgrad.nn.Linear(2, 1))
        >>> model(cgrad.ones(3, 2)).shape, list(model.state_dict())
        (cgrad.Size([3, 1]), ['module.weight', 'module.bias'])
    """

    module: Module

    def __init__(
        self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0
    ) -> None:
        super().__init__()
        self.dim = dim
        self.module = module
        self.device_ids: list[int] = []

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Call the module."""
        return self.module(*inputs, **kwargs)


class DistributedDataParallel:
    """Raises RuntimeError: cgrad trains in one process."""

    def __new__(cls, *args: Any, **kwargs: Any) -> NoReturn:
        raise RuntimeError("DistributedDataParallel: cgrad trains in one process; use the module "
                           "itself (cgrad.distributed.is_available() is False)")
