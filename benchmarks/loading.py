"""A dataset in memory read in shuffled batches, by a loader and by indexing."""
from __future__ import annotations

import importlib
from typing import Any

from cases import Program, case

ROWS, COLUMNS, BATCH = 10_000, 5, 256

title = f"{ROWS:,} rows of {COLUMNS} and their labels in shuffled batches of {BATCH}"
loader = case("loader-10000x5", f"{title}, DataLoader")
plain = case("indexing-10000x5", f"{title}, plain indexing")


def tensors(library: str) -> tuple[Any, Any, Any]:
    xp = importlib.import_module(library)
    return xp, xp.arange(float(ROWS * COLUMNS)).reshape(ROWS, COLUMNS), xp.arange(ROWS)


@loader.on("cgrad", "torch")
def _(library: str) -> Program:
    _xp, x, y = tensors(library)
    data = importlib.import_module(f"{library}.utils.data")
    batches = data.DataLoader(data.TensorDataset(x, y), BATCH, shuffle=True)
    return "for a, b in batches: pass", {"batches": batches}


@plain.on("cgrad", "torch")
def _(library: str) -> Program:
    xp, x, y = tensors(library)

    def read() -> None:
        order = xp.randperm(ROWS)
        for start in range(0, ROWS, BATCH):
            indices = order[start : start + BATCH]
            x[indices], y[indices]

    return "read()", {"read": read}
