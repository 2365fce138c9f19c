"""The picture of a graph: what it shows, in which forms, and that drawing it changes nothing."""
import gc
import inspect
import json
import re
import shutil
import subprocess
import threading
from xml.etree import ElementTree

import pytest

import cgrad
from cgrad import nn, viz
from cgrad._engine import table
from cgrad._engine.rows import live_rows
from cgrad.viz import _collect, _rules


@pytest.fixture
def lecture():
    """f = (x + y) · max(y, z) at (1, 2, 0)."""
    x, y, z = (cgrad.tensor(v, requires_grad=True) for v in (1.0, 2.0, 0.0))
    a, b = x + y, cgrad.maximum(y, z)
    return {"x": x, "y": y, "z": z, "a": a, "b": b, "f": a * b}


def collected(loss, params=None, gradient=None):
    graph = _collect.collect(loss, params, gradient)
    return graph, {node.title: node for node in graph.nodes}


def data_of(picture):
    text = re.search(r'<script type="application/json" id="data">(.*?)</script>',
                     picture.html(), re.S)[1]
    return json.loads(text.replace("<\\/", "</"))


def assert_products(graph):
    """upstream × local = downstream wherever these are numbers; sums at every branch."""
    seen = 0
    for node in graph.nodes:
        for edge in node.inputs:
            if edge.downstream is not None and edge.local is not None and \
                    None not in (node.upstream.number, edge.local.number, edge.downstream.number):
                assert edge.downstream.number == pytest.approx(
                    node.upstream.number * edge.local.number, rel=1e-5, abs=1e-12)
                seen += 1
    for i, node in enumerate(graph.nodes[:-1]):
        sent = [graph.nodes[c].inputs[j].downstream for c, j in node.consumers]
        sent = [s.number for s in sent if s is not None]
        if sent and None not in (graph.nodes[i].upstream.number, *sent):
            assert graph.nodes[i].upstream.number == pytest.approx(sum(sent), rel=1e-5)
    return seen


def test_lecture(lecture):
    graph, by = collected(lecture["f"], lecture)
    values = {name: node.value.number for name, node in by.items()}
    assert values == {"x": 1, "y": 2, "z": 0, "a": 3, "b": 2, "f": 6}
    gradients = {name: node.upstream.number for name, node in by.items()}
    assert gradients == {"x": 2, "y": 5, "z": 0, "a": 2, "b": 3, "f": 1}
    edges = {(node.title, graph.nodes[e.source].title): (e.local.number, e.downstream.number)
             for node in graph.nodes for e in node.inputs}
    assert edges == {("a", "x"): (1, 2), ("a", "y"): (1, 2), ("b", "y"): (1, 3), ("b", "z"): (0, 0),
                     ("f", "a"): (2, 2), ("f", "b"): (3, 3)}
    assert assert_products(graph) == 6
    order = [graph.nodes[i].title for i in graph.backward]
    assert order[0] == "f" and order.index("a") < order.index("x")
    assert [node.operation for node in graph.nodes if node.kind == "operation"] == [
        "add", "maximum", "mul"]


def test_all_forms_show_the_numbers(lecture):
    picture = viz.graph(lecture["f"], params=lecture)
    for text in (picture.svg(), picture.dot()):
        assert "2 + 3 = 5" in text or "3 + 2 = 5" in text
        for part in ("1 × 2", "1 × 3", "3 × 1", "3 × 0", "scalar float32"):
            assert part in text
    data = data_of(picture)
    assert [row[:3] for row in data["nodes"]][-1] == [0, "mul", "f"]
    assert data["nodes"][-1][-1] == [[2, 0, "1 × 2", "= 2", "2"], [4, 0, "1 × 3", "= 3", "3"]]
    assert len(picture) == 6 and repr(picture) == "<GraphPicture 'Computation graph': 6 nodes>"


def test_nothing_changes(lecture):
    lecture["x"].grad = cgrad.tensor(7.0)
    lecture["a"].retain_grad()
    viz.graph(lecture["f"])
    assert lecture["x"].grad.item() == 7 and lecture["y"].grad is None
    assert lecture["a"].grad is None
    lecture["f"].backward()
    assert [lecture[k].grad.item() for k in "xyza"] == [9, 5, 0, 2]


def test_after_backward(lecture):
    lecture["f"].backward(retain_graph=True)
    assert viz.graph(lecture["f"]).note == ""
    lecture["f"].backward()
    picture = viz.graph(lecture["f"], params=lecture)
    assert "retain_graph=True" in picture.note
    assert ">∂ " not in picture.svg() and "= 6" in picture.svg()
    assert data_of(picture)["backward"] == [] and data_of(picture)["note"] == picture.note


def test_values_changed_in_place_are_not_shown():
    x = cgrad.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    z = y.sum()
    y.add_(5)
    _, by = collected(z)
    assert by["mul"].value is None


def test_every_operation_has_a_rule():
    differentiable = {name for name in table.operations() if table.differentiable(name)}
    assert differentiable - {"function"} == set(_rules._TABLE)
    for name, rule in _rules._TABLE.items():
        assert rule.symbol and rule.words.endswith(".") and rule.formula, name
    assert "distributes" in _rules.rule_of("add").words.lower()
    assert "routes" in _rules.rule_of("maximum").words.lower()
    assert "switches" in _rules.rule_of("mul").words.lower()
    assert _rules.rule_of("an operation to come").formula


@pytest.mark.parametrize("name", sorted(n for n, r in _rules._TABLE.items() if r.pointwise))
def test_local_derivatives_of_pointwise_operations(name):
    """Declared pointwise: ones sent back through it give the derivative element by element."""
    function = getattr(cgrad, name, None) or getattr(nn.functional, name, None)
    if function is None:
        return                           # has no function of its own: derivatives of derivatives
    signature = {"lerp": 3, "where": 0, "threshold": 0, "polygamma": 0, "prelu": 0, "clamp": 0}
    pairs = {"add", "sub", "mul", "div", "maximum", "minimum", "fmax", "fmin", "pow", "atan2",
             "hypot", "logaddexp", "logaddexp2", "xlogy", "xlog1py", "copysign", "fmod", "zeta",
             "remainder", "igamma", "igammac", "floor_divide"}
    n = signature.get(name, 2 if name in pairs else 1)
    if n == 0:
        return
    x = [cgrad.tensor([v, v / 2 + 0.1], dtype=cgrad.float64, requires_grad=True)
         for v in (0.45, 0.7, 0.3)[:n]]
    if name in ("zeta", "igamma", "igammac"):
        x[0] = x[0].detach() + (1 if name == "zeta" else 0)
    if name == "acosh":
        x[0] = cgrad.tensor([1.3, 2.5], dtype=cgrad.float64, requires_grad=True)
    y = function(*x)
    if y.grad_fn is None:
        return
    graph, _ = collected(y.sum())
    node = next(node for node in graph.nodes if node.operation == name)
    inputs = [t for t in x if t.requires_grad]
    expected = cgrad.autograd.grad(y.sum(), inputs)
    found = [e.local for e in node.inputs if e.downstream is not None]
    for local, g in zip(found, expected):
        assert local is not None
        shown = [float(part.replace("−", "-"))
                 for part in re.match(r"\[(.*?)\]", local.long)[1].split(", ")]
        assert shown == pytest.approx(g.numpy(), rel=1e-3, abs=1e-12)


def test_broadcast_inputs_get_the_sum():
    x = cgrad.tensor([1.0, 2.0, 3.0], requires_grad=True)
    b = cgrad.tensor(2.0, requires_grad=True)
    graph, by = collected((x * b).sum(), {"x": x, "b": b})
    edges = {graph.nodes[e.source].title: e for e in by["mul"].inputs}
    assert edges["b"].downstream.number == by["b"].upstream.number == 6
    assert edges["b"].local is None and edges["x"].local.short == "[2, 2, 2]"
    assert_products(graph)


def test_a_value_used_many_times_sums():
    x = cgrad.tensor(3.0, requires_grad=True)
    y = x * x + x
    graph, by = collected(y, {"x": x})
    assert by["x"].upstream.number == 7 and len(by["x"].consumers) == 3
    assert "3 + 3 + 1 = 7" in viz.graph(y).dot() or "1 + 3 + 3 = 7" in viz.graph(y).dot()
    assert_products(graph)


def test_programs_with_everything():
    class Swap(cgrad.autograd.Function):
        @staticmethod
        def forward(ctx, a, b):
            return b * 2, a * 3

        @staticmethod
        def backward(ctx, g, h):
            return h * 3, g * 2

    class Half(cgrad.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            return a / 2

        @staticmethod
        def backward(ctx, g):
            return g / 2

    a, b = (cgrad.tensor(v, requires_grad=True) for v in (1.0, 2.0))
    with viz.record():
        c, d = Swap.apply(a, b)
        loss = Half.apply(c + d * d)
    graph, by = collected(loss, {"a": a, "b": b})
    assert by["Swap"].rule is _rules.CUSTOM and by["Swap"].value.short == "2 results"
    assert by["Swap"].line[2] == "c, d = Swap.apply(a, b)"
    assert (by["a"].upstream.number, by["b"].upstream.number) == (9, 1)
    assert by["Half"].inputs[0].local.number == 0.5
    assert assert_products(graph) >= 4

    table = nn.Embedding(5, 3, sparse=True)
    graph, by = collected(table(cgrad.tensor([1, 1, 4])).sum(), table)
    assert "sparse, 2 rows" in by["weight"].upstream.long
    assert table.weight.grad is None

    x = cgrad.tensor([1.0, float("nan"), float("inf")], requires_grad=True)
    _, by = collected((x * 2).sum(), [x])
    assert by["parameter 0"].value.long.endswith("1 NaN, 1 infinite")
    empty = cgrad.zeros(0, 3, requires_grad=True)
    _, by = collected(empty.sum(), {"e": empty})
    assert by["e"].value.short == "empty"
    graph, _ = collected(cgrad.linalg.svd(cgrad.eye(3).requires_grad_())[1].sum())
    assert graph.note == ""
    y = cgrad.ones(3, requires_grad=True) * 1
    y[0] = 5
    graph, by = collected(y.sum())
    assert graph.note == "" and by["slice_assign" if "slice_assign" in by else "sum"]
    x = cgrad.tensor(2.0, requires_grad=True)
    first, = cgrad.autograd.grad(x ** 3, x, create_graph=True)
    assert assert_products(collected(first)[0]) > 0
    lone = cgrad.tensor(3.0, requires_grad=True)
    assert [n.kind for n in collected(lone)[0].nodes] == ["leaf"]
    assert "= 3" in viz.graph(lone).svg() and len(viz.graph(lone).html()) > 1000


def test_several_numbers_need_a_gradient():
    x = cgrad.tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    assert "gradient=" in viz.graph(y).note
    _, by = collected(y, {"x": x}, cgrad.tensor([1.0, 10.0]))
    assert by["x"].upstream.short == "[3, 30]"
    with pytest.raises(RuntimeError, match="shape"):
        viz.graph(y, gradient=cgrad.tensor(1.0))


def test_bad_arguments(lecture, tmp_path):
    with pytest.raises(TypeError, match="loss must be a Tensor, but got float"):
        viz.graph(1.0)
    with pytest.raises(RuntimeError, match="does not require grad"):
        viz.graph(cgrad.tensor(1.0))
    for params in ([1], {"x": 2}, [("a", "b")], [(1, 2, 3)], lecture["x"]):
        with pytest.raises(TypeError, match="params must"):
            viz.graph(lecture["f"], params=params)
    for fold in (-1, "all"):
        with pytest.raises(ValueError, match="fold must be a depth"):
            viz.graph(lecture["f"], fold=fold)
    with pytest.raises(ValueError, match=r"\.html, \.svg, \.dot or \.gv"):
        viz.graph(lecture["f"]).save(tmp_path / "x.png")
    assert not hasattr(viz, "no_such_name")


# --- recording

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(3, 3), nn.Tanh())

    def forward(self, x):
        return self.inner(self.inner(x)) * 2


def test_record_notes_values_lines_and_modules():
    model, x = Net(), cgrad.ones(2, 3)
    with viz.record():
        loss = model(x).sum()
    graph, by = collected(loss)
    assert by["sum"].line[0] == __file__ and by["sum"].line[2] == "loss = model(x).sum()"
    assert by["mul"].line[2] == inspect.getsource(Net.forward).splitlines()[1].strip()
    assert by["mul"].value is not None, "no derivative reads it, but it was seen"
    calls = [(n.operation, n.call.path, n.call.kind, n.call.number) for n in graph.nodes if n.call]
    assert calls == [
        ("linear", "inner.0", "Linear", 1), ("tanh", "inner.1", "Tanh", 1),
        ("linear", "inner.0", "Linear", 2), ("tanh", "inner.1", "Tanh", 2), ("mul", "", "Net", 1)]
    assert {"inner.0.weight", "inner.0.bias"} <= set(by), "names come from the recorded module"
    dot = viz.graph(loss).dot()
    assert 'label="inner.0 Linear (call 2)"' in dot and 'label="Net"' in dot
    titles = [box["title"] for box in data_of(viz.graph(loss))["boxes"]]
    assert titles[:3] == ["", "Net", "inner Sequential (call 1)"]


def test_without_record_there_are_no_lines():
    loss = Net()(cgrad.ones(2, 3)).sum()
    graph, by = collected(loss)
    assert not graph.recorded and by["sum"].line is None and by["sum"].call is None
    with cgrad.autograd.set_detect_anomaly(True):
        loss = Net()(cgrad.ones(2, 3)).sum()
    assert collected(loss)[1]["sum"].line[2] == "loss = Net()(cgrad.ones(2, 3)).sum()"


def test_record_ends_and_survives_errors():
    class Fails(nn.Module):
        def forward(self, x):
            raise KeyError("no")

    model = nn.Sequential(nn.Linear(2, 2), Fails())
    x = cgrad.ones(2, requires_grad=True)
    with viz.record():
        with pytest.raises(KeyError):
            model(x)
        y = x * 2
    assert collected(y.sum())[1]["mul"].call is None
    z = x * 3
    assert not z.grad_fn.metadata and not nn.modules.hooks.forward_pre_hooks


def test_recordings_may_be_nested_and_keep_to_their_thread():
    x = cgrad.ones(2, requires_grad=True)
    other = []
    with viz.record():
        with viz.record():
            a = x * 2
        b = x * 3
        thread = threading.Thread(target=lambda: other.append(nn.Linear(2, 2)(x) * 4))
        thread.start()
        thread.join()
    assert a.grad_fn.metadata and b.grad_fn.metadata and not other[0].grad_fn.metadata


def test_a_recording_is_entered_once_at_a_time():
    watch, x = viz.record(), cgrad.ones(2, requires_grad=True)
    with watch:
        with pytest.raises(RuntimeError, match="entered already"):
            watch.__enter__()
        first = (x * 2).sum()
    with watch:
        second = (x * 2).sum()
    assert all(node.line for loss in (first, second) for node in collected(loss)[0].nodes
               if node.kind == "operation")
    assert collected((x * 2).sum())[0].recorded is False


def test_a_recorded_buffer_with_history_goes_with_its_graph():
    class Memory(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(3, 3)
            self.register_buffer("state", cgrad.zeros(3))

        def forward(self, x):
            self.state = cgrad.tanh(self.inner(x) + self.state)
            return self.state.sum()

    def run():
        with viz.record():
            return len(viz.graph(Memory()(cgrad.ones(3))))

    run()
    gc.collect()
    before = live_rows()
    for _ in range(3):
        run()
    gc.collect()
    assert live_rows() == before


def test_recording_changes_no_result():
    cgrad.manual_seed(1)
    model, x = Net(), cgrad.randn(4, 3)
    plain = model(x).sum()
    with viz.record():
        seen = model(x).sum()
    viz.graph(seen)
    gradients = []
    for loss in (plain, seen):
        model.zero_grad()
        loss.backward()
        gradients.append([p.grad.tolist() for p in model.parameters()])
    assert plain.item() == seen.item() and gradients[0] == gradients[1]


# --- forms

def test_page_is_one_file_that_loads_nothing(lecture):
    page = viz.graph(lecture["f"], params={"</script><b>": lecture["x"]}, title="a < b").html()
    assert not re.findall(r"""(?:src|href)\s*=\s*["'](?!#|data:,)""", page)
    assert not re.search(r"@import|url\((?!#)|fetch\(|XMLHttp|import\(", page)
    assert set(re.findall(r"https?://[^\s\"']+", page)) == {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in page
    assert page.count("</script>") == 2 and "<title>a &lt; b</title>" in page
    assert "@DATA@" not in page and "@CSS@" not in page


@pytest.mark.parametrize("name", ["</script><b>", "<!--<script>", "]]>", "&lt;", '\\"'])
def test_no_name_ends_or_keeps_open_the_data_of_a_page(lecture, name):
    page = viz.graph(lecture["f"], params={name: lecture["x"]}).html()
    start = page.index(">", page.index('id="data"')) + 1
    text = page[start:page.index("</script>", start)]
    assert "<" not in text and name in [node[2] for node in json.loads(text)["nodes"]]


def test_svg_is_well_formed_and_nothing_overlaps():
    model = Net()
    with viz.record():
        loss = (model(cgrad.randn(2, 3)) * 3).sum()
    root = ElementTree.fromstring(viz.graph(loss, title="<T>").svg())
    ns = "{http://www.w3.org/2000/svg}"
    assert root.find(f"{ns}title").text == "<T>"
    cards = [[float(r.get(k)) for k in ("x", "y", "width", "height")]
             for r in root.iter(f"{ns}rect") if (r.get("class") or "").startswith("paper")]
    assert len(cards) == len(viz.graph(loss))
    for i, (x, y, w, h) in enumerate(cards):
        for a, b, c, d in cards[:i]:
            assert x >= a + c or a >= x + w or y >= b + d or b >= y + h


def test_graphviz_reads_it(lecture, tmp_path):
    text = viz.graph(lecture["f"], params={'a "quoted"\nname \\': lecture["x"]}).dot()
    assert text.count(" -> ") == 6 and text.count("{") == text.count("}")
    assert r'a \"quoted\"\nname \\' in text
    if shutil.which("dot"):
        path = viz.graph(lecture["f"]).save(tmp_path / "g.dot")
        subprocess.run(["dot", "-Tsvg", path, "-o", tmp_path / "g.svg"], check=True)


def test_save_and_notebooks(lecture, tmp_path):
    picture = viz.graph(lecture["f"])
    for name, start in (("a.html", "<!DOCTYPE html>"), ("a.svg", "<svg"), ("a.gv", "digraph")):
        path = picture.save(str(tmp_path / name))
        assert path.read_text("utf-8").startswith(start)
    assert picture._repr_html_().startswith("<iframe srcdoc=")


def test_names_that_no_file_can_hold(tmp_path):
    x = cgrad.tensor(2.0, requires_grad=True)
    picture = viz.graph(x * x, params={"bell \a, half \ud800 of a pair": x}, title="\0")
    for ending in ("html", "svg", "dot"):
        text = picture.save(tmp_path / f"graph.{ending}").read_text("utf-8")
        assert not re.search("[\0-\b\x0e-\x1f]", text)
    ElementTree.fromstring(picture.svg())


@pytest.mark.parametrize("weight", [None, cgrad.ones(3)])
def test_what_a_loss_keeps_for_its_derivative_is_no_input(weight):
    x, target = cgrad.randn(4, 3, requires_grad=True), cgrad.tensor([0, 1, 2, 1])
    constants = 1 if weight is None else 2
    for loss in (cgrad.nn.functional.cross_entropy(x, target, weight),
                 cgrad.nn.functional.nll_loss(x, target, weight)):
        dot = viz.graph(loss, params={"scores": x}).dot()
        assert dot.count("constant\\n") == constants and "∂ ‖" in dot


def test_what_attention_keeps_for_its_derivative_is_no_input():
    attend = cgrad.nn.functional.scaled_dot_product_attention
    q, k, v = (cgrad.randn(1, 2, 4, 3, requires_grad=True) for _ in range(3))
    for mask in (None, cgrad.ones(4, 4)):
        dot = viz.graph(attend(q, k, v, mask).sum(), params={"q": q, "k": k, "v": v}).dot()
        assert dot.count("constant\\n") == (mask is not None)
    layer = cgrad.nn.MultiheadAttention(4, 2)
    x = cgrad.randn(3, 1, 4, requires_grad=True)
    dot = viz.graph(layer(x, x, x, need_weights=False)[0].sum()).dot()
    assert "attention" in dot and "constant\\n" not in dot
