"""utils.data: datasets, samplers, loaders, collating."""
import itertools
import pickle
from collections import namedtuple

import numpy as np
import pytest

import cgrad
from cgrad.utils.data import (
    BatchSampler,
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    StackDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    default_convert,
    random_split,
)


def dataset(n=10):
    return TensorDataset(cgrad.arange(2 * n).reshape(n, 2), cgrad.arange(n) * 10)


class Squares(Dataset):
    def __len__(self):
        return 5

    def __getitem__(self, index):
        if not 0 <= index < 5:
            raise IndexError(index)
        return cgrad.tensor([index, index**2]), index


def test_tensor_dataset():
    data = dataset()
    assert len(data) == 10
    x, y = data[3]
    assert x.tolist() == [6, 7] and y.item() == 30
    rows = data.__getitems__([4, 0])
    assert [(x.tolist(), y.item()) for x, y in rows] == [([8, 9], 40), ([0, 1], 0)]
    with pytest.raises(AssertionError, match="Size mismatch between tensors"):
        TensorDataset(cgrad.zeros(2), cgrad.zeros(3))
    with pytest.raises(NotImplementedError):
        Dataset()[0]


@pytest.mark.parametrize("batch_size", [1, 3, 5, 10, 100])
@pytest.mark.parametrize("drop_last", [False, True])
def test_batches_of_tensors(batch_size, drop_last):
    loader = DataLoader(dataset(), batch_size, drop_last=drop_last)
    batches = list(loader)
    assert len(batches) == len(loader)
    assert all(isinstance(batch, list) and len(batch) == 2 for batch in batches)
    labels = [y for _, ys in batches for y in ys.tolist()]
    end = 10 // batch_size * batch_size if drop_last else 10
    assert labels == [10 * i for i in range(end)]
    for x, y in batches:
        assert x.shape == (len(y), 2) and x.dtype == cgrad.int64
        np.testing.assert_array_equal(x[:, 0].numpy() * 5, y.numpy())


def test_batches_are_copies():
    data = dataset()
    x, _ = next(iter(DataLoader(data, 4)))
    x.fill_(-1)
    assert data[0][0].tolist() == [0, 1]


def test_one_index_operation_per_tensor_and_batch(monkeypatch):
    calls = []

    class Counted:
        """Stands for a tensor, and counts how often it is read."""

        def __init__(self, tensor):
            self.tensor = tensor

        def __len__(self):
            return len(self.tensor)

        def __getitem__(self, index):
            calls.append(index)
            return self.tensor[index]

    data = TensorDataset(Counted(cgrad.arange(100)), Counted(cgrad.arange(100)))
    for loader, batches in [
        (DataLoader(data, 30), 4),
        (DataLoader(data, 30, shuffle=True), 4),
        (DataLoader(Subset(data, range(50)), 25), 2),
        (DataLoader(Subset(Subset(data, range(50)), range(25)), 25), 1),
        (DataLoader(data, batch_sampler=[[1, 2], [3]]), 2),
    ]:
        calls.clear()
        list(loader)
        assert len(calls) == 2 * batches


def test_shuffling():
    loader = DataLoader(dataset(100), 7, shuffle=True)
    epochs = [[y for _, ys in loader for y in ys.tolist()] for _ in range(3)]
    for epoch in epochs:
        assert sorted(epoch) == [10 * i for i in range(100)]
    assert epochs[0] != epochs[1] != epochs[2] and epochs[0] != sorted(epochs[0])
    cgrad.manual_seed(3)
    first = [y.tolist() for _, y in loader]
    cgrad.manual_seed(3)
    assert [y.tolist() for _, y in loader] == first


def test_both_paths_give_the_same_order():
    data = dataset(20)
    orders = []
    for collate in (None, lambda samples: default_collate(samples)):
        cgrad.manual_seed(0)
        loader = DataLoader(data, 6, shuffle=True, collate_fn=collate)
        orders.append([[t.tolist() for t in batch] for batch in loader])
    assert orders[0] == orders[1]


def test_a_generator_of_its_own():
    data = dataset(50)
    orders = []
    for _ in range(2):
        generator = cgrad.Generator()
        generator.manual_seed(5)
        loader = DataLoader(data, 50, shuffle=True, generator=generator)
        orders.append([[y.tolist() for _, y in loader] for _ in range(2)])
        cgrad.rand(3)
    assert orders[0] == orders[1] and orders[0][0] != orders[0][1]


def test_subclasses_that_compute_their_samples_are_asked():
    class Negative(TensorDataset):
        def __getitem__(self, index):
            return tuple(-t for t in super().__getitem__(index))

    data = Negative(cgrad.arange(4))
    expected = [[0, -1, -2], [-3]]
    assert [x.tolist() for (x,) in DataLoader(data, 3)] == expected
    assert [x.tolist() for (x,) in DataLoader(Subset(data, range(4)), 3)] == expected

    class Doubled(Subset):
        def __getitem__(self, index):
            return tuple(2 * t for t in super().__getitem__(index))

    halves = Doubled(TensorDataset(cgrad.arange(4)), [1, 2])
    assert halves[1][0].item() == 4


def test_other_datasets():
    loader = DataLoader(Squares(), batch_size=2)
    batches = list(loader)
    assert len(loader) == 3
    assert batches[1][0].tolist() == [[2, 4], [3, 9]] and batches[1][1].tolist() == [2, 3]
    single = list(DataLoader(Squares(), batch_size=None))
    assert single[3][0].tolist() == [3, 9] and single[3][1] == 3
    assert [len(b) for b in DataLoader(Squares(), 3, collate_fn=lambda samples: samples)] == [3, 2]
    assert len(list(DataLoader([5, 6, 7], 2))) == 2


def test_own_samplers():
    class Backwards(Sampler):
        def __iter__(self):
            return iter(range(9, -1, -1))

        def __len__(self):
            return 10

    for sampler in (Backwards(), list(range(9, -1, -1))):
        loader = DataLoader(dataset(), 4, sampler=sampler)
        assert [y.tolist() for _, y in loader] == [[90, 80, 70, 60], [50, 40, 30, 20], [10, 0]]
        assert len(loader) == 3

    class EvenOnly(RandomSampler):
        def __iter__(self):
            return (i for i in super().__iter__() if i % 2 == 0)

    loader = DataLoader(dataset(), 10, sampler=EvenOnly(range(10)))
    assert [sorted(y.tolist()) for _, y in loader] == [[0, 20, 40, 60, 80]]
    loader = DataLoader(dataset(), batch_sampler=[[0, 9], [5]])
    assert [y.tolist() for _, y in loader] == [[0, 90], [50]] and len(loader) == 2


@pytest.mark.parametrize("replacement", [False, True])
def test_an_epoch_without_end_is_drawn_as_it_goes(replacement):
    sampler = RandomSampler(range(10), replacement=replacement, num_samples=10**10)
    assert set(itertools.islice(sampler, 100)) == set(range(10))
    data = TensorDataset(cgrad.arange(10), cgrad.arange(10) * 10)
    x, y = next(iter(DataLoader(data, sampler=sampler, batch_size=5)))
    assert x.shape == (5,) and (x * 10).equal(y)


def test_samplers():
    assert list(SequentialSampler(range(3))) == [0, 1, 2]
    assert sorted(RandomSampler(range(20))) == list(range(20))
    assert len(RandomSampler(range(3), num_samples=8)) == 8
    drawn = list(RandomSampler(range(3), num_samples=8))
    assert len(drawn) == 8 and sorted(drawn[:3]) == [0, 1, 2] == sorted(drawn[3:6])
    drawn = list(RandomSampler(range(3), replacement=True, num_samples=100))
    assert len(drawn) == 100 and set(drawn) == {0, 1, 2}
    batches = BatchSampler(SequentialSampler(range(5)), 2, drop_last=False)
    assert list(batches) == [[0, 1], [2, 3], [4]] and len(batches) == 3
    batches = BatchSampler(range(5), 2, drop_last=True)
    assert list(batches) == [[0, 1], [2, 3]] and len(batches) == 2
    with pytest.raises(ValueError, match="batch_size should be a positive integer"):
        BatchSampler(range(5), 0, False)
    with pytest.raises(ValueError, match="drop_last should be a boolean"):
        BatchSampler(range(5), 1, 1)
    with pytest.raises(ValueError, match="num_samples should be a positive integer"):
        RandomSampler(range(3), num_samples=0)
    with pytest.raises(TypeError, match="replacement should be a boolean"):
        RandomSampler(range(3), replacement=1)


def test_subset_and_random_split():
    part = Subset(Squares(), [4, 1])
    assert len(part) == 2 and part[0][1] == 4
    assert [y for _, y in part.__getitems__([1, 0])] == [1, 4]
    cgrad.manual_seed(0)
    parts = random_split(dataset(100), [70, 30])
    seen = [part[i][1].item() for part in parts for i in range(len(part))]
    assert [len(part) for part in parts] == [70, 30]
    assert sorted(seen) == [10 * i for i in range(100)] != seen
    loaded = [y for _, ys in DataLoader(parts[1], 8) for y in ys.tolist()]
    assert loaded == seen[70:]
    assert [len(p) for p in random_split(range(10), [0.5, 0.25, 0.25])] == [6, 2, 2]
    with pytest.raises(ValueError, match="Sum of input lengths"):
        random_split(range(10), [5, 4])
    with pytest.raises(ValueError, match="Fraction at index 0"):
        random_split(range(10), [1.5, -0.5])
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        random_split(range(1), [0.5, 0.5])


def test_collating():
    Pair = namedtuple("Pair", "a b")
    result = default_collate([Pair(1, 2.0), Pair(3, 4.0)])
    assert isinstance(result, Pair) and result.a.tolist() == [1, 3]
    assert result.b.dtype == cgrad.float64
    result = default_collate([{"x": cgrad.zeros(2), "n": "a"}, {"x": cgrad.ones(2), "n": "b"}])
    assert result["x"].tolist() == [[0, 0], [1, 1]] and result["n"] == ["a", "b"]
    result = default_collate([np.float32(1.5), np.float32(2.5)])
    assert result.dtype == cgrad.float32 and result.tolist() == [1.5, 2.5]
    assert default_collate([np.zeros((2, 2)), np.ones((2, 2))]).shape == (2, 2, 2)
    assert default_collate([True, False]).dtype == cgrad.bool
    assert default_collate([[1, 2], [3, 4]])[1].tolist() == [2, 4]

    class Frozen(dict):
        def __init__(self, **items):
            super().__init__(**items)

    assert default_collate([Frozen(x=1), Frozen(x=2)])["x"].tolist() == [1, 2]
    with pytest.raises(TypeError, match="batch must contain"):
        default_collate([object()])
    with pytest.raises(RuntimeError, match="equal size"):
        default_collate([[1], [1, 2]])
    with pytest.raises(RuntimeError):
        default_collate([cgrad.zeros(1), cgrad.zeros(2)])


@pytest.mark.parametrize(
    "options, message",
    [
        (dict(sampler=[0], shuffle=True), "sampler option is mutually exclusive with shuffle"),
        (dict(batch_sampler=[[0]], batch_size=2), "batch_sampler option is mutually exclusive"),
        (dict(batch_size=None, drop_last=True), "batch_size=None option disables"),
        (dict(batch_size=0), "batch_size should be a positive integer"),
        (dict(num_workers=-1), "num_workers option should be non-negative"),
        (dict(timeout=-1), "timeout option should be non-negative"),
        (dict(prefetch_factor=2), "prefetch_factor option could only be specified"),
        (dict(prefetch_factor=-1, num_workers=1), "prefetch_factor option should be non-neg"),
        (dict(persistent_workers=True), "persistent_workers option needs num_workers > 0"),
        (dict(multiprocessing_context="fork"), "multiprocessing_context can only be used with"),
        (dict(multiprocessing_context="x", num_workers=1), "should specify a valid start method"),
    ],
)
def test_options_that_exclude_each_other(options, message):
    with pytest.raises(ValueError, match=message):
        DataLoader(dataset(), **options)


def test_options_of_other_machines_are_accepted():
    loader = DataLoader(dataset(), 5, pin_memory=True, pin_memory_device="cuda")
    assert len(list(loader)) == 2


def test_annotations_and_lazy_module():
    class Typed(Dataset[int], Sampler[int]):
        pass

    assert issubclass(Typed, Dataset) and isinstance(Typed(), Sampler)
    assert cgrad.utils.data.DataLoader is DataLoader
    with pytest.raises(AttributeError):
        cgrad.utils.nothing  # noqa: B018
    with pytest.raises(NotImplementedError):
        iter(Sampler())


def test_empty_dataset():
    data = TensorDataset(cgrad.zeros(0, 3))
    with pytest.raises(ValueError, match="num_samples should be a positive"):
        DataLoader(data, shuffle=True)
    part = Subset(TensorDataset(cgrad.arange(5)), [4, 0])
    assert part[[1, 0]][0].tolist() == [0, 4]
    assert list(DataLoader(data, 4)) == [] and len(DataLoader(data, 4)) == 0


def test_a_list_of_indices_may_change():
    part = Subset(TensorDataset(cgrad.arange(10)), [1, 2])
    loader = DataLoader(part, 4)
    assert [x.tolist() for (x,) in loader] == [[1, 2]]
    part.indices[0] = 7
    assert [x.tolist() for (x,) in loader] == [[7, 2]]
    part.indices.append(9)
    assert [x.tolist() for (x,) in loader] == [[7, 2, 9]]
    for indices in (np.array([3, 4]), cgrad.tensor([3, 4]), range(3, 5), (3, 4)):
        assert [x.tolist() for (x,) in DataLoader(Subset(part.dataset, indices), 4)] == [[3, 4]]
    assert pickle.loads(pickle.dumps(part)).__dict__.keys() == {"dataset", "indices"}


def test_samplers_of_subsets_and_weights():
    sampler = SubsetRandomSampler([5, 3, 8])
    assert len(sampler) == 3 and sorted(sampler) == [3, 5, 8]
    generator = cgrad.Generator()
    first = list(SubsetRandomSampler(range(50), generator.manual_seed(2)))
    assert list(SubsetRandomSampler(range(50), generator.manual_seed(2))) == first
    sampler = WeightedRandomSampler([0, 1, 0, 3], 4000)
    drawn = list(sampler)
    assert len(sampler) == len(drawn) == 4000 and set(drawn) == {1, 3}
    assert 2800 < drawn.count(3) < 3200
    assert sorted(WeightedRandomSampler([1.0, 2.0, 3.0], 3, replacement=False)) == [0, 1, 2]
    data = TensorDataset(cgrad.arange(4))
    assert {x.item() for (x,) in DataLoader(data, sampler=sampler)} == {1, 3}
    for bad in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match="num_samples should be a positive"):
            WeightedRandomSampler([1.0], bad)
    with pytest.raises(ValueError, match="replacement should be a boolean"):
        WeightedRandomSampler([1.0], 1, 1)
    with pytest.raises(ValueError, match=r"1d sequence but given weights have shape \(1, 1\)"):
        WeightedRandomSampler([[1.0]], 1)


@pytest.mark.parametrize("n, replicas", [(10, 3), (9, 3), (2, 5), (1, 4), (0, 2)])
def test_distributed_sampler(n, replicas):
    shares = [list(DistributedSampler(range(n), replicas, i, shuffle=False))
              for i in range(replicas)]
    assert len({len(share) for share in shares}) == 1
    if n:
        together = [share[i] for i in range(len(shares[0])) for share in shares]
        assert together == [i % n for i in range(len(together))] and len(together) >= n
    cut = [list(DistributedSampler(range(n), replicas, i, drop_last=True))
           for i in range(replicas)]
    flat = [i for share in cut for i in share]
    assert len(flat) == n // replicas * replicas == len(set(flat))
    sampler = DistributedSampler(range(n), replicas, 0, seed=3)
    assert len(sampler) == len(shares[0]) == len(list(sampler))


def test_distributed_sampler_epochs():
    sampler = DistributedSampler(range(8))
    assert (sampler.num_replicas, sampler.rank) == (1, 0)
    assert list(sampler) == [4, 0, 7, 3, 2, 5, 1, 6]       # as PyTorch 2.13
    sampler.set_epoch(1)
    assert list(sampler) == [5, 4, 2, 6, 7, 3, 1, 0]
    with pytest.raises(ValueError, match=r"Invalid rank 2, rank should be in the interval \[0, 1"):
        DistributedSampler(range(8), 2, 2)


def test_concatenated_datasets():
    data = ConcatDataset([range(3), Squares(), TensorDataset(cgrad.arange(2))])
    assert len(data) == 10 and data.cumulative_sizes == [3, 8, 10]
    assert data[2] == 2 and data[3][1] == 0 and data[-1][0].item() == 1 and data[-10] == 0
    with pytest.raises(ValueError, match="absolute value of index"):
        data[-11]
    with pytest.raises(IndexError):
        data[10]
    assert [len(d.datasets) for d in (Squares() + Squares(), Squares() + [1])] == [2, 2]
    with pytest.raises(AssertionError, match="not be an empty"):
        ConcatDataset([])
    with pytest.raises(AssertionError, match="does not support IterableDataset"):
        ConcatDataset([IterableDataset()])
    with pytest.warns(DeprecationWarning):
        assert data.cummulative_sizes == data.cumulative_sizes


def test_iterable_datasets():
    class Count(IterableDataset):
        def __init__(self, n):
            self.n = n

        def __iter__(self):
            return iter(range(self.n))

        def __len__(self):
            return self.n

    both = Count(3) + Count(2)
    assert isinstance(both, ChainDataset) and list(both) == [0, 1, 2, 0, 1] and len(both) == 5
    assert [b.tolist() for b in DataLoader(both, 4)] == [[0, 1, 2, 0], [1]]
    with pytest.raises(AssertionError, match="only supports IterableDataset, but got list"):
        list(ChainDataset([[1]]))
    with pytest.raises(NotImplementedError):
        iter(IterableDataset())


def test_stacked_datasets():
    data = StackDataset(TensorDataset(cgrad.arange(5)), Squares())
    assert len(data) == 5 and data[3][0][0].item() == 3 and data[3][1][1] == 3
    named = StackDataset(x=TensorDataset(cgrad.arange(4.0)), y="abcd")
    assert named[2]["y"] == "c" and [s["y"] for s in named.__getitems__([3, 0])] == ["d", "a"]
    (batch,) = DataLoader(named, 4)
    assert batch["x"][0].tolist() == [0, 1, 2, 3] and batch["y"] == list("abcd")
    assert StackDataset([1, 2], [3, 4]).__getitems__([1, 0]) == [(2, 4), (1, 3)]
    for arguments, message in [(([1], [1, 2]), "Size mismatch"), ((), "At least one")]:
        with pytest.raises(ValueError, match=message):
            StackDataset(*arguments)
    with pytest.raises(ValueError, match="both types are given"):
        StackDataset([1], y=[1])


def test_getitems_must_return_all():
    class Forgetful(Dataset):
        def __getitems__(self, indices):
            return indices[1:]

    with pytest.raises(ValueError, match="returned 1 samples for 2 indices"):
        StackDataset(Fixed(2, Forgetful())).__getitems__([0, 1])


class Fixed:
    """A dataset of a given length."""

    def __init__(self, n, dataset):
        self.n, self.dataset = n, dataset

    def __len__(self):
        return self.n

    def __getattr__(self, name):
        return getattr(self.dataset, name)


def test_converting():
    Pair = namedtuple("Pair", "a b")
    found = default_convert((np.ones(2, np.float32), [1, "a"], {"x": np.int8(3)}, b"c", None))
    assert isinstance(found, list) and found[0].dtype == cgrad.float32 and found[1] == [1, "a"]
    assert found[2]["x"].dtype == cgrad.int8 and found[3:] == [b"c", None]
    assert default_convert(Pair(1, np.zeros(1))).b.dtype == cgrad.float64
    words = np.array(["a", "b"])
    assert default_convert(words) is words


def test_collating_own_types():
    from cgrad.utils.data._utils.collate import collate, default_collate_fn_map

    class Word(str):
        pass

    joined = collate([(Word("a"), 1), (Word("b"), 2)], collate_fn_map={
        **default_collate_fn_map, Word: lambda batch, *, collate_fn_map: "".join(batch)})
    assert joined[0] == "ab" and joined[1].tolist() == [1, 2]
    with pytest.raises(TypeError):
        default_collate([np.array(["a"])])


def test_attributes_are_fixed():
    loader = DataLoader(dataset(), 2)
    for name in ("batch_size", "sampler", "batch_sampler", "drop_last", "dataset"):
        with pytest.raises(ValueError, match=f"{name} attribute should not be set after"):
            setattr(loader, name, None)
    loader.collate_fn = len
    assert list(loader) == [2] * 5


def test_import_paths():
    from cgrad.utils.data import dataloader, distributed, sampler
    from cgrad.utils.data import dataset as datasets

    assert datasets.Dataset is Dataset and dataloader.DataLoader is DataLoader
    assert sampler.RandomSampler is RandomSampler
    assert distributed.DistributedSampler is DistributedSampler
    assert dataloader.default_collate is default_collate


class Counted(IterableDataset):
    def __iter__(self):
        return iter(range(10))

    def __len__(self):
        return 10


@pytest.mark.parametrize("batch_size", [None, 1, 3, 5, 11])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("make", [
    lambda: {"dataset": range(10)}, lambda: {"dataset": range(10), "shuffle": True},
    lambda: {"dataset": Counted()}, lambda: {"dataset": range(10), "sampler": [1, 2, 3]},
    lambda: {"dataset": range(10), "sampler": cgrad.utils.data.SubsetRandomSampler([4, 5])},
    lambda: {"dataset": range(10), "sampler": WeightedRandomSampler([1.0] * 10, 7)},
])
def test_the_length_is_the_number_of_batches(make, batch_size, drop_last):
    options = {"batch_size": batch_size, **({"drop_last": drop_last} if batch_size else {})}
    loader = DataLoader(**make(), **options)
    assert len(loader) == sum(1 for _ in loader)


def test_a_progress_bar_knows_the_end():
    tqdm = pytest.importorskip("tqdm").tqdm
    assert len(tqdm(DataLoader(range(10), 3), disable=True)) == 4

    class Endless(IterableDataset):
        def __iter__(self):
            return iter(range(4))

    with pytest.raises(TypeError):
        len(DataLoader(Endless(), 2))
    assert [batch.tolist() for batch in tqdm(DataLoader(Endless(), 2), disable=True)] == [
        [0, 1], [2, 3]]
