"""Handles that take a registered hook away again."""
from __future__ import annotations

import weakref
from collections import OrderedDict
from typing import Any

__all__ = ["RemovableHandle"]


class RemovableHandle:
    """What every ``register_*hook`` method returns; ``remove()`` unregisters the hook.

    It may be used as a context manager, which removes the hook at the end of the block.

    Args:
        hooks_dict: the ordered dictionary the hook lives in under ``handle.id``. It is held
            weakly: a handle keeps no module alive.
        extra_dict: a dictionary, or a list of them, that lose the same key on removal.
    """

    next_id = 0

    def __init__(self, hooks_dict: OrderedDict, *, extra_dict: Any = None) -> None:
        self.id = RemovableHandle.next_id
        RemovableHandle.next_id += 1
        extra = [] if extra_dict is None else extra_dict
        tables = [hooks_dict, *(extra if isinstance(extra, list) else [extra])]
        self._tables = [weakref.ref(table) for table in tables]

    def remove(self) -> None:
        """Unregister the hook; a second call does nothing."""
        for ref in self._tables:
            table = ref()
            if table is not None:
                table.pop(self.id, None)

    def __getstate__(self) -> tuple[int, list]:
        # With the tables, so that a copy of a module and its handles belong together again.
        return self.id, [ref() for ref in self._tables]

    def __setstate__(self, state: tuple[int, list]) -> None:
        self.id, tables = state
        self._tables = [weakref.ref(OrderedDict() if t is None else t) for t in tables]
        RemovableHandle.next_id = max(RemovableHandle.next_id, self.id + 1)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()
