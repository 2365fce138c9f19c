"""`no_grad`, `enable_grad`, `set_grad_enabled`, `inference_mode`: as blocks and as decorators."""

import copy
import inspect

import pytest

import cgrad


@pytest.fixture(autouse=True)
def _restore():
    assert cgrad.is_grad_enabled()
    yield
    enabled = cgrad.is_grad_enabled()
    cgrad.set_grad_enabled(True)
    assert enabled, "the test left recording off"


@pytest.fixture
def x():
    return cgrad.tensor([1.0, 2.0], requires_grad=True)


def test_no_grad_records_nothing(x):
    with cgrad.no_grad():
        assert not cgrad.is_grad_enabled()
        y = x * 2
        assert cgrad.ones(2, requires_grad=True).requires_grad
    assert cgrad.is_grad_enabled()
    assert not y.requires_grad and y.grad_fn is None and y.is_leaf


def test_nesting(x):
    with cgrad.no_grad():
        with cgrad.enable_grad():
            assert (x * 2).requires_grad
            with cgrad.no_grad():
                assert not (x * 2).requires_grad
            assert cgrad.is_grad_enabled()
        assert not cgrad.is_grad_enabled()


def test_mode_is_restored_after_an_exception():
    with pytest.raises(ValueError), cgrad.no_grad():
        raise ValueError
    assert cgrad.is_grad_enabled()


def test_one_object_entered_twice():
    off = cgrad.no_grad()
    with off:
        with cgrad.enable_grad():
            with off:
                assert not cgrad.is_grad_enabled()
            assert cgrad.is_grad_enabled()
        assert not cgrad.is_grad_enabled()
    assert cgrad.is_grad_enabled()


def test_decorator_with_and_without_parentheses(x):
    @cgrad.no_grad()
    def with_parentheses(t):
        """Doubles."""
        return t * 2

    @cgrad.no_grad
    def without(t):
        return t * 2

    assert not with_parentheses(x).requires_grad
    assert not without(x).requires_grad
    assert with_parentheses.__name__ == "with_parentheses"
    assert with_parentheses.__doc__ == "Doubles."
    assert (x * 2).requires_grad


def test_decorated_recursion_and_methods(x):
    class Model:
        @cgrad.no_grad()
        def predict(self, t, depth):
            assert not cgrad.is_grad_enabled()
            result = self.predict(t, depth - 1) if depth else t * 2
            assert not cgrad.is_grad_enabled()
            return result

    assert not Model().predict(x, 3).requires_grad
    assert cgrad.is_grad_enabled()


def test_decorated_generator_switches_only_inside(x):
    @cgrad.no_grad()
    def numbers():
        received = yield (x * 2).requires_grad
        try:
            yield (received, (x * 2).requires_grad)
        except KeyError:
            yield ("caught", (x * 2).requires_grad)
        return "done"

    assert inspect.isgeneratorfunction(numbers)
    generator = numbers()
    assert next(generator) is False
    assert (x * 2).requires_grad
    assert generator.send("sent") == ("sent", False)
    assert (x * 2).requires_grad
    assert generator.throw(KeyError()) == ("caught", False)
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "done"


def test_decorated_generator_is_closed_in_its_mode():
    modes = []

    @cgrad.no_grad()
    def endless():
        try:
            while True:
                yield
        finally:
            modes.append(cgrad.is_grad_enabled())

    generator = endless()
    next(generator)
    generator.close()
    assert modes == [False]


def test_enable_grad_decorator(x):
    @cgrad.enable_grad()
    def double(t):
        return t * 2

    with cgrad.no_grad():
        assert double(x).requires_grad


def test_set_grad_enabled_as_a_statement():
    cgrad.set_grad_enabled(False)
    assert not cgrad.is_grad_enabled()
    cgrad.set_grad_enabled(True)
    assert cgrad.is_grad_enabled()


@pytest.mark.parametrize("outer", [True, False])
@pytest.mark.parametrize("inner", [True, False])
def test_set_grad_enabled_as_a_block(outer, inner):
    with cgrad.set_grad_enabled(outer):
        with cgrad.set_grad_enabled(inner):
            assert cgrad.is_grad_enabled() is inner
        assert cgrad.is_grad_enabled() is outer
    assert cgrad.is_grad_enabled()


def test_set_grad_enabled_as_a_decorator(x):
    @cgrad.set_grad_enabled(False)
    def double(t):
        return t * 2

    assert cgrad.is_grad_enabled()
    assert not double(x).requires_grad
    assert cgrad.is_grad_enabled()


def test_inference_mode(x):
    assert not cgrad.is_inference_mode_enabled()
    with cgrad.inference_mode():
        assert cgrad.is_inference_mode_enabled() and not cgrad.is_grad_enabled()
        y = x * 2
        with cgrad.inference_mode(False):
            assert (x * 2).requires_grad
            assert not cgrad.is_inference_mode_enabled()
        assert cgrad.is_inference_mode_enabled()
    assert not y.requires_grad
    assert not cgrad.is_inference_mode_enabled()


def test_inference_mode_as_a_decorator(x):
    @cgrad.inference_mode()
    def double(t):
        return t * 2

    @cgrad.inference_mode
    def bare(t):
        return t * 2

    assert not double(x).requires_grad and not bare(x).requires_grad
    assert cgrad.is_grad_enabled()


def test_values_of_inference_mode_cannot_be_saved_for_backward(x):
    with cgrad.inference_mode():
        y = x * 2
    with pytest.raises(RuntimeError, match=r"(?i)inference tensor"):
        x * y
    assert (x * y.clone()).requires_grad


def test_change_in_place_without_recording(x):
    with cgrad.no_grad():
        x -= 0.5 * cgrad.ones(2)
        x[0] = 10.0
        x.view(-1).mul_(2.0)
    assert x.tolist() == [20.0, 3.0]
    assert x.is_leaf and x.requires_grad


def test_view_made_without_recording_must_not_change_the_leaf_unnoticed(x):
    with cgrad.no_grad():
        v = x[:1]
    with pytest.raises(RuntimeError, match=r"(?i)view"):
        v.mul_(x[1:])


def test_backward_works_without_recording(x):
    y = (x * x).sum()
    with cgrad.no_grad():
        y.backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_modes_are_made_subclassed_and_copied():
    class Own(cgrad.no_grad):
        def __new__(cls, note=None):
            self = super().__new__(cls)
            self.note = note
            return self

        def __init__(self, note=None):
            pass

    class Plain(cgrad.enable_grad):
        pass

    with Own(3) as _, Plain():
        assert cgrad.is_grad_enabled()
    with copy.copy(Own("x")) as _, copy.deepcopy(cgrad.inference_mode()):
        assert not cgrad.is_grad_enabled() and cgrad.is_inference_mode_enabled()
    assert cgrad.is_grad_enabled() and Own(3).note == 3

    @cgrad.no_grad
    def off():
        return cgrad.is_grad_enabled()

    assert off() is False
    with pytest.raises(TypeError):
        cgrad.no_grad(1, 2)
    with pytest.raises(TypeError):
        cgrad.no_grad(nothing=1)
    mode = cgrad.no_grad()
    with mode, cgrad.enable_grad(), mode:
        assert not cgrad.is_grad_enabled()
    assert cgrad.is_grad_enabled()
    with pytest.raises(RuntimeError, match="left more often than entered"):
        mode.__exit__(None, None, None)
