"""cgrad.profiler: what is noted, how it is summed up and written."""
import doctest
import gzip
import json
import threading
import time

import pytest

import cgrad
from cgrad import nn, profiler
from cgrad.profiler import ProfilerAction, ProfilerActivity, profile, record_function, schedule


def network():
    cgrad.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))


def names(prof):
    return [event.name for event in prof.events()]


def test_examples_of_the_docstrings():
    for module in (profiler, cgrad.autograd.profiler):
        done = doctest.testmod(module, extraglobs={"cgrad": cgrad})
        assert done.attempted and not done.failed


# -- what is noted ----------------------------------------------------------------------------


def test_a_training_step():
    model = network()
    optimizer = cgrad.optim.SGD(model.parameters(), lr=0.1)
    x = cgrad.randn(4, 8)
    with profile(record_shapes=True) as prof:
        with record_function("loss"):
            loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
    top = [event.name for event in prof.events() if event.cpu_parent is None]
    assert top == ["loss", "backward", "Optimizer.step#SGD.step"]
    forward = prof.events()[0]
    assert forward.cpu_children[0].name == "nn.Module: Sequential"
    kinds = {e.name: e.kind for e in prof.events()}
    assert kinds["linear"] == "operation" and kinds["LinearBackward0"] == "rule"
    assert kinds["AccumulateGrad"] == "accumulate" and kinds["loss"] == "range"
    linear = next(e for e in prof.events() if e.name == "linear")
    assert linear.input_shapes == [[4, 8], [16, 8], [16]]
    assert linear.module == "Sequential.0"
    rules = [e for e in prof.events() if e.kind == "rule"]
    assert [r.name for r in rules] == [
        "MeanBackward0", "PowBackward0" if "PowBackward0" in kinds else "SquareBackward0",
        "LinearBackward0", "ReluBackward0", "LinearBackward0"]
    assert [r.module for r in rules] == ["", "", "Sequential.2", "Sequential.1", "Sequential.0"]
    assert rules[-1].forward is linear


def test_times_nest_and_are_those_of_the_clock():
    x = cgrad.randn(200, 200)
    before = time.perf_counter_ns() / 1000
    with profile() as prof, record_function("outer"):
        time.sleep(0.01)
        (x @ x).sum()
    after = time.perf_counter_ns() / 1000
    for event in prof.events():
        assert before <= event.time_range.start <= event.time_range.end <= after
        for child in event.cpu_children:
            assert event.time_range.start <= child.time_range.start
            assert child.time_range.end <= event.time_range.end
        inside = sum(child.cpu_time_total for child in event.cpu_children)
        assert event.self_cpu_time_total == pytest.approx(event.cpu_time_total - inside)
        assert event.self_cpu_time_total >= -1e-6
    outer = prof.events()[0]
    assert outer.cpu_time_total >= 10_000
    whole = sum(e.cpu_time_total for e in prof.events() if e.cpu_parent is None)
    assert prof.events().self_cpu_time_total == pytest.approx(whole)


def test_operations_that_operations_call_are_inside():
    x = cgrad.randn(3, 4, requires_grad=True)
    w = cgrad.randn(5, 4, requires_grad=True)
    y = nn.functional.linear(x, w).sum()
    with profile() as prof:
        y.backward()
    rule = next(e for e in prof.events() if e.name == "LinearBackward0")
    assert [c.name for c in rule.cpu_children].count("matmul") == 2
    assert rule.forward is None and rule.module == ""        # made before the profiler began


def test_memory_is_what_a_call_leaves():
    x = cgrad.randn(100, 100)
    with profile(profile_memory=True) as prof:
        y = x * 2
        z = x.exp()
        del z
    mul, exp = (next(e for e in prof.events() if e.name == name) for name in ("mul", "exp"))
    assert 40_000 <= mul.cpu_memory_usage <= 60_000
    assert 40_000 <= exp.cpu_memory_usage <= 60_000
    with profile() as prof, record_function("made and gone"):
        x.exp()
    assert prof.events()[0].cpu_memory_usage == 0
    assert y.numel() == 10_000


def test_numbers_in_place_changes_and_custom_functions():
    class Twice(cgrad.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    a = cgrad.tensor(2.0, requires_grad=True)
    with profile() as prof:
        b = a * a + 1
        c = Twice.apply(b)
        c.backward()
        d = cgrad.zeros(3)
        d += 1
        d[0] = 5.0
        d.relu_()
    assert a.grad.item() == 8
    found = names(prof)
    for name in ("mul", "add", "Twice", "TwiceBackward", "MulBackward0", "slice_assign", "relu"):
        assert name in found, name
    twice = next(e for e in prof.events() if e.name == "Twice")
    back = next(e for e in prof.events() if e.name == "TwiceBackward")
    assert [c.name for c in twice.cpu_children] == ["mul"] and back.forward is twice


def test_the_same_bits_with_and_without():
    def gradients():
        model = network()
        x = cgrad.linspace(-1, 1, 32).reshape(4, 8)
        weight = cgrad.tensor(0.3, requires_grad=True)
        (model(x).sum() * weight * weight + weight / 3).backward()
        return [p.grad for p in (*model.parameters(), weight)]

    plain = gradients()
    with profile(record_shapes=True, with_stack=True):
        watched = gradients()
    assert all(a.equal(b) for a, b in zip(plain, watched))


def test_a_call_that_fails_ends():
    x = cgrad.ones(2, 3)
    with profile() as prof:
        with pytest.raises(RuntimeError):
            x @ x
        with pytest.raises(ZeroDivisionError), record_function("broken"):
            raise ZeroDivisionError
        x + 1
    last = prof.events()[-1]
    assert last.name == "add" and last.cpu_parent is None


def test_only_the_thread_that_started_it():
    x = cgrad.ones(3)

    def other():
        x.exp()
        with profile() as inner:
            x.sin()
        assert names(inner) == ["sin"]

    with profile() as prof:
        x.cos()
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert names(prof) == ["cos"]


def test_a_second_profiler_in_a_thread_is_refused():
    with profile() as prof:
        with pytest.raises(RuntimeError, match="running in this thread already"), profile():
            pass
        cgrad.ones(2) + 1
    assert names(prof) == ["fill", "add"]


def test_stopping_in_another_thread_is_refused():
    prof = profile()
    prof.start()
    errors = []

    def stop():
        try:
            prof.stop()
        except RuntimeError as error:
            errors.append(str(error))

    thread = threading.Thread(target=stop)
    thread.start()
    thread.join()
    assert errors == ["a profiler must be stopped in the thread that has started it"]
    prof.stop()
    cgrad.ones(2) * 2


def test_nothing_is_noted_outside():
    with record_function("nothing"):
        cgrad.ones(2) + 1
    with profile() as prof:
        pass
    assert len(prof.events()) == 0
    named = record_function("decorated")(lambda x: x + 1)
    with profile() as prof:
        assert named(cgrad.ones(1)).item() == 2
    assert names(prof)[:1] == ["fill"] and "decorated" in names(prof)


def test_stacks_are_lines_of_the_program(tmp_path):
    with profile(with_stack=True) as prof:
        cgrad.ones(500, 500).exp().sum()
    exp = next(e for e in prof.events() if e.name == "exp")
    assert exp.stack[0].startswith(__file__) and "test_stacks_are_lines" in exp.stack[0]
    prof.export_stacks(tmp_path / "stacks")
    lines = (tmp_path / "stacks").read_text().splitlines()
    assert any("test_stacks_are_lines_of_the_program;exp " in line for line in lines)
    with profile() as bare:
        cgrad.ones(2).exp()
    with pytest.raises(AssertionError, match="with_stack"):
        bare.export_stacks(tmp_path / "none")


def test_batches_of_a_loader():
    data = cgrad.utils.data.TensorDataset(cgrad.arange(6))
    with profile() as prof:
        for _ in cgrad.utils.data.DataLoader(data, batch_size=2):
            pass
    found = [name for name in names(prof) if name.startswith("enumerate(DataLoader)#")]
    assert len(found) == 4                   # the last one finds the end


# -- sums and tables --------------------------------------------------------------------------


def test_averages():
    x = cgrad.ones(4, 4)
    with profile(record_shapes=True, profile_memory=True) as prof:
        for _ in range(3):
            x.exp()
        x[:2].exp()
    rows = {row.key: row for row in prof.key_averages()}
    events = [e for e in prof.events() if e.name == "exp"]
    assert rows["exp"].count == 4
    assert rows["exp"].cpu_time_total == pytest.approx(sum(e.cpu_time_total for e in events))
    assert rows["exp"].cpu_time == pytest.approx(rows["exp"].cpu_time_total / 4)
    shaped = prof.key_averages(group_by_input_shape=True)
    assert {(str(row.input_shapes), row.count) for row in shaped if row.key == "exp"} == {
        ("[[4, 4]]", 3), ("[[2, 4]]", 1)}
    assert prof.events().total_average().count == 5


def test_table():
    model = network()
    with profile(record_shapes=True, profile_memory=True) as prof:
        model(cgrad.ones(4, 8)).sum().backward()
    averages = prof.key_averages()
    text = averages.table(sort_by="self_cpu_time_total", row_limit=4, header="a run")
    lines = text.splitlines()
    assert lines[0] == "a run" and lines[-1].startswith("Self CPU time total: ")
    for title in ("Self CPU %", "CPU total", "CPU time avg", "CPU Mem", "# of Calls"):
        assert title in lines[2]
    assert len(lines) == 1 + 3 + 4 + 2
    shares = [float(line.split("%")[0].split()[-1]) for line in lines[4:8]]
    assert shares == sorted(shares, reverse=True) and sum(shares) <= 100.1
    assert "Module" in prof.key_averages(group_by_module=True).table()
    assert "Input Shapes" in prof.key_averages(group_by_input_shape=True).table()
    assert "ms" in averages.table(time_unit="ms") and "us" not in averages.table(time_unit="s")
    assert str(averages) == averages.table()
    with pytest.raises(AttributeError, match="cannot sort by 'speed'"):
        averages.table(sort_by="speed")
    with pytest.raises(ValueError, match="time_unit"):
        averages.table(time_unit="h")


def test_modules():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
            self.head = nn.Sequential(nn.Tanh(), nn.Linear(4, 2))

        def forward(self, x):
            for layer in self.body:
                x = layer(x).relu()
            return self.head(x)

    model, loss = Net(), nn.MSELoss()
    with profile() as prof:
        for _ in range(2):
            loss(model(cgrad.ones(3, 4)), cgrad.zeros(3, 2)).backward()
    times = prof.modules()
    found = {m.path: m for m in times}
    assert list(found) == ["Net", "Net.body.0", "Net.body.1", "Net.head", "Net.head.0",
                           "Net.head.1", "MSELoss"]
    assert all(m.calls == 2 for m in times)
    assert found["Net.head"].kind == "Sequential"
    net, head = found["Net"], found["Net.head"]
    for m in times:
        assert 0 < m.self_forward <= m.forward + 1e-6
        assert m.backward > 0 or m.path == "Net.head"
    inside = sum(m.forward for m in times if m.path.count(".") == 2 and "body" in m.path)
    assert net.self_forward == pytest.approx(net.forward - inside - head.forward)
    assert head.backward == pytest.approx(found["Net.head.0"].backward
                                          + found["Net.head.1"].backward)
    rules = sum(e.cpu_time_total for e in prof.events() if e.kind == "rule")
    assert net.backward + found["MSELoss"].backward == pytest.approx(rules)
    text = times.table()
    assert "    1 " in text and "Self backward" in text and text == str(times)


def test_networks_of_one_class_side_by_side():
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    with profile() as prof:
        second(first(second(cgrad.ones(2))))
    assert [(m.path, m.calls) for m in prof.modules()] == [("Linear", 2), ("Linear#2", 1)]


# -- the trace --------------------------------------------------------------------------------


def check_trace(content):
    """The rules of the Trace Event Format that readers rely on."""
    assert isinstance(content["traceEvents"], list)
    assert content["displayTimeUnit"] in ("ms", "ns")
    open_flows = {}
    slices = {}
    for event in content["traceEvents"]:
        assert isinstance(event["name"], str)
        assert isinstance(event["pid"], int) and isinstance(event["tid"], int)
        phase = event["ph"]
        assert phase in "XMCsf"
        if phase == "M":
            assert event["name"] in ("process_name", "thread_name")
            assert isinstance(event["args"]["name"], str)
            continue
        assert isinstance(event["ts"], float)
        if phase == "X":
            assert event["dur"] >= 0 and isinstance(event["cat"], str)
            slices.setdefault((event["pid"], event["tid"]), []).append(event)
        elif phase == "C":
            assert all(isinstance(value, (int, float)) for value in event["args"].values())
        elif phase == "s":
            open_flows[event["cat"], event["name"], event["id"]] = event
        else:
            begun = open_flows.pop((event["cat"], event["name"], event["id"]))
            assert event["bp"] == "e" and begun["ts"] <= event["ts"]
    assert not open_flows
    for events in slices.values():                 # of one thread: inside or apart
        stack = []
        for event in sorted(events, key=lambda e: (e["ts"], -e["dur"])):
            while stack and stack[-1] <= event["ts"]:
                stack.pop()
            assert not stack or event["ts"] + event["dur"] <= stack[-1] + 1e-3
            stack.append(event["ts"] + event["dur"])


@pytest.mark.parametrize("name", ["trace.json", "trace.json.gz"])
def test_trace(name, tmp_path):
    model = network()
    with profile(record_shapes=True, profile_memory=True, with_stack=True) as prof:
        model(cgrad.ones(4, 8)).sum().backward()
    prof.add_metadata("run", "first")
    prof.add_metadata_json("sizes", "[8, 16]")
    prof.export_chrome_trace(tmp_path / name)
    data = (tmp_path / name).read_bytes()
    content = json.loads(gzip.decompress(data) if name.endswith(".gz") else data)
    check_trace(content)
    assert content["run"] == "first" and content["sizes"] == [8, 16]
    slices = [e for e in content["traceEvents"] if e["ph"] == "X"]
    assert len(slices) == len(prof.events())
    linear = next(e for e in slices if e["name"] == "linear")
    assert linear["cat"] == "cpu_op"
    assert linear["args"]["Input Dims"] == [[4, 8], [16, 8], [16]]
    assert linear["args"]["Module"] == "Sequential.0" and linear["args"]["Call stack"]
    flows = [e for e in content["traceEvents"] if e["ph"] == "s"]
    assert len(flows) == sum(e.forward is not None for e in prof.events()) >= 3
    assert any(e["ph"] == "C" and e["args"]["bytes"] > 0 for e in content["traceEvents"])


def test_the_check_of_traces_notices():
    good = {"ph": "X", "cat": "c", "name": "a", "pid": 1, "tid": 1, "ts": 0.0, "dur": 2.0}
    check_trace({"displayTimeUnit": "ms", "traceEvents": [good]})
    for wrong in ({"ts": 1.0}, {"dur": -1.0}, {"name": 3}, {"ph": "Z"}):
        with pytest.raises((AssertionError, KeyError)):
            check_trace({"displayTimeUnit": "ms", "traceEvents": [good, {**good, **wrong}]})


# -- schedules --------------------------------------------------------------------------------


def test_schedule():
    plan = schedule(wait=1, warmup=1, active=2, repeat=2, skip_first=1)
    assert [plan(i).name for i in range(10)] == [
        "NONE", "NONE", "WARMUP", "RECORD", "RECORD_AND_SAVE",
        "NONE", "WARMUP", "RECORD", "RECORD_AND_SAVE", "NONE"]
    with pytest.raises(AssertionError, match="active=0"):
        schedule(wait=0, warmup=0, active=0)


def test_steps_follow_the_schedule(tmp_path):
    seen = []

    def ready(prof):
        seen.append([e.name for e in prof.events()])

    x = cgrad.ones(2)
    with profile(schedule=schedule(wait=1, warmup=1, active=2, repeat=2),
                 on_trace_ready=ready) as prof:
        for step in range(10):
            (x.exp if step % 4 == 2 else x.sin)()
            prof.step()
    assert seen == [["ProfilerStep#2", "exp", "ProfilerStep#3", "sin"],
                    ["ProfilerStep#6", "exp", "ProfilerStep#7", "sin"]]
    assert prof.step_num == 10 and prof.current_action == ProfilerAction.NONE
    with profile(schedule=schedule(wait=0, warmup=0, active=1, repeat=3), acc_events=True) as prof:
        for _ in range(3):
            network()[2](cgrad.ones(16))
            prof.step()
    assert [e.name for e in prof.events() if e.kind == "range"] == [
        "ProfilerStep#0", "ProfilerStep#1", "ProfilerStep#2"]
    assert [(m.path, m.calls) for m in prof.modules()] == [("Linear", 3)]


def test_a_handler_writes_traces(tmp_path):
    with profile(on_trace_ready=profiler.tensorboard_trace_handler(str(tmp_path / "log"), "me")):
        cgrad.ones(2) + 1
    (file,) = (tmp_path / "log").iterdir()
    assert file.name.startswith("me.") and file.name.endswith(".pt.trace.json")
    check_trace(json.loads(file.read_text()))


def test_activities():
    assert profiler.supported_activities() == {ProfilerActivity.CPU}
    with pytest.warns(UserWarning, match="CUDA is not available"):
        profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA])
    with pytest.warns(UserWarning, match="with_flops"):
        profile(with_flops=True)
    with pytest.raises(AssertionError, match="No valid profiler activities"):
        profile(activities=[])
    with pytest.raises(AssertionError, match="nothing was noted"):
        profile().events()


def test_the_older_interface():
    x = cgrad.ones(2, requires_grad=True)
    older = cgrad.autograd.profiler
    with older.profile(record_shapes=True) as prof, older.record_function("mine"):
        (x * x).sum().backward()
    assert prof.function_events[0].name == "mine"
    assert "mine" in prof.key_averages().table() and "mine" in prof.table()
    assert prof.self_cpu_time_total > 0 and prof.total_average().count > 4
    with cgrad.autograd.profiler.profile(enabled=False) as nothing:
        x * x
    assert nothing is None
