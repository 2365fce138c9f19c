"""Every layer and loss of the table against PyTorch: outputs, gradients, state_dict both ways."""
import inspect

import module_cases as table
import numpy as np
import pytest

import cgrad

torch = pytest.importorskip("torch")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", table.CASES, ids=table.label)
def test_parity(case, dtype):
    ours, theirs = table.make(cgrad, case, dtype), table.make(torch, case, dtype)
    assert repr(ours) == repr(theirs)
    for mode, x in ((ours, cgrad), (theirs, torch)):
        for parameter in mode.parameters():  # other values, which move below
            with x.no_grad():
                parameter += 0.125 if x is cgrad else 0.25
    theirs.load_state_dict({k: torch.from_numpy(v.numpy().copy())
                            for k, v in ours.state_dict().items()})  # fmt: skip
    ours.load_state_dict({k: cgrad.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    assert list(ours.state_dict()) == list(theirs.state_dict())
    got, expected = (table.run(x, m, case, dtype) for x, m in ((cgrad, ours), (torch, theirs)))
    assert got.keys() == expected.keys()
    tolerance = 3e-4 if dtype == "float32" else 2e-8  # some of PyTorch's constants are single
    for name, value in expected.items():
        assert got[name].dtype == value.dtype and got[name].shape == value.shape, name
        scale = np.abs(value[np.isfinite(value)]).max(initial=1.0) if value.size else 1.0
        np.testing.assert_allclose(got[name] / scale, value / scale, atol=tolerance, rtol=0,
                                   err_msg=name)  # fmt: skip


@pytest.mark.parametrize("name", sorted({case[0] for case in table.CASES}))
def test_constructor(name):
    """The same arguments in the same order with the same defaults; the same default numbers."""
    ours, theirs = (inspect.signature(getattr(x.nn, name)).parameters for x in (cgrad, torch))
    if any(p.kind is p.VAR_POSITIONAL for p in theirs.values()):
        return
    assert [(p.name, getattr(p.default, "__name__", p.default), p.kind) for p in ours.values()] == \
        [(p.name, getattr(p.default, "__name__", p.default), p.kind) for p in theirs.values()]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "case", {c[0]: c for c in table.CASES if c[2].get("bias", True)}.values(), ids=lambda c: c[0]
)
def test_initial_distributions(case):
    """Mean, spread and range of freshly made parameters are those of PyTorch."""
    name, args, options, _ = case
    samples = []
    for x in (cgrad, torch):
        x.manual_seed(0)
        given = {k: x.tensor(v.value) if isinstance(v, table.Fixed) else v
                 for k, v in options.items()}  # fmt: skip
        drawn = {}
        for _ in range(60):
            for key, p in getattr(x.nn, name)(*args, **given).named_parameters():
                drawn.setdefault(key, []).append(p.detach().numpy().ravel())
        samples.append({k: np.concatenate(v) for k, v in drawn.items()})
    for key, theirs in samples[1].items():
        ours = samples[0][key]
        spread = theirs.std()
        assert abs(ours.mean() - theirs.mean()) <= 7 * spread / ours.size**0.5 + 1e-7, key
        assert abs(ours.std() - spread) <= 0.2 * spread + 1e-7, key
        assert abs(np.abs(ours).max() - np.abs(theirs).max()) <= 0.5 * np.abs(theirs).max(), key
