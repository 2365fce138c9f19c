"""NumPy's functions on tensors: the same numbers, still tensors, with gradients."""
import numpy as np
import pytest

import cgrad
from cgrad import _numpy

A = np.array([[0.3, -0.7, 1.2], [2.0, 0.5, -1.5]])
B = np.array([[1.1, 0.4, -0.6], [0.2, -2.0, 0.9]])
P = np.abs(A) + 0.1
V = np.array([0.5, -1.0, 2.0])
S = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, -0.2], [0.5, -0.2, 5.0]])


def words(text):
    return text.split()


def tensor(a):
    return cgrad.tensor(a, requires_grad=a.dtype.kind == "f")


def plain(x):
    if isinstance(x, cgrad.Tensor):
        return x.detach().numpy()
    if isinstance(x, (list, tuple)):
        return [plain(v) for v in x]
    return x


UFUNCS = {
    **dict.fromkeys(words("""
        sin cos tan arctan sinh cosh tanh arcsinh exp exp2 expm1 negative absolute fabs sign
        square floor ceil trunc rint isnan isinf isfinite signbit positive cbrt conjugate
        deg2rad rad2deg degrees radians reciprocal logical_not"""), (A,)),
    **dict.fromkeys(["log", "log2", "log10", "log1p", "sqrt"], (P,)),
    **dict.fromkeys(["arcsin", "arccos", "arctanh"], (P / 4,)),
    "arccosh": (P + 1,),
    **dict.fromkeys(words("""
        add subtract multiply divide true_divide floor_divide remainder fmod arctan2 hypot
        maximum minimum fmax fmin logaddexp logaddexp2 copysign greater greater_equal less
        less_equal equal not_equal logical_and logical_or logical_xor heaviside divmod"""), (A, B)),
    "power": (P, B), "float_power": (P, B), "matmul": (A, B.T),
}


@pytest.mark.parametrize("name", UFUNCS)
def test_ufunc(name):
    function, arrays = getattr(np, name), UFUNCS[name]
    found = function(*map(tensor, arrays))
    np.testing.assert_allclose(plain(found), function(*arrays), rtol=1e-12)
    for y in found if isinstance(found, tuple) else [found]:
        assert isinstance(y, cgrad.Tensor)
    if len(arrays) == 2:                          # the other operand an array, on either side
        for mixed in ((tensor(arrays[0]), arrays[1]), (arrays[0], tensor(arrays[1]))):
            np.testing.assert_allclose(plain(function(*mixed)), function(*arrays), rtol=1e-12)


@pytest.mark.parametrize("name", [n for n, arrays in UFUNCS.items() if len(arrays) == 2
                                  and n != "matmul"])
def test_ufunc_of_a_number(name):
    function, a = getattr(np, name), UFUNCS[name][0]
    for number in (2, 0.5, np.float64(0.5)):      # np.float64(0.5) < t asks np.less
        for found, wanted in ((function(tensor(a), number), function(a, number)),
                              (function(number, tensor(a)), function(number, a))):
            np.testing.assert_allclose(plain(found), wanted, rtol=1e-12)


def test_numbers_leave_the_dtype():
    x = cgrad.tensor([-1.0, 2.0], requires_grad=True)
    y = np.maximum(x, np.float64(0.5))
    y.sum().backward()
    assert y.dtype == cgrad.float32 and y.tolist() == [0.5, 2.0] and x.grad.tolist() == [0.0, 1.0]
    assert np.maximum(0, cgrad.tensor([-1, 2])).dtype == cgrad.int64


def test_functions_of_scipy():
    special = pytest.importorskip("scipy.special")
    for name in words("expit logit gammaln psi erf erfc erfcx ndtr log_ndtr ndtri entr i0 i1e"):
        function, x = getattr(special, name), V**2 / 20 + 0.01
        np.testing.assert_allclose(plain(function(tensor(x))), function(x), rtol=1e-10)
    np.testing.assert_allclose(plain(special.xlogy(tensor(P), 2.0)), special.xlogy(P, 2.0))
    x = tensor(V).requires_grad_()
    special.expit(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), special.expit(V) * special.expit(-V))


def test_bits_and_shifts():
    i, j = np.array([5, 3]), np.array([1, 2])
    for name in words("""
        bitwise_and bitwise_or bitwise_xor left_shift right_shift gcd lcm"""):
        f = getattr(np, name)
        assert f(cgrad.tensor(i), cgrad.tensor(j)).tolist() == f(i, j).tolist()
    assert np.invert(cgrad.tensor(i)).tolist() == (~i).tolist()


def test_methods_of_ufuncs():
    x = tensor(A)
    for f in (np.add, np.multiply, np.maximum, np.minimum):
        for options in ({}, {"axis": 1}, {"axis": None}, {"axis": 0, "keepdims": True},
                        {"axis": 1, "initial": 0.5}):
            np.testing.assert_allclose(plain(f.reduce(x, **options)), f.reduce(A, **options))
        np.testing.assert_allclose(plain(f.accumulate(x, axis=1)), f.accumulate(A, axis=1))
    np.testing.assert_allclose(plain(np.subtract.outer(tensor(V), x)), np.subtract.outer(V, A))


CALLS = {
    "sum": lambda xp, a: [np.sum(a), np.sum(a, axis=0), np.sum(a, 1, keepdims=True)],
    "prod": lambda xp, a: [np.prod(a), np.prod(a, axis=1)],
    "mean": lambda xp, a: [np.mean(a), np.mean(a, axis=(0, 1)), a.mean()],
    "var": lambda xp, a: [np.var(a), np.var(a, axis=0, ddof=1), np.std(a, axis=1)],
    "extremes": lambda xp, a: [np.max(a), np.min(a, axis=1), np.amax(a, 0), np.ptp(a, axis=1),
                               np.argmax(a), np.argmin(a, axis=1)],
    "order": lambda xp, a: [np.median(a), np.median(a, axis=1), np.quantile(a, 0.3, axis=0),
                            np.percentile(a, 40), np.sort(a, axis=1), np.argsort(a, axis=1)],
    "logic": lambda xp, a: [np.any(a > 0), np.all(a > 0, axis=1), np.count_nonzero(a > 0)],
    "average": lambda xp, a: [np.average(a), np.average(a, axis=1, weights=[1.0, 2.0, 3.0])],
    "scans": lambda xp, a: [np.cumsum(a), np.cumsum(a, axis=1), np.cumprod(a, axis=0),
                            np.diff(a), np.trapezoid(a, axis=1)],
    "shapes": lambda xp, a: [np.reshape(a, (3, 2)), np.ravel(a), np.transpose(a), a.T,
                             np.swapaxes(a, 0, 1), np.moveaxis(a, 0, 1), np.expand_dims(a, 1),
                             np.squeeze(a[None]), np.broadcast_to(a, (2, 2, 3)),
                             np.atleast_3d(a), np.copy(a)],
    "moves": lambda xp, a: [np.flip(a), np.flip(a, 0), np.fliplr(a), np.flipud(a), np.roll(a, 1),
                            np.roll(a, 1, axis=1), np.rot90(a), np.tile(a, 2),
                            np.repeat(a, 2, axis=0), np.diag(a), np.diagonal(a), np.tril(a),
                            np.triu(a, 1)],
    "joins": lambda xp, a: [np.concatenate([a, a * 2]), np.concatenate([a, A], axis=1),
                            np.stack([a, A], axis=1), np.vstack([a, a]), np.hstack([a, a]),
                            np.dstack([a, a]), np.column_stack([a, a]), np.append(a, a),
                            *np.split(a, 3, axis=1), *np.array_split(a, 2, axis=1)],
    "picks": lambda xp, a: [np.take(a, [0, 2], axis=1), np.take(a, 4), np.where(a > 0, a, 0.0),
                            np.where(a > 0, a, A * 2), np.clip(a, -0.5, 1.0), np.clip(a, 0, None),
                            np.select([a > 1, a > 0], [a * 2, a * 3], 0.0),
                            np.take_along_axis(a, np.argsort(plain(a), 1), 1)],
    "numbers": lambda xp, a: [np.round(a, 1), np.nan_to_num(a), np.zeros_like(a),
                              np.full_like(a, 2.0), np.ones_like(a, shape=(2,))],
    "products": lambda xp, a: [np.dot(a, V), np.dot(a, a.T), np.inner(a, a), np.outer(a, V),
                               np.vdot(a, a), np.kron(a, a), np.tensordot(a, a, axes=2),
                               np.tensordot(a, a, axes=([1], [1])), np.cross(a, V),
                               np.trace(a @ a.T), np.einsum("ij,kj->ik", a, a), A @ a.T],
    "linalg": lambda xp, a: [
        np.linalg.solve(a @ a.T, A), np.linalg.inv(a @ a.T), np.linalg.det(a @ a.T),
        np.linalg.norm(a), np.linalg.norm(a, axis=1), np.linalg.norm(a, ord=1),
        np.linalg.slogdet(a @ a.T)[1], np.linalg.cholesky(a @ a.T), np.linalg.pinv(a),
        np.linalg.eigvalsh(a @ a.T), np.linalg.matrix_power(a @ a.T, 3),
        np.linalg.svd(a, compute_uv=False), np.linalg.qr(a, mode="r") ** 2,
        np.linalg.multi_dot([a, a.T, a]), np.linalg.lstsq(a.T, V, rcond=None)[0]],
    "statistics": lambda xp, a: [np.cov(a), np.cov(a, rowvar=False), np.corrcoef(a)],
    "scalars": lambda xp, a: [np.float64(2.0) * a, a * np.float64(2.0), np.float64(1) / (a * a + 1),
                              np.array(2.0) * a, V + a, V - a, V / (a + 5), a > V],
}


@pytest.mark.parametrize("name", CALLS)
def test_function(name):
    expected, found = CALLS[name](np, A), CALLS[name](cgrad, tensor(A))
    assert len(found) == len(expected)
    for y, z in zip(found, expected):
        assert isinstance(y, cgrad.Tensor)
        np.testing.assert_allclose(plain(y), z, rtol=1e-9, atol=1e-12)
        assert y.requires_grad == (y.dtype.is_floating_point and y.requires_grad)


@pytest.mark.parametrize("name", [n for n in CALLS if n not in ("logic", "numbers")])
def test_gradients_of_functions(name):
    """The sum of all results, differentiated and by differences."""
    def total(a):
        return sum(np.sum(y * np.cos(np.arange(int(np.size(y))).reshape(np.shape(y))))
                    for y in CALLS[name](np, a) if plain(y).dtype.kind == "f")

    x = tensor(A)
    total(x).backward()
    eps = 1e-6
    for i in np.ndindex(A.shape):
        up, down = A.copy(), A.copy()
        up[i] += eps
        down[i] -= eps
        with cgrad.no_grad():
            slope = (total(cgrad.tensor(up)) - total(cgrad.tensor(down))).item() / (2 * eps)
        assert x.grad[i].item() == pytest.approx(slope, rel=2e-4, abs=2e-5)


# --- programs written for NumPy -------------------------------------------------------------------

def numeric(program, x, eps=1e-6):
    found = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = eps
        found[i] = (program(x + step) - program(x - step)) / (2 * eps)
    return found


def logistic_regression(w):
    inputs = np.array([[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30]])
    targets = np.array([True, True, False])
    predictions = 0.5 * (np.tanh(np.dot(inputs, w) / 2) + 1)
    likelihood = predictions * targets + (1 - predictions) * (1 - targets)
    return -np.sum(np.log(likelihood))


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def recurrent(w):
    h = np.zeros(3)
    for t in range(4):
        h = np.tanh(np.array([0.5, -0.2, 0.1]) * t + h * w[0] + np.roll(h, 1) * w[1] + w[2])
    return np.mean(h**2)


def gaussian_process(theta):
    x = np.linspace(0.0, 1.0, 5)
    y = np.sin(6 * x)
    k = np.exp(theta[0]) * np.exp(-0.5 * np.subtract.outer(x, x) ** 2 / np.exp(theta[1]))
    k = k + np.exp(theta[2]) * np.eye(5)
    return 0.5 * np.dot(y, np.linalg.solve(k, y)) + 0.5 * np.linalg.slogdet(k)[1]


def mixture(m):
    data = np.array([-1.0, -0.8, 0.9, 1.3])
    logs = -0.5 * (data[:, None] - m[None, :]) ** 2
    top = np.max(logs, axis=1, keepdims=True)
    return -np.sum(np.squeeze(top, 1) + np.log(np.sum(np.exp(logs - top), axis=1)))


PROGRAMS = [logistic_regression, rosenbrock, recurrent, gaussian_process, mixture]


@pytest.mark.parametrize("program", PROGRAMS)
def test_program(program):
    x = np.array([0.4, -0.3, 0.2])
    t = tensor(x)
    y = program(t)
    assert isinstance(y, cgrad.Tensor) and y.item() == pytest.approx(program(x))
    y.backward()
    np.testing.assert_allclose(t.grad.numpy(), numeric(program, x), rtol=1e-5, atol=1e-7)


def test_item_assignment():
    def program(x):
        y = np.zeros_like(x)
        y[0] = x[0] ** 2
        y[1:] = np.sin(x[1:])
        y[y > 0.5] = 0.5
        return np.sum(y * x)

    x = np.array([0.4, -0.3, 0.9])
    t = tensor(x)
    program(t).backward()
    np.testing.assert_allclose(t.grad.numpy(), numeric(program, x), rtol=1e-6)


# --- the edges ------------------------------------------------------------------------------------

def test_what_is_missing_raises_where_a_gradient_is_needed():
    x = tensor(V)
    with pytest.raises(TypeError, match="histogram"):
        np.histogram(x)
    with pytest.raises(TypeError, match="spacing"):
        np.spacing(x)
    with pytest.raises(TypeError, match="where="):
        np.add(x, 1.0, where=V > 0)
    with pytest.raises(TypeError, match=r"add\.at"):
        np.add.at(x, [0], 1.0)
    with pytest.raises(TypeError, match="numpy.sort.*order|reshape.*order"):
        np.reshape(x, 3, order="F")


def test_what_is_missing_is_numpys_where_none_is():
    x = cgrad.tensor(V)
    assert np.histogram(x, bins=2)[0].tolist() == np.histogram(V, bins=2)[0].tolist()
    assert np.spacing(x).tolist() == np.spacing(V).tolist()
    with cgrad.no_grad():
        np.histogram(tensor(V))


def test_out():
    x, target, array = tensor(V), cgrad.zeros(3, dtype=cgrad.float64), np.zeros(3)
    with cgrad.no_grad():
        assert np.exp(x, out=target) is target
        assert np.exp(x, out=array) is array
        assert np.sum(tensor(A), axis=0, out=target) is target
    np.testing.assert_allclose(array, np.exp(V))
    array += cgrad.ones(3, dtype=cgrad.float64)
    np.testing.assert_allclose(array, np.exp(V) + 1)
    with pytest.raises(TypeError, match="out="):
        np.exp(x, out=array)
    np.copyto(target, V)
    assert target.tolist() == V.tolist()


def test_types():
    x = cgrad.ones(3)
    assert np.exp(x).dtype == cgrad.float32
    assert (np.float64(2.0) * x).dtype == cgrad.float32
    assert np.sum(x, dtype=np.float64).dtype == cgrad.float64
    assert np.zeros_like(x, dtype=int).dtype == cgrad.int64
    assert np.exp(x, dtype=np.float64).dtype == cgrad.float64
    assert np.mean(cgrad.tensor([1, 2])).item() == 1.5
    with pytest.raises(TypeError, match="complex128"):
        np.sum(x, dtype=complex)
    assert np.shape(x) == (3,) and np.ndim(x) == 1 and np.size(x) == 3
    assert np.allclose(x, np.ones(3)) and np.array_equal(x, cgrad.ones(3))


def test_the_table_names_functions_of_numpy():
    assert all(callable(f) for f in _numpy.FUNCTIONS) and len(_numpy.FUNCTIONS) > 90
