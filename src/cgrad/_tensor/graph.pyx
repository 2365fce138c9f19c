"""What can be seen of the graph from Python: `grad_fn` and its `next_functions`."""
from cgrad._engine.types cimport *
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.rows cimport inputs, node, row_free, value
from cgrad._engine.table cimport ops


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
        words = ops[node(self.row).op].name.decode().split("_")
        return "".join(w[:1].upper() + w[1:] for w in words) + "Backward0"

    @property
    def next_functions(self):
        """One (node, 0) pair for each input; (None, 0) where no gradient flows."""
        cdef object m = []
        cdef Row *x = inputs(node(self.row))
        cdef int i
        for i in range(node(self.row).n_in):
            if node(x[i]).flags & REQUIRES_GRAD:
                m.append((graph_node(x[i]), 0))
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

    def __eq__(self, other):
        return isinstance(other, GraphNode) and (<GraphNode>other).row == self.row

    def __hash__(self):
        return hash(self.row)

    def __repr__(self):
        return f"<{self.name()} object at row {self.row}>"


cdef object graph_node(Row r):
    """The graph node of a row."""
    cdef GraphNode m = GraphNode.__new__(GraphNode)
    node(r).graph_refs += 1
    m.row = r
    return m
