"""While a program is watched: where rows were made, NaN, hooks on saved values.

None of this costs anything until it is switched on: the thread's `traced` flag makes the table
report each row it records, and rows that carry something are marked HAS_HOOKS, which the sweep
looks at anyway.
"""
import _thread       # see threads.pyx
from libc.math cimport isnan
from cgrad._engine.types cimport *
from cgrad._engine cimport table
from cgrad._engine.table import set_traced
from cgrad._engine.function cimport FUNCTION, OUTPUT, check_unpacked, restored_row
from cgrad._engine.handle cimport carried, dtype_of, row_of, wrap
from cgrad._engine.loops cimport copy_cast
from cgrad._engine.primitives cimport sizes
from cgrad._engine.rows cimport (
    inputs, is_float, node, release, release_value, row_dense, row_detach,
    row_view, value,
)
from cgrad._engine.table cimport grad_enable, grad_enabled, hold, keep, ops

cdef int64_t _made = 0                # rows recorded while watched: the order of their making
_state = _thread._local()


cdef object _get(str name, object default):
    return getattr(_state, name, default)


cdef int _switch() except -1:
    set_traced(_get("anomaly", False) or bool(_get("hooks", ()))
               or _get("watcher", None) is not None)
    return 0


cdef str name_of(Row r):
    """The name of the operation that made a row, or of the custom function."""
    if node(r).op == FUNCTION:
        return carried(r)["function"].name()
    return ops[node(r).op].name.decode()


cdef int raise_version(Row r, Row x, int i, uint32_t then, uint32_t now) except -1:
    cdef Value *v = value(x)
    what = "its output" if i < 0 else f"its input {i}"
    raise RuntimeError(
        f"one of the variables needed for gradient computation has been modified by an inplace "
        f"operation: operation {name_of(r)} saved {what}, a {dtype_of(v.dtype)!r} tensor of shape "
        f"{sizes(x)}, at version {then}; it is at version {now} now. Hint: use the out-of-place "
        "form of the operation that changed it, or clone() before changing it.")


# ---------------------------------------------------------------------------------------------
# Anomalies

def set_anomaly(bint on, bint check_nan=True):
    """Note where each recorded row is made in this thread, and stop at the first NaN."""
    _state.anomaly = on
    _state.check_nan = check_nan
    _switch()


def anomaly():
    """Whether anomaly mode is on in this thread, and whether it looks for NaN."""
    return _get("anomaly", False), _get("check_nan", True)


cdef bint has_nan(Row r) except -1:
    """Whether a row holds NaN; False once its value is gone."""
    cdef Value *v = value(r)
    cdef Row dense = 0
    cdef int64_t i
    cdef bint found = False
    if not is_float(v.dtype) or v.storage == NULL or v.storage.data == NULL:
        return False
    if not v.contiguous:
        dense = row_dense(v.dtype, v.ndim, v.shape)
        try:
            copy_cast(dense, r)
        except:
            release(dense)
            raise
        v = value(dense)
    if v.dtype == F32:
        for i in range(v.numel):
            if isnan((<float *>v.data)[i]):
                found = True
                break
    else:
        for i in range(v.numel):
            if isnan((<double *>v.data)[i]):
                found = True
                break
    if dense:
        release(dense)
    return found


cdef int _note_place(Row y) except -1:
    global _made
    cdef Row *x = inputs(node(y))
    cdef dict own
    cdef int i
    cdef bint first
    import traceback
    own = carried(y, True)
    _made += 1
    own["made"] = _made
    own["place"] = traceback.extract_stack()
    if node(y).op == FUNCTION:
        return 0                   # holds no value of its own
    if _get("check_nan", True) and has_nan(y):
        first = True
        for i in range(node(y).n_in):
            if value(x[i]).storage != value(y).storage and has_nan(x[i]):
                first = False
        own["nan"] = first
    return 0


cdef str camel(str name):
    """The name of an operation as its graph node bears it."""
    if name.endswith("Backward"):
        return name                # a custom function
    return "".join([word[:1].upper() + word[1:] for word in name.split("_")]) + "Backward0"


cdef str place_of(Row r):
    """The lines of the program that made a row, as a traceback."""
    cdef dict own = carried(r)
    if own is None or "place" not in own:
        return "  (made before anomaly mode was switched on)\n"
    return "".join(own["place"].format())


cdef str user_line(Row r):
    """The innermost line outside this package that made a row."""
    import os
    cdef dict own = carried(r)
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
    for frame in reversed(own["place"] if own is not None and "place" in own else ()):
        if not os.path.abspath(frame.filename).startswith(here):
            return f"{frame.filename}:{frame.lineno}: {frame.line}"
    return "an unknown line"


cdef int check_root(Row root, list rows) except -1:
    """Raise if a value to differentiate is NaN, naming what produced the first one of `rows`."""
    cdef dict own
    cdef Row r, origin = 0
    cdef int64_t first = 0
    if not _get("anomaly", False) or not _get("check_nan", True) or not has_nan(root):
        return 0
    for r in rows:
        own = carried(r)
        if own is not None and own.get("nan") and (origin == 0 or own["made"] < first):
            origin, first = r, own["made"]
    if origin == 0:
        return 0
    r = inputs(node(origin))[0] if node(origin).op == OUTPUT else origin
    raise RuntimeError(
        f"Function '{camel(name_of(r))}' returned nan values in its "
        f"forward, at "
        f"{user_line(origin)}\nTraceback of forward call that caused the error:\n"
        f"{place_of(origin)}")


cdef int check_gradients(Row r, str name, char *need, Row *out, int n) except -1:
    """Raise if a derivative rule has returned NaN."""
    cdef int i
    if not _get("anomaly", False) or not _get("check_nan", True):
        return 0
    for i in range(n):
        if need[i] and out[i] and has_nan(out[i]):
            raise RuntimeError(
                f"Function '{camel(name)}' returned nan values in its {i}th output, called at "
                f"{user_line(r)}\nTraceback of forward call that caused the error:\n"
                f"{place_of(r)}")
    return 0


# ---------------------------------------------------------------------------------------------
# Hooks on saved values

def push_hooks(pack, unpack):
    """From here on what is saved in this thread goes through `pack`, and back through `unpack`."""
    disabled = _get("disabled", None)
    if disabled is not None:
        raise RuntimeError(disabled)
    _state.hooks = (*_get("hooks", ()), (pack, unpack))
    _switch()


def pop_hooks():
    """End the last `push_hooks`."""
    hooks = _get("hooks", ())
    _state.hooks = hooks[:len(hooks) - 1]
    _switch()


def disable_hooks(message):
    """Refuse `push_hooks` with this message (None: allow it again); returns the one before."""
    before = _get("disabled", None)
    if message is not None and _get("hooks", ()):
        raise RuntimeError(message)
    _state.disabled = message
    return before


cdef object alias(Row x):
    """The same memory without history: what a hook is shown."""
    cdef Value *v = value(x)
    cdef Row r = row_view(x, v.ndim, v.shape, v.strides, 0)
    row_detach(r)
    return wrap(r)


cdef object _call_hook(hook, argument):
    cdef bint mode = grad_enabled()
    grad_enable(False)
    try:
        return hook(argument)
    finally:
        grad_enable(mode)


cdef int _pack(Row y, pack, unpack) except -1:
    cdef Node *m = node(y)
    cdef int i
    cdef Row x
    cdef dict packed = {}
    carried(y, True)["packed"] = packed
    for i in range(8):
        if m.saves & (1 << i):
            x = y if i == 7 else inputs(m)[i]
            packed[i] = (_call_hook(pack, alias(x)), unpack)
            m.saves &= ~(1 << i)
            release_value(x)
    return 0


cdef int unpack(Row r, Row *x, Row *y) except -1:
    """Put the values that were packed for row `r` into the places of its rule's context."""
    cdef dict packed = carried(r)["packed"]
    cdef Row u, z, old
    cdef int i
    for i, (obj, hook) in packed.items():
        old = r if i == 7 else inputs(node(r))[i]
        back = _call_hook(hook, obj)
        u = row_of(back, "unpack_hook")
        if grad_enabled():
            z = keep(restored_row(u, old))
        else:
            check_unpacked(u, old)
            z = hold(u)
        if i == 7:
            y[0] = z
        else:
            x[i] = z
    return 0


# ---------------------------------------------------------------------------------------------
# A watcher

def set_watcher(watcher):
    """Call `watcher(notes, result, number)` for each row recorded in this thread; None: no longer.

    `notes` is the dictionary that is the graph node's ``metadata``, `result` what was computed, as
    a tensor without history, `number` which of the results of a custom function it is. For the
    call of a custom function itself, before its results, `result` is None. Returns the watcher
    before.
    """
    before = _get("watcher", None)
    _state.watcher = watcher
    _switch()
    return before


cdef int _watch(Row y, watcher) except -1:
    cdef Row r = y
    cdef int64_t number = 0
    if node(y).op == OUTPUT:
        r = inputs(node(y))[0]
        number = node(y).attr.k[0]
    notes = carried(r, True).setdefault("metadata", {})
    result = None if node(y).op == FUNCTION else alias(y)
    _call_hook(lambda t: watcher(notes, t, number), result)
    return 0


cdef int _on_record(Row y) except -1:
    if _get("anomaly", False):
        _note_place(y)
    watcher = _get("watcher", None)
    if watcher is not None:
        _watch(y, watcher)
    hooks = _get("hooks", ())
    if hooks and node(y).saves:
        pack, unpack = hooks[len(hooks) - 1]
        _pack(y, pack, unpack)
    return 0

table.on_record = _on_record


cdef int _waiting = 0            # callbacks for the end of a sweep, in all threads


def at_end_of_sweep(callback):
    """Call `callback(complete)` when the sweep that runs in this thread is over.

    `complete` is False if an error has broken it off.
    """
    global _waiting
    _state.callbacks = (*_get("callbacks", ()), callback)
    _waiting += 1


cdef object begin_sweep():
    """What waits for the end of the sweep around this one; `end_of_sweep` gives it back."""
    if not _waiting:
        return ()
    outer = _get("callbacks", ())
    _state.callbacks = ()
    return outer


cdef int end_of_sweep(object outer, bint complete) except -1:
    """Run what waits for the end of this sweep, which came to its end or was broken off."""
    global _waiting
    if not _waiting:
        return 0
    callbacks = _get("callbacks", ())
    _state.callbacks = outer
    _waiting -= len(callbacks)
    for callback in callbacks:
        callback(complete)
    return 0


def hooks():
    """The (pack, unpack) pairs in force in this thread, innermost last."""
    return _get("hooks", ())
