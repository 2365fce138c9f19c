"""utils.data against PyTorch: the same samples, orders, types and errors."""
from collections import OrderedDict, UserDict, namedtuple

import numpy as np
import pytest

import cgrad

torch = pytest.importorskip("torch")
import torch.utils.data as theirs  # noqa: E402

import cgrad.utils.data as ours  # noqa: E402

Pair = namedtuple("Pair", "a b")


@pytest.mark.parametrize("n, replicas", [(1, 1), (5, 2), (100, 3), (1000, 7), (3, 5)])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
def test_distributed_orders(n, replicas, drop_last, shuffle):
    for rank in range(replicas):
        a, b = (library.distributed.DistributedSampler(
            range(n), replicas, rank, shuffle, 3, drop_last) for library in (ours, theirs))
        for epoch in (0, 2**33):
            a.set_epoch(epoch)
            b.set_epoch(epoch)
            assert list(a) == list(b) and len(a) == len(b)


def plain(value):
    """The same for both libraries: types and values."""
    if isinstance(value, (cgrad.Tensor, torch.Tensor)):
        return "tensor", str(value.dtype).partition(".")[2], value.tolist()
    if isinstance(value, dict | UserDict):
        return type(value).__name__, {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return "array", value.tolist()
    return value


SAMPLES = {
    "int": lambda xp: 3,
    "bool": lambda xp: True,
    "float": lambda xp: 2.5,
    "str": lambda xp: "a",
    "tensor": lambda xp: xp.arange(3),
    "array": lambda xp: np.ones((2, 2), np.float32),
    "float16": lambda xp: np.float32(2),
    "scalars": lambda xp: np.int16(2),
    "np.bool": lambda xp: np.bool_(True),
    "tuple": lambda xp: (1, xp.ones(2)),
    "list": lambda xp: [1, [2.0, "x"]],
    "named": lambda xp: Pair(1, (2, 3)),
    "dict": lambda xp: {"x": 1, 5: [xp.zeros(()), 2]},
    "ordered": lambda xp: OrderedDict(b=1, a=2.0),
    "user": lambda xp: UserDict(x=1),
    "words": lambda xp: np.array(["a"]),
    "object": lambda xp: object(),
    "none": lambda xp: None,
    "bytes": lambda xp: b"ab",
}


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("function", ["default_collate", "default_convert"])
def test_collating(kind, function):
    outcomes = []
    for xp, library in ((cgrad, ours), (torch, theirs)):
        sample = SAMPLES[kind](xp)
        try:
            found = getattr(library, function)(
                [sample, sample] if function == "default_collate" else sample)
        except Exception as error:
            found = type(error)
        outcomes.append("object" if type(found) is object else plain(found))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("options", [
    {}, dict(batch_size=3), dict(batch_size=3, drop_last=True), dict(batch_size=None),
    dict(sampler=[3, 1, 1]), dict(batch_sampler=[[0], [2, 1]]),
    dict(batch_size=4, collate_fn=len), dict(batch_size=100),
], ids=str)
def test_loaders(options):
    found = []
    for xp, library in ((cgrad, ours), (torch, theirs)):
        data = library.TensorDataset(xp.arange(14).reshape(7, 2), xp.arange(7.0))
        for dataset in (data, library.Subset(data, [6, 2, 0, 5]),
                        library.ConcatDataset([data, data]),
                        library.StackDataset(data, list("abcdefg"))):
            try:
                loader = library.DataLoader(dataset, **options)
                found.append((xp, [plain(batch) for batch in loader], len(loader)))
            except Exception as error:
                found.append((xp, type(error), 0))
    half = len(found) // 2
    assert [f[1:] for f in found[:half]] == [f[1:] for f in found[half:]]


@pytest.mark.parametrize("lengths", [[3, 4], [0.5, 0.5], [0.31, 0.3, 0.39], [1.0], [7, 1],
                                     [0.5, 0.6], [1.5, -0.5], [0.1, 0.2]])
def test_splits(lengths):
    found = []
    for library in (ours, theirs):
        try:
            found.append([len(part) for part in library.random_split(range(7), lengths)])
        except Exception as error:
            found.append(type(error))
    assert found[0] == found[1]


def test_seeds_of_numpy_in_workers():
    from torch.utils.data._utils.worker import _generate_state

    for base in (0, 5, 2**40 + 7, 2**62 + 1):
        for worker in (0, 1, 7):
            words = [worker, base % 2**32, base >> 32, 0]
            state = np.random.SeedSequence(words).generate_state(4)
            assert list(state) == _generate_state(base, worker)


def test_signatures():
    import inspect

    for name in ours.__all__:
        mine, other = getattr(ours, name), getattr(theirs, name, None)
        if other is None or name in ("Sampler",):
            continue
        mine, other = (inspect.signature(x).parameters for x in (mine, other))
        assert list(mine) == list(other), name
        for parameter in mine:
            a, b = mine[parameter].default, other[parameter].default
            assert a == b or isinstance(b, torch.Generator), (name, parameter)
