"""What a profiler notes: the events of one thread, Note [Events] in table.pyx.

A `Recorder` holds its events in one array, in the order they began. An event knows the one around
it (`parent`), the module it belongs to, and a derivative rule the operation whose derivative it
is (`link`): when an operation has made a row, `maker` of that row becomes its number. Rows come
and go; if what `maker` says is another operation than that of the row, it was made by no event.

An event is named by a handle, which bears the number of the recording as well: one that was begun
before a recording ended does nothing when it ends in the next.
"""
import os
import sys
import threading
cimport cython
from libc.stdlib cimport free, realloc
from libc.stdint cimport int16_t
from libc.string cimport memset
from cgrad._engine.types cimport *
from cgrad._engine.function cimport FUNCTION, OUTPUT
from cgrad._engine.memory cimport bytes_now
from cgrad._engine.module import profilers
from cgrad._engine.rows cimport node, value
from cgrad._engine.table cimport (
    ACCUMULATE, FUNCTION_FORWARD, MAX_OPS, MODULE, RULE, ops, record_into, recorder_now, watch,
)
from cgrad._engine.tracing cimport camel, name_of

cdef extern from "clock.h":
    int64_t cg_now() noexcept nogil

cdef struct Event:
    int64_t start, end       # nanoseconds; end 0: it has not ended
    int64_t before, after    # bytes that live at its start and at its end
    int32_t parent           # the event around it, -1: none
    int32_t link             # of a rule: the operation whose derivative it is, -1: unknown
    int32_t module           # the innermost module at work, -1: none
    int32_t name             # in Recorder.names
    int16_t kind
    int16_t op               # of an operation, else 0

KINDS = ("operation", "rule", "function", "accumulate", "module", "range")
cdef int64_t _recordings = 0                 # begun so far
# Frames of this package do not say where a program calls it.
cdef str HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


@cython.binding(False)
@cython.embedsignature.format("clinic")
cdef class Recorder:
    """Notes events while it is attached to the thread that attaches it.

    shapes: note the shapes of the tensors that go in; stacks: and the lines of the program.
    """
    cdef Event *events
    cdef int64_t n, cap
    cdef int64_t recording
    cdef int32_t current
    cdef int32_t *maker
    cdef int64_t makers
    cdef bint with_shapes, with_stacks
    cdef list names
    cdef int32_t[2][MAX_OPS] op_names   # of operations and of their rules; -1: not named yet
    cdef dict name_ids
    cdef dict shapes         # event -> shapes
    cdef dict stacks
    cdef list modules        # (module, module around it, its path)
    cdef dict module_ids     # (id of the module, module around it) -> place in `modules`
    cdef object thread

    def __cinit__(self, bint shapes=False, bint stacks=False):
        self.with_shapes = shapes
        self.with_stacks = stacks
        self.clear()

    def __dealloc__(self):
        free(self.events)
        free(self.maker)

    def clear(self):
        """Forget all events."""
        global _recordings
        _recordings += 1
        self.recording = _recordings << 32
        self.n = 0
        self.current = -1
        self.names = []
        memset(self.op_names, 0xff, sizeof(self.op_names))
        self.name_ids = {}
        self.shapes = {}
        self.stacks = {}
        self.modules = []
        self.module_ids = {}
        if self.maker != NULL:
            memset(self.maker, 0xff, self.makers * sizeof(int32_t))

    def attach(self):
        """Note from here on what this thread does."""
        if recorder_now() != NULL:
            raise RuntimeError("a profiler is running in this thread already")
        self.thread = threading.current_thread()
        _attached.add(self)
        record_into(<void *>self)
        profilers(1)

    def detach(self):
        """Note no more; what has not ended ends now."""
        if recorder_now() != <void *>self:
            raise RuntimeError("a profiler must be stopped in the thread that has started it")
        while self.current >= 0:
            self._close(self.current, cg_now())
        record_into(NULL)
        profilers(-1)
        _attached.discard(self)

    def __len__(self):
        return self.n

    cdef void _close(self, int32_t i, int64_t now) noexcept:
        self.events[i].end = now
        self.events[i].after = bytes_now()
        self.current = self.events[i].parent

    cdef int32_t _new(self, int kind, int op, int32_t name) except -1:
        cdef int64_t cap
        cdef Event *e
        cdef void *p
        if self.n == self.cap:
            cap = self.cap + self.cap // 2 + 1024
            if cap > 0x7fffffff:
                raise MemoryError("profiler: too many events")
            p = realloc(self.events, cap * sizeof(Event))
            if p == NULL:
                raise MemoryError("profiler: no memory for more events")
            self.events = <Event *>p
            self.cap = cap
        e = &self.events[self.n]
        e.kind = <int16_t>kind
        e.op = <int16_t>op
        e.name = name
        e.parent = self.current
        e.module = self.events[self.current].module if self.current >= 0 else -1
        e.link = -1
        e.end = 0
        self.n += 1
        return <int32_t>(self.n - 1)

    cdef int64_t _start(self, int32_t i) noexcept:
        # Last of all, so that what noting costs counts for the event around.
        self.current = i
        self.events[i].before = bytes_now()
        self.events[i].start = cg_now()
        return self.recording | i

    cdef int32_t _name(self, object name) except -1:
        found = self.name_ids.get(name)
        if found is None:
            found = self.name_ids[name] = len(self.names)
            self.names.append(name)
        return found

    cdef int32_t _op_name(self, int kind, int op, Row of) except -1:
        cdef int32_t *known = &self.op_names[kind == RULE][op]
        cdef str name
        if kind == ACCUMULATE:
            return self._name("AccumulateGrad")
        if op == FUNCTION:
            return self._name(name_of(of))
        if known[0] < 0:
            name = ops[op].name.decode()
            known[0] = self._name(camel(name) if kind == RULE else name)
        return known[0]

    cdef int32_t _module(self, object module) except -1:
        cdef int32_t around = self.events[self.current].module if self.current >= 0 else -1
        key = id(module), around
        found = self.module_ids.get(key)
        if found is None:
            found = self.module_ids[key] = len(self.modules)
            self.modules.append((module, around, _path(self.modules, module, around)))
        return found

    cdef object _stack(self):
        cdef list lines = []
        frame = sys._getframe()
        while frame is not None and len(lines) < 16:
            code = frame.f_code
            if not code.co_filename.startswith(HERE):
                lines.append(f"{code.co_filename}({frame.f_lineno}): {code.co_name}")
            frame = frame.f_back
        return tuple(lines)

    def events_noted(self):
        """What was noted, as tuples: kind, name, start, end (ns), bytes before and after, parent,
        link, module, shapes, stack."""
        cdef Event *e
        cdef int64_t i
        cdef list found = []
        for i in range(self.n):
            e = &self.events[i]
            found.append((KINDS[e.kind], self.names[e.name], e.start, e.end or e.start, e.before,
                          e.after if e.end else e.before, e.parent, e.link, e.module,
                          self.shapes.get(i, ()), self.stacks.get(i, ())))
        return found

    def modules_noted(self):
        """Path, class and the module around (a place in this list, or -1) of each module."""
        return [(path, type(module).__name__, around) for module, around, path in self.modules]


cdef set _attached = set()       # keeps them alive while threads point to them


def now():
    """The clock of the events, in nanoseconds."""
    return cg_now()


def running():
    """Whether a profiler runs in this thread."""
    return recorder_now() != NULL


cdef str _path(list modules, object module, int around):
    # The names of the attributes that lead to a module, from the class of the outermost one.
    if around < 0:
        # Networks of one class side by side are numbered.
        name = type(module).__name__
        same = sum([outer < 0 and type(known) is type(module) for known, outer, _ in modules])
        return f"{name}#{same + 1}" if same else name
    outer, _, path = modules[around]
    for name, child in outer.named_modules():
        if child is module and name:
            return f"{path}.{name}"
    return f"{path}.{type(module).__name__}"


cdef object _sizes(Row *x, int n):
    cdef Value *v
    cdef int i, k
    cdef list shapes = []
    for i in range(n):
        v = value(x[i])
        shapes.append(tuple([v.shape[k] for k in range(v.ndim)]))
    return tuple(shapes)


cdef int64_t _begin(void *recorder, int kind, int op, Row *x, int n, Row of) except -2:
    cdef Recorder self = <Recorder>recorder
    cdef int32_t i, link = -1
    if kind == RULE and op == OUTPUT:
        return -1                       # hands on what arrives
    i = self._new(kind, op, self._op_name(kind, op, of))
    if kind == RULE and of < self.makers:
        link = self.maker[of]
        if link >= 0 and self.events[link].op == op:
            self.events[i].link = link
            self.events[i].module = self.events[link].module
    if self.with_shapes:
        self.shapes[i] = _sizes(x, n)
    if self.with_stacks:
        self.stacks[i] = self._stack()
    return self._start(i)


cdef int64_t _begin_named(void *recorder, int kind, object what) except -2:
    cdef Recorder self = <Recorder>recorder
    cdef int32_t i, module
    if kind == MODULE:
        module = self._module(what)
        i = self._new(kind, 0, self._name(self.modules[module][2]))
        self.events[i].module = module
    else:
        i = self._new(kind, FUNCTION if kind == FUNCTION_FORWARD else 0, self._name(what))
    if self.with_stacks:
        self.stacks[i] = self._stack()
    return self._start(i)


cdef int _made(void *recorder, int64_t event, Row y) noexcept:
    cdef Recorder self = <Recorder>recorder
    cdef int64_t makers
    cdef void *p
    if not y or event & ~<int64_t>0xffffffff != self.recording:
        return 0
    if y >= self.makers:
        makers = y + y // 2 + 1024
        p = realloc(self.maker, makers * sizeof(int32_t))
        if p == NULL:
            return 0                    # this row's derivative will not know its module
        self.maker = <int32_t *>p
        memset(self.maker + self.makers, 0xff, (makers - self.makers) * sizeof(int32_t))
        self.makers = makers
    self.maker[y] = <int32_t>(event & 0xffffffff)
    return 0


cdef int _end(void *recorder, int64_t event) noexcept:
    cdef int64_t now = cg_now()
    cdef Recorder self = <Recorder>recorder
    cdef int32_t i = <int32_t>(event & 0xffffffff), k
    if event & ~<int64_t>0xffffffff != self.recording or self.events[i].end:
        return 0
    k = self.current
    while k >= 0 and k != i:
        k = self.events[k].parent
    if k < 0:                           # it is not around what runs now
        self.events[i].end = now
        self.events[i].after = bytes_now()
        return 0
    while self.current != i:            # what was left without ending, by an exception
        self._close(self.current, now)
    self._close(i, now)
    return 0


cdef int64_t _latest(void *recorder) noexcept:
    cdef Recorder self = <Recorder>recorder
    return self.recording | self.current if self.current >= 0 else -1


watch.begin = _begin
watch.begin_named = _begin_named
watch.made = _made
watch.end = _end
watch.latest = _latest
