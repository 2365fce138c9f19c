"""Hooks in the sweep: of tensors and of graph nodes.  They run the user's code."""
from cgrad._engine.types cimport *
from cgrad._engine.handle cimport carried, hooks_of, row_of, wrap
from cgrad._engine.primitives cimport cast, same_shape, sizes
from cgrad._engine.rows cimport inputs, node, retain, value
from cgrad._engine.sparse cimport as_object, gradient_row, is_sparse
from cgrad._engine.table cimport hold


cdef Row run_hooks(Row r, Row g) except 0:
    # Tensor hooks see the whole gradient of the row and may replace it.
    cdef dict extra = hooks_of(r)
    cdef Row h
    if extra is None:
        return g
    for hook in list((extra.get("hooks") or {}).values()):
        result = hook(as_object(g))
        if result is not None:
            h = gradient_row(result, r, "hook")
            if not is_sparse(h) and not same_shape(h, r):
                raise RuntimeError("hook: the gradient it returns must have the shape of the one "
                                   f"it got, {sizes(r)}, but has {sizes(h)}")
            g = hold(h)
            if value(g).dtype != value(r).dtype:
                g = cast(g, value(r).dtype)
    return g


cdef Row run_prehooks(Row r, Row g, dict bundle) except 0:
    # Hooks of the graph node: they see and may replace what arrives from the consumers.  `bundle`
    # is what has arrived at the call of a custom function, by the number of the result.
    cdef dict own = carried(r)
    cdef Row h
    for hook in list((own.get("prehooks") or {}).values()) if own is not None else ():
        if bundle is not None:
            shapes = [shape for shape, _ in own["function"]._results]
            result = hook(tuple([bundle.get(i) for i in range(len(shapes))]))
            for i, t in enumerate(result if isinstance(result, tuple) else (result,)):
                if t is None or i >= len(shapes):
                    continue
                h = row_of(t, "hook")
                if sizes(h) != list(shapes[i] or ()):
                    raise RuntimeError(f"hook: gradient {i} must have the shape "
                                       f"{list(shapes[i] or ())}, but has {sizes(h)}")
                bundle[i] = t
            continue
        result = hook((as_object(g),))
        if isinstance(result, tuple):
            result = result[0] if result else None
        if result is not None:
            h = gradient_row(result, r, "hook")
            if not is_sparse(h) and not same_shape(h, r):
                raise RuntimeError("hook: the gradient it returns must have the shape of the one "
                                   f"it got, {sizes(r)}, but has {sizes(h)}")
            g = hold(h)
            if value(g).dtype != value(r).dtype:
                g = cast(g, value(r).dtype)
    return g


cdef int run_posthooks(Row r, Row g, int n, char *need, Row *out) except -1:
    # ... and what the node has computed for its inputs.
    cdef dict own = carried(r)
    cdef Row h, x
    cdef int j
    for hook in list((own.get("posthooks") or {}).values()) if own is not None else ():
        found = [as_object(out[j]) if need[j] and out[j] else None for j in range(n)]
        result = hook(tuple(found), (as_object(g),))
        if result is None:
            continue
        for j, t in enumerate(result if isinstance(result, tuple) else (result,)):
            if j < n and need[j]:
                out[j] = 0
                if t is not None:
                    x = inputs(node(r))[j]
                    h = gradient_row(t, x, "hook")
                    out[j] = hold(h)
    return 0


cdef int run_after_store(Row leaf) except -1:
    # Hooks that wait for the sum in .grad.
    cdef dict extra = hooks_of(leaf)
    for hook in list((extra.get("post") or {}).values()) if extra is not None else ():
        retain(leaf)
        hook(wrap(leaf))
    return 0
