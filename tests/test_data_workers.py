"""DataLoader with worker processes: order, seeds, errors, deaths, shutdown."""
import gc
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
import warnings

import numpy as np
import pytest

import cgrad
from cgrad.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    get_worker_info,
)

FORK = "fork" if hasattr(os, "fork") else None
needs_fork = pytest.mark.skipif(FORK is None, reason="there is no fork here")


class Numbers(Dataset):
    """0, 1, 2, …; `act` is called with each index."""

    def __init__(self, n=12, act=None):
        self.n, self.act = n, act

    def __len__(self):
        return self.n

    def __getitem__(self, index):
        result = self.act(index) if self.act else None
        return index if result is None else result


class Stream(IterableDataset):
    """0 ... n-1; each worker its share."""

    def __init__(self, n=10, share=True):
        self.n, self.share = n, share

    def __len__(self):
        return self.n

    def __iter__(self):
        info = get_worker_info()
        return iter(range(info.id, self.n, info.num_workers) if info and self.share
                    else range(self.n))


def loader(dataset, *args, num_workers=2, **options):
    return DataLoader(dataset, *args, num_workers=num_workers, multiprocessing_context=FORK,
                      **options)


def values(batches):
    return [b.tolist() if isinstance(b, cgrad.Tensor) else b for b in batches]


def wait_until_gone(pids, seconds=8):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not any(alive(pid) for pid in pids):
            return True
        time.sleep(0.01)
    return False


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        if os.path.isdir("/proc/self"):
            return False
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


@pytest.fixture(autouse=True)
def no_worker_is_left():
    yield
    gc.collect()
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("options", [
    {}, {"batch_size": 5}, {"batch_size": 5, "drop_last": True}, {"batch_size": None},
    {"shuffle": True, "batch_size": 3}, {"batch_sampler": [[3, 1], [2], [0, 4, 5]]},
    {"sampler": [5, 4, 1], "batch_size": 2}, {"prefetch_factor": 1}, {"prefetch_factor": 7},
], ids=str)
@pytest.mark.parametrize("num_workers", [1, 3])
def test_workers_give_what_one_process_gives(options, num_workers):
    alone = {key: value for key, value in options.items() if key != "prefetch_factor"}
    cgrad.manual_seed(4)
    expected = values(DataLoader(Numbers(), **alone))
    cgrad.manual_seed(4)
    assert values(loader(Numbers(), num_workers=num_workers, **options)) == expected


def test_data_in_memory():
    data = TensorDataset(cgrad.arange(20.0).reshape(10, 2), cgrad.arange(10))
    batches = list(loader(Subset(data, [9, 0, 5]), 2))
    assert [x.tolist() for x, _ in batches] == [[[18, 19], [0, 1]], [[10, 11]]]
    assert [y.tolist() for _, y in batches] == [[9, 0], [5]]


def test_order_is_kept_or_not():
    def slow_start(index):
        if index == 0:
            time.sleep(0.15)

    assert values(loader(Numbers(6, slow_start), None)) == [0, 1, 2, 3, 4, 5]
    found = values(loader(Numbers(6, slow_start), None, in_order=False))
    assert sorted(found) == [0, 1, 2, 3, 4, 5] and found[0] == 1


def test_seeds_of_workers_and_epochs():
    def draws(index):
        info = get_worker_info()
        return (info.seed - info.id, random.random(), np.random.random(), cgrad.rand(()).item(),
                cgrad.initial_seed() == info.seed)

    def epochs():
        cgrad.manual_seed(11)
        data = loader(Numbers(4, draws), None)
        return [list(data) for _ in range(2)]

    first, second = epochs(), epochs()
    assert first == second
    bases = [{item[0] for item in epoch} for epoch in first]
    assert all(len(base) == 1 for base in bases) and bases[0] != bases[1]
    for epoch in first:
        for column in (1, 2, 3):
            assert len({item[column] for item in epoch}) == 4
        assert all(item[4] for item in epoch)
    base = bases[0].pop()
    assert first[0][0][1] == random.Random(base).random()
    assert first[0][1][1] == random.Random(base + 1).random()


def test_generator_of_the_loader():
    def seed(index):
        return get_worker_info().seed

    seeds = []
    for _ in range(2):
        seeds.append(list(loader(Numbers(2, seed), None,
                                 generator=cgrad.Generator().manual_seed(5))))
        cgrad.rand(1)
    assert seeds[0] == seeds[1]


def test_worker_init_fn_and_info():
    seen = []

    def init(worker_id):
        seen.append(worker_id)
        get_worker_info().dataset.n = 100 + worker_id

    def info(index):
        return seen + [get_worker_info().dataset.n, get_worker_info().num_workers]

    assert list(loader(Numbers(2, info), None, worker_init_fn=init)) == [[0, 100, 2], [1, 101, 2]]
    assert seen == [] and get_worker_info() is None
    with pytest.raises(AttributeError):
        cgrad.utils.data._utils.worker.WorkerInfo(0, 1, 2, None).id = 3


def test_threads_in_workers():
    def threads(index):
        return cgrad.get_num_threads()

    assert list(loader(Numbers(2, threads), None)) == [1, 1]


@needs_fork
def test_workers_forked_from_a_process_whose_threads_have_worked():
    """The threads and memory of the engine work in children, with one thread and with several."""
    before = cgrad.get_num_threads()
    cgrad.set_num_threads(3)
    try:
        x = cgrad.randn(300, 300)
        expected = [(x @ x).sum().item(), x.exp().sum().item()]

        def work(index):
            return [(x @ x).sum().item(), x.exp().sum().item()]

        def init(worker_id):
            cgrad.set_num_threads(1 + 2 * worker_id)

        for _ in range(3):
            x.exp().sum()
            found = list(loader(Numbers(4, work), None, worker_init_fn=init, timeout=30))
            assert found == [expected] * 4
    finally:
        cgrad.set_num_threads(before)


# -- errors ----------------------------------------------------------------------------------------


class TwoArguments(Exception):
    def __init__(self, a, b):
        super().__init__(a, b)


def failing(error):
    def act(index):
        if index == 2:
            raise error
    return Numbers(5, act)


@pytest.mark.parametrize("error", [ValueError("bad value"), KeyError("bad value")], ids=repr)
def test_exceptions_carry_class_and_traceback(error):
    with pytest.raises(type(error)) as caught:
        list(loader(failing(error), None))
    text = str(caught.value)
    assert text.startswith(f"Caught {type(error).__name__} in DataLoader worker process 0.\n")
    assert "bad value" in text and "in act\n" in text and "Traceback" in text


def test_exceptions_that_cannot_travel():
    class Local(Exception):
        pass

    for error in (TwoArguments(1, 2), Local("x")):
        with pytest.raises(RuntimeError, match=f"Caught {type(error).__name__} in DataLoader"):
            list(loader(failing(error), None))


def test_the_epoch_goes_on_after_an_exception():
    iterator = iter(loader(failing(ValueError("x")), None))
    assert [next(iterator), next(iterator)] == [0, 1]
    with pytest.raises(ValueError):
        next(iterator)
    assert list(iterator) == [3, 4]


def test_stop_iteration_of_a_sample_is_an_error():
    for num_workers in (0, 1):
        with pytest.raises(RuntimeError, match="StopIteration"):
            list(DataLoader(failing(StopIteration()), None, num_workers=num_workers,
                            multiprocessing_context=FORK if num_workers else None))


def test_errors_of_init_collate_and_results():
    def fail(_):
        raise ValueError("no init")

    with pytest.raises(ValueError, match="no init"):
        list(loader(Numbers(), worker_init_fn=fail))
    with pytest.raises(ValueError, match="no init"):
        list(loader(Numbers(), collate_fn=fail))
    with pytest.raises((AttributeError, RuntimeError), match="(?i)pickle|local"):
        list(loader(Numbers(3, lambda i: lambda: i), None))
    with pytest.raises(ValueError, match="no init"):
        list(loader(Numbers(), sampler=map(fail, [1])))


@needs_fork
def test_spawned_data_must_be_picklable():
    with pytest.raises((AttributeError, Exception), match="(?i)pickle"):
        list(DataLoader(Numbers(3, lambda i: i), num_workers=1, multiprocessing_context="spawn"))


@pytest.mark.parametrize("how, message", [
    (lambda: os.kill(os.getpid(), signal.SIGKILL), "killed by signal SIGKILL, perhaps for want"),
    (lambda: os._exit(3), "exit code 3"),
    (sys.exit, "exit code 0"),
])
def test_death_of_a_worker(how, message):
    def act(index):
        if index == 3:
            how()

    iterator = iter(loader(Numbers(8, act), None))
    assert [next(iterator) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(RuntimeError, match=rf"worker \(pid\(s\) \d+\) exited unexp.*{message}"):
        next(iterator)
    assert not multiprocessing.active_children()


def test_death_in_the_middle_of_an_answer():
    iterator = iter(loader(Numbers(4, lambda i: bytes(10_000_000)), None, num_workers=1))
    time.sleep(0.2)                     # it is writing, and the pipe is full
    os.kill(iterator._workers[0].process.pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        list(iterator)


def test_death_and_persistent_workers():
    flag = multiprocessing.get_context(FORK).Value("i", 1)

    def act(index):
        if index == 1 and flag.value:
            flag.value = 0
            os._exit(1)

    data = loader(Numbers(4, act), None, persistent_workers=True)
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        list(data)
    assert list(data) == [0, 1, 2, 3]


def test_timeout():
    def act(index):
        if index == 1:
            time.sleep(0.6)

    iterator = iter(loader(Numbers(3, act), None, num_workers=1, timeout=0.2))
    assert next(iterator) == 0
    with pytest.raises(RuntimeError, match="DataLoader timed out after 0.2 seconds"):
        next(iterator)


# -- ends ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("persistent", [False, True])
def test_leaving_early(persistent):
    data = loader(Numbers(1000, lambda i: bytes(200_000)), None, persistent_workers=persistent)
    start = time.monotonic()
    for _ in range(3):
        for i, _ in enumerate(data):
            if i == 2:
                break
    assert [len(b) for b, _ in zip(data, range(3))] == [200_000] * 3
    del data
    gc.collect()
    assert not multiprocessing.active_children()
    assert time.monotonic() - start < 4


def test_persistent_workers_are_kept():
    data = loader(Numbers(4, lambda i: os.getpid()), None, persistent_workers=True)
    first = list(data)
    assert len(set(first)) == 2 and os.getpid() not in first
    assert list(data) == first == list(data)
    plain = loader(Numbers(4, lambda i: os.getpid()), None)
    assert set(plain).isdisjoint(plain)


def test_persistent_workers_start_epochs_anew():
    data = loader(Stream(7), 2, persistent_workers=True)
    expected = values(loader(Stream(7), 2))
    for _ in range(2):
        assert values(data) == expected
        next(iter(data))
    cgrad.manual_seed(0)
    data = loader(Numbers(30), 30, shuffle=True, persistent_workers=True)
    first, second = values(data), values(data)
    assert first != second and sorted(first[0]) == sorted(second[0]) == list(range(30))


def test_two_loaders_at_once():
    a, b = loader(Numbers(6), None), loader(Numbers(6), None)
    assert list(zip(a, b)) == [(i, i) for i in range(6)]
    assert [(x, list(loader(Numbers(3), None))) for x in a][2] == (2, [0, 1, 2])


def test_large_tasks_and_answers_do_not_block_each_other():
    data = TensorDataset(cgrad.arange(200_000))
    batches = list(loader(data, 100_000, num_workers=1, prefetch_factor=3, timeout=30,
                          collate_fn=lambda rows: [int(x) for (x,) in rows]))
    assert batches[1][-1] == 199_999


def run(script, **options):
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


ENDLESS = """
    import os, signal, sys, time
    import multiprocessing
    from cgrad.utils.data import DataLoader, Dataset

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it

    class Slow(Dataset):
        def __len__(self):
            return 1000

        def __getitem__(self, index):
            time.sleep(0.02)
            return os.getpid()

    loader = DataLoader(Slow(), None, num_workers=2, multiprocessing_context="fork")
"""


@needs_fork
def test_interrupt():
    """Ctrl-C reaches all processes; the program gets KeyboardInterrupt, and the workers end."""
    process = run(ENDLESS + """
    try:
        for i, pid in enumerate(loader):
            if i < 2:
                print(pid, flush=True)
    except KeyboardInterrupt:
        del loader
        print("interrupted", len(multiprocessing.active_children()))
    """, start_new_session=True)
    pids = {int(process.stdout.readline()) for _ in range(2)}
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert err == "" and out.splitlines()[-1].startswith("interrupted")
    assert wait_until_gone(pids)


@needs_fork
def test_workers_end_when_the_main_process_is_killed():
    process = run(ENDLESS + """
    for i, pid in enumerate(loader):
        print(pid, flush=True)
    """)
    pids = {int(process.stdout.readline()) for _ in range(4)}
    process.kill()
    process.communicate(timeout=20)
    assert wait_until_gone(pids)


@needs_fork
def test_a_program_that_ends_in_the_middle_of_an_epoch():
    process = run(ENDLESS + """
    iterator = iter(loader)
    print(next(iterator))
    """)
    out, err = process.communicate(timeout=20)
    assert err == "" and process.returncode == 0 and wait_until_gone([int(out)])


def test_other_start_methods(tmp_path):
    """spawn and forkserver: data and functions travel by pickle."""
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent("""
        import sys
        import cgrad
        from cgrad.utils.data import DataLoader, TensorDataset, get_worker_info

        class Odd(TensorDataset):
            def __getitem__(self, index):
                if index == 3 and len(sys.argv) > 2:
                    raise LookupError("three")
                return super().__getitem__(index)[0] * 2 + 1, get_worker_info().id

        if __name__ == "__main__":
            data = Odd(cgrad.arange(4))
            loader = DataLoader(data, 2, num_workers=1, multiprocessing_context=sys.argv[1])
            for x, ids in loader:
                print(x.tolist(), ids.tolist())
    """))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    for method in multiprocessing.get_all_start_methods():
        done = subprocess.run([sys.executable, program, method], capture_output=True, text=True,
                              env=environment, timeout=60)
        assert done.stdout.splitlines() == ["[1, 3] [0, 0]", "[5, 7] [0, 0]"], done.stderr
    done = subprocess.run([sys.executable, program, "spawn", "fail"], capture_output=True,
                          text=True, env=environment, timeout=60)
    assert "LookupError: Caught LookupError in DataLoader worker process 0." in done.stderr


# -- iterable datasets -----------------------------------------------------------------------------


@pytest.mark.parametrize("num_workers", [0, 2, 3])
@pytest.mark.parametrize("batch_size, drop_last", [(None, False), (3, False),
                                                   (3, True), (20, True)])
def test_streams(num_workers, batch_size, drop_last):
    options = {"multiprocessing_context": FORK} if num_workers else {}
    found = values(DataLoader(Stream(10), batch_size, drop_last=drop_last,
                              num_workers=num_workers, **options))
    size = batch_size or 1
    shares = [list(range(i, 10, num_workers)) for i in range(num_workers)] or [list(range(10))]
    batches = [[share[i : i + size] for i in range(0, len(share), size)] for share in shares]
    if drop_last:
        batches = [[b for b in share if len(b) == size] for share in batches]
    # One batch of each worker in turn, as long as it has one.
    expected = [share[i] for i in range(10) for share in batches if i < len(share)]
    assert found == ([b[0] for b in expected] if batch_size is None else expected)


def test_length_of_streams():
    assert len(DataLoader(Stream(10), 3)) == 4
    assert len(DataLoader(Stream(10), 3, drop_last=True)) == 3
    assert len(DataLoader(Stream(10), None)) == 10
    with pytest.raises(TypeError):
        len(DataLoader(type("S", (IterableDataset,), {})(), 3))
    data = loader(Stream(3, share=False), 1)
    assert len(list(data)) == 6                 # nobody asked for the length: no warning
    assert len(data) == 3
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert len(list(data)) == 6
    assert len(seen) == 3 and seen[0].category is UserWarning
    assert "was reported to be 3" in str(seen[0].message)
    assert "but 4 samples" in str(seen[0].message) and "takes its share" in str(seen[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = DataLoader(Stream(3))
        assert len(data) == len(list(data)) == 3


def test_streams_refuse_samplers():
    for option in ({"shuffle": True}, {"sampler": [1]}, {"batch_sampler": [[1]]}):
        with pytest.raises(ValueError, match="IterableDataset: expected unspecified"):
            DataLoader(Stream(), **option)
    assert values(DataLoader(Stream(2), shuffle=False)) == [[0], [1]]
