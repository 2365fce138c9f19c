"""The text of a tensor: PyTorch's layout, to the character."""

import textwrap

import pytest

import cgrad


@pytest.fixture(autouse=True)
def _default_options():
    yield
    cgrad.set_printoptions(profile="default")


def text(block):
    return textwrap.dedent(block).strip("\n")


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: cgrad.tensor(1.0), "tensor(1.)"),
        (lambda: cgrad.tensor(1.5), "tensor(1.5000)"),
        (lambda: cgrad.tensor(-0.0), "tensor(-0.)"),
        (lambda: cgrad.tensor(3), "tensor(3)"),
        (lambda: cgrad.tensor(True), "tensor(True)"),
        (lambda: cgrad.tensor([1.0, 2.0]), "tensor([1., 2.])"),
        (lambda: cgrad.tensor([1.0, -2.5]), "tensor([ 1.0000, -2.5000])"),
        (lambda: cgrad.tensor([1, -200]), "tensor([   1, -200])"),
        (lambda: cgrad.tensor([True, False]), "tensor([ True, False])"),
        (lambda: cgrad.tensor([1.0, NAN, INF, -INF]), "tensor([1., nan, inf, -inf])"),
        (lambda: cgrad.tensor([1.5, NAN, -INF]), "tensor([1.5000,    nan,   -inf])"),
        (lambda: cgrad.tensor([NAN]), "tensor([nan])"),
        (lambda: cgrad.tensor([1e-5, 1.0]), "tensor([1.0000e-05, 1.0000e+00])"),
        (lambda: cgrad.tensor([1.0, 5e9]), "tensor([1.0000e+00, 5.0000e+09])"),
        (lambda: cgrad.tensor([0.0, 1e9]), "tensor([0.0000e+00, 1.0000e+09])"),
        (lambda: cgrad.tensor([1.0], dtype=cgrad.float64), "tensor([1.], dtype=cgrad.float64)"),
        (lambda: cgrad.tensor([1], dtype=cgrad.int8), "tensor([1], dtype=cgrad.int8)"),
        (lambda: cgrad.tensor([]), "tensor([])"),
        (lambda: cgrad.zeros(0, 3), "tensor([], size=(0, 3))"),
        (lambda: cgrad.zeros(0, dtype=cgrad.int64), "tensor([], dtype=cgrad.int64)"),
        (
            lambda: cgrad.zeros(2, 0, dtype=cgrad.bool),
            "tensor([], size=(2, 0), dtype=cgrad.bool)",
        ),
        (lambda: cgrad.ones(2, requires_grad=True), "tensor([1., 1.], requires_grad=True)"),
        (
            lambda: cgrad.ones(2, requires_grad=True) * 2,
            "tensor([2., 2.], grad_fn=<MulBackward0>)",
        ),
        (
            lambda: cgrad.ones(1, requires_grad=True).exp().sum(),
            "tensor(2.7183, grad_fn=<SumBackward0>)",
        ),
    ],
)
def test_one_line(make, expected):
    assert repr(make()) == expected
    assert str(make()) == expected


def test_matrix_is_aligned():
    t = cgrad.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=cgrad.float64, requires_grad=True)
    assert repr(t) == text("""
        tensor([[1., 2.],
                [3., 4.]], dtype=cgrad.float64, requires_grad=True)
        """)


def test_blocks_of_a_cube_are_set_apart():
    assert repr(cgrad.arange(8).reshape(2, 2, 2)) == text("""
        tensor([[[0, 1],
                 [2, 3]],

                [[4, 5],
                 [6, 7]]])
        """)


def test_strided_views_print_what_they_show():
    t = cgrad.arange(6).reshape(2, 3)
    assert repr(t.t()) == text("""
        tensor([[0, 3],
                [1, 4],
                [2, 5]])
        """)
    assert repr(cgrad.ones(1).expand(3)) == "tensor([1., 1., 1.])"


def test_long_rows_are_broken():
    assert repr(cgrad.arange(30)) == text("""
        tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,
                18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29])
        """)


def test_large_tensors_are_summarized():
    assert repr(cgrad.arange(1001)) == "tensor([   0,    1,    2,  ...,  998,  999, 1000])"
    assert repr(cgrad.arange(1000)).count(",") == 999
    t = cgrad.arange(10_000.0).reshape(100, 100)
    assert repr(t) == text("""
        tensor([[0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 9.7000e+01, 9.8000e+01,
                 9.9000e+01],
                [1.0000e+02, 1.0100e+02, 1.0200e+02,  ..., 1.9700e+02, 1.9800e+02,
                 1.9900e+02],
                [2.0000e+02, 2.0100e+02, 2.0200e+02,  ..., 2.9700e+02, 2.9800e+02,
                 2.9900e+02],
                ...,
                [9.7000e+03, 9.7010e+03, 9.7020e+03,  ..., 9.7970e+03, 9.7980e+03,
                 9.7990e+03],
                [9.8000e+03, 9.8010e+03, 9.8020e+03,  ..., 9.8970e+03, 9.8980e+03,
                 9.8990e+03],
                [9.9000e+03, 9.9010e+03, 9.9020e+03,  ..., 9.9970e+03, 9.9980e+03,
                 9.9990e+03]])
        """)


def test_suffixes_move_to_a_line_of_their_own():
    t = cgrad.full((7,), 0.123456, dtype=cgrad.float64, requires_grad=True)
    assert repr(t) == text("""
        tensor([0.1235, 0.1235, 0.1235, 0.1235, 0.1235, 0.1235, 0.1235],
               dtype=cgrad.float64, requires_grad=True)
        """)


def test_options():
    t = cgrad.tensor([1.23456, 2.0])
    cgrad.set_printoptions(precision=2)
    assert repr(t) == "tensor([1.23, 2.00])"
    cgrad.set_printoptions(sci_mode=True)
    assert repr(t) == "tensor([1.23e+00, 2.00e+00])"
    cgrad.set_printoptions(profile="default", sci_mode=False)
    assert repr(cgrad.tensor([1e-6])) == "tensor([0.0000])"
    cgrad.set_printoptions(profile="default")
    assert repr(cgrad.tensor([1e-6])) == "tensor([1.0000e-06])"
    cgrad.set_printoptions(threshold=5, edgeitems=1)
    assert repr(cgrad.arange(6)) == "tensor([0,  ..., 5])"
    cgrad.set_printoptions(profile="full")
    assert "..." not in repr(cgrad.arange(2000))
    cgrad.set_printoptions(profile="short")
    assert repr(cgrad.tensor([1.23456])) == "tensor([1.23])"
    cgrad.set_printoptions(profile="default", linewidth=20)
    assert repr(cgrad.arange(6)) == "tensor([0, 1, 2, 3,\n        4, 5])"


def test_dtype_is_shown_where_it_is_not_the_default():
    cgrad.set_default_dtype(cgrad.float64)
    try:
        assert repr(cgrad.tensor([1.0])) == "tensor([1.])"
        assert repr(cgrad.tensor([1.0]).float()) == "tensor([1.], dtype=cgrad.float32)"
    finally:
        cgrad.set_default_dtype(cgrad.float32)


def test_unknown_profile():
    with pytest.raises(ValueError, match="profile"):
        cgrad.set_printoptions(profile="loud")


def test_printing_records_nothing():
    x = cgrad.ones(2, requires_grad=True)
    y = x * 2
    fn = y.grad_fn
    repr(y)
    assert y.grad_fn.name() == fn.name() == "MulBackward0"
    with cgrad.no_grad():
        assert repr(x) == "tensor([1., 1.], requires_grad=True)"


def test_format():
    assert f"{cgrad.tensor(1.23456):.2f}" == "1.23"
    assert f"{cgrad.tensor(1.5)} {cgrad.tensor(3)}" == "1.5 3"
    assert f"{cgrad.tensor([1.0, 2.0])}" == "tensor([1., 2.])"
    with pytest.raises(TypeError):
        format(cgrad.ones(2), ".2f")
