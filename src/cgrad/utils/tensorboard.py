"""Writing for TensorBoard, by the package tensorboardX (extra ``tensorboard``).

cgrad writes no event files itself: :class:`SummaryWriter` is tensorboardX's, whose ``add_…``
methods take tensors as well.

Example::

    >>> from cgrad.utils.tensorboard import SummaryWriter
    >>> with SummaryWriter("runs/first") as writer:
    ...     for step in range(3):
    ...         writer.add_scalar("loss", cgrad.tensor(1 / (step + 1)), step)
"""
from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from cgrad import Tensor

try:
    import tensorboardX
except ImportError:
    raise ImportError(
        "cgrad.utils.tensorboard: cgrad writes no TensorBoard files itself; install tensorboardX, "
        'whose SummaryWriter it hands out: pip install "cgrad[tensorboard]"'
    ) from None

__all__ = ["SummaryWriter"]


def _plain(value: Any) -> Any:
    """NumPy's arrays and Python's numbers for tensors, also within lists and dictionaries."""
    if isinstance(value, Tensor):
        return value.item() if value.dim() == 0 else value.detach().numpy()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_plain, value))
    return value


def _taking_tensors(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def add(self: Any, *args: Any, **kwargs: Any) -> Any:
        return method(self, *_plain(args), **_plain(kwargs))

    return add


class SummaryWriter(tensorboardX.SummaryWriter):  # type: ignore[misc]
    """``tensorboardX.SummaryWriter`` whose methods take tensors of cgrad.

    Args:
        log_dir (str): folder of the event files. Default: ``runs/`` with time and host
        comment (str): added to the default ``log_dir``. Default: ``""``

    ``add_scalar``, ``add_scalars``, ``add_histogram``, ``add_image``, ``add_figure`` and the others
    are called as PyTorch's. ``add_graph`` raises NotImplementedError: a graph is drawn by
    :func:`cgrad.viz.graph`.
    """

    def __init__(self, log_dir: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(log_dir, *args, **kwargs)

    def add_graph(self, model: Any, *args: Any, **kwargs: Any) -> None:
        """Not available."""
        raise NotImplementedError(
            "SummaryWriter.add_graph: programs are not traced; cgrad.viz.graph draws a computation"
        )

    def add_hparams(
        self,
        hparam_dict: dict[str, Any],
        metric_dict: dict[str, Any],
        hparam_domain_discrete: dict[str, Any] | None = None,
        run_name: str | None = None,
        global_step: int | None = None,
    ) -> None:
        """Note hyperparameters and what came of them; the parameters are PyTorch's.

        ``hparam_domain_discrete`` is not written.
        """
        super().add_hparams(_plain(hparam_dict), _plain(metric_dict), run_name, global_step)


for _name in dir(tensorboardX.SummaryWriter):
    if _name.startswith("add_") and _name not in vars(SummaryWriter):
        setattr(SummaryWriter, _name, _taking_tensors(getattr(tensorboardX.SummaryWriter, _name)))
