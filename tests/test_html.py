"""What a notebook shows for a tensor."""
import xml.etree.ElementTree as ET

import pytest

import cgrad


def parse(tensor):
    """(line above, table as lists of texts, line below) of well-formed HTML."""
    root = ET.fromstring(tensor._repr_html_())
    lines = [div.text for div in root.findall("div")]
    table = [[cell.text for cell in row] for row in root.iter("tr")]
    return lines[0], table, lines[1] if len(lines) > 1 else None


@pytest.mark.parametrize(("tensor", "head", "table"), [
    (cgrad.tensor(1.5), "tensor · shape () · float32", [["1.5000"]]),
    (cgrad.tensor([True, False]), "tensor · shape (2,) · bool", [["True", "False"]]),
    (cgrad.tensor([[1, -2], [3, 40]]), "tensor · shape (2, 2) · int64", [["1", "-2"], ["3", "40"]]),
    (cgrad.zeros(0, 3), "tensor · shape (0, 3) · float32", []),
    (cgrad.zeros(0, 3, 2), "tensor · shape (0, 3, 2) · float32", []),
    (cgrad.tensor([[float("nan")]]), "tensor · shape (1, 1) · float32", [["nan"]]),
    (cgrad.arange(8).reshape(2, 2, 2),
     "tensor · shape (2, 2, 2) · int64 · the first of 2 matrices", [["0", "1"], ["2", "3"]]),
])
def test_small_tensors(tensor, head, table):
    assert parse(tensor) == (head, table, None)


def test_gradients_and_parameters_are_named():
    x = cgrad.ones(1, requires_grad=True)
    assert parse(x)[0].endswith("· requires_grad=True")
    assert parse(x * 2)[0].endswith("· grad_fn=<MulBackward0>")
    assert parse(cgrad.nn.Parameter(x))[0].startswith("Parameter · ")


def test_large_tensors_stay_small():
    x = (cgrad.arange(1_000_000) % 1000).float().reshape(1000, 1000)
    _, table, below = parse(x)
    assert len(table) == 11 and all(len(row) == 11 for row in table)
    assert table[5] == ["…"] * 11 and table[0][5] == "…"
    assert table[0][0] == "0." and table[-1][-1] == "999."
    assert below == "min 0, mean 499.5, max 999"
    for shape in ((100_000,), (50, 40, 30, 20), (1, 1_000_000)):
        assert len(cgrad.zeros(shape)._repr_html_()) < 10_000


def test_statistics_of_what_is_not_finite():
    x = cgrad.ones(200)
    x[3], x[4] = float("inf"), float("nan")
    assert parse(x)[2] == "min 1, mean 1, max 1, 2 not finite"
    assert parse(x * float("nan"))[2] == "200 not finite"
    assert parse(x > 0)[2] == "199 of 200 are True"


def test_names_are_escaped():
    class Gate(cgrad.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    Gate.__name__ = "<script>alert(1)</script>"
    kind = type("<b>Mine", (cgrad.Tensor,), {})
    html = Gate.apply(cgrad.ones(1, requires_grad=True))._repr_html_()
    assert "<script>" not in html
    assert "<b>" not in cgrad.ones(1).as_subclass(kind)._repr_html_()


def test_it_records_nothing_and_changes_nothing():
    x = cgrad.ones(3, 3, requires_grad=True)
    y = (x * x).t()
    y._repr_html_()
    y.sum().backward()
    assert x.grad.equal(2 * cgrad.ones(3, 3))
