"""What can be seen of the graph from Python: `grad_fn` and its `next_functions`."""
cimport cython
from cgrad._engine.types cimport *
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.function cimport FUNCTION, OUTPUT
from cgrad._engine.handle cimport carried, dtype_of, row_of
from cgrad._engine.primitives cimport sizes
from cgrad._engine.rows cimport inputs, node, row_free, value
from cgrad._engine.table cimport ops
from cgrad._engine.tracing cimport alias, camel, name_of
from cgrad._tensor.hooks import RemovableHandle


@cython.binding(False)
@cython.embedsignature.format("clinic")
cdef class GraphNode:
    """A recorded operation: `name()`, `next_functions`, and `variable` for a leaf."""
    cdef Row row
    cdef object __weakref__

    def __dealloc__(self):
        # Keeps the row as a place in the graph, not its value.
        cdef Row r = self.row
        if r:
            node(r).graph_refs -= 1
            if node(r).graph_refs == 0:
                row_free(r)

    def name(self):
        """The operation's name, as PyTorch writes it: ``MulBackward0``."""
        if node(self.row).n_in == 0:
            return "AccumulateGrad"
        if node(self.row).op == FUNCTION:
            return carried(self.row)["function"].name()
        return camel(ops[node(self.row).op].name.decode())

    @property
    def next_functions(self):
        """A (node, number of its output) pair for each input; (None, 0) without a gradient."""
        cdef object m = []
        cdef Row *x = inputs(node(self.row))
        cdef int i
        for i in range(node(self.row).n_in):
            if node(x[i]).flags & REQUIRES_GRAD:
                m.append((graph_node(x[i]), output_number(x[i])))
            else:
                m.append((None, 0))
        return tuple(m)

    @property
    def variable(self):
        """The leaf tensor that the gradient is accumulated into."""
        if node(self.row).n_in:
            raise AttributeError(f"'{self.name()}' object has no attribute 'variable'")
        if value(self.row).storage == NULL:
            return None
        return wrap_borrowed(self.row)

    @property
    def metadata(self):
        """A dictionary for the user's own notes about this node."""
        return carried(self.row, True).setdefault("metadata", {})

    def register_hook(self, hook):
        """register_hook(hook) -> handle

        Call ``hook(grad_inputs, grad_outputs)`` after the node's derivative has been computed;
        what it returns (if not None) replaces ``grad_inputs``, one gradient for each input.
        """
        return RemovableHandle(carried(self.row, True).setdefault("posthooks", {}), hook)

    def register_prehook(self, hook):
        """register_prehook(hook) -> handle

        Call ``hook(grad_outputs)`` before the node's derivative is computed; what it returns (if
        not None) replaces ``grad_outputs``.
        """
        return RemovableHandle(carried(self.row, True).setdefault("prehooks", {}), hook)

    def __getattr__(self, name):
        # The node of a custom function shows what its context holds.
        if node(self.row).op == FUNCTION:
            return getattr(carried(self.row)["function"], name)
        raise AttributeError(f"'{self.name()}' object has no attribute {name!r}")

    def __eq__(self, other):
        return isinstance(other, GraphNode) and (<GraphNode>other).row == self.row

    def __hash__(self):
        return hash(self.row)

    def __repr__(self):
        return f"<{self.name()} object at row {self.row}>"


cdef object graph_node(Row r):
    """The graph node of a row; the results of a custom function share that of the call."""
    cdef GraphNode m = GraphNode.__new__(GraphNode)
    if node(r).op == OUTPUT:
        r = inputs(node(r))[0]
    node(r).graph_refs += 1
    m.row = r
    return m


cdef int64_t output_number(Row r) noexcept:
    """Which output of its graph node a row is."""
    return node(r).attr.k[0] if node(r).op == OUTPUT else 0


# What a picture of the graph needs beyond PyTorch's interface: inputs without a gradient too, and
# the values that are still held.

def edge_to(tensor):
    """edge_to(tensor) -> (node, number, shape, dtype, value): the edge that ends in a tensor.

    `number` says which output of the node it is; `value` is a tensor without history over the same
    memory, None if the value is no longer held or has been changed in place since.
    """
    return _edge(row_of(tensor, "edge_to"))


def edges_of(GraphNode m):
    """edges_of(node) -> one tuple as `edge_to` gives for each input, those without gradient too."""
    cdef Row *x = inputs(node(m.row))
    cdef int i
    return [_edge(x[i]) for i in range(node(m.row).n_in)]


def facts_of(GraphNode m):
    """facts_of(node) -> (operation, requires_grad, place, retained).

    `operation` is its name in the table or that of a custom function, "" for a leaf or constant;
    `place` the stack that anomaly mode has noted, or None; `retained` the tensor after
    ``retain_grad()``, or None.
    """
    cdef dict own = carried(m.row)
    cdef Node *n = node(m.row)
    kept = n.flags & RETAIN_GRAD and value(m.row).handle != NULL
    return (name_of(m.row) if n.n_in else "", bool(n.flags & REQUIRES_GRAD),
            None if own is None else own.get("place"), wrap_borrowed(m.row) if kept else None)


cdef object _edge(Row r):
    cdef Value *v = value(r)
    held = v.storage != NULL and (node(r).n_in == 0 or v.version == v.storage.version)
    return (graph_node(r), output_number(r), tuple(sizes(r)), dtype_of(v.dtype),
            alias(r) if held else None)
