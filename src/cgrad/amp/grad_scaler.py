"""GradScaler, which is always disabled: gradients of float32 need no scaling."""
from __future__ import annotations

from typing import Any

__all__ = ["GradScaler"]


class GradScaler:
    """Scales losses so that half precision gradients do not vanish; here it passes them through.

    It is what PyTorch's is without a device: disabled. ``scaler.scale(loss).backward()``,
    ``scaler.unscale_(optimizer)``, ``scaler.step(optimizer)`` and ``scaler.update()`` do what the
    program would do without them.

    Args:
        device, init_scale, growth_factor, backoff_factor, growth_interval, enabled: accepted.

    Example::

        >>> scaler = cgrad.amp.GradScaler()
        >>> scaler.scale(cgrad.ones(2)), scaler.get_scale(), scaler.is_enabled()
        (tensor([1., 1.]), 1.0, False)
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        self._growth_factor = growth_factor
        self._backoff_factor = backoff_factor
        self._growth_interval = growth_interval

    def scale(self, outputs: Any) -> Any:
        """Return ``outputs``."""
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """Nothing to do."""

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """Return ``optimizer.step(*args, **kwargs)``."""
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """Nothing to do."""

    def get_scale(self) -> float:
        """1."""
        return 1.0

    def is_enabled(self) -> bool:
        """False."""
        return False

    def get_growth_factor(self) -> float:
        """What was given."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Accepted."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """What was given."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Accepted."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """What was given."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Accepted."""
        self._growth_interval = new_interval

    def state_dict(self) -> dict[str, Any]:
        """An empty dictionary, as of a disabled scaler in PyTorch."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Accepted: the state of a scaler has no effect here."""
