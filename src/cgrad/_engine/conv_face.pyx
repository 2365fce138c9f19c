# cython: wraparound=True
"""The public functions of convolution, transposed convolution, unfold and fold: their arguments,
checked before anything is computed.  The operations are in conv.pyx.
"""
from cgrad._engine.types cimport *
from cgrad._engine.face import export
from cgrad._engine.face cimport wrap_borrowed
from cgrad._engine.handle cimport dtype_of, is_handle, row_of
from cgrad._engine.primitives cimport add, cast, reshape, sizes
from cgrad._engine.rows cimport is_float, value
from cgrad._engine.shape cimport integer, squeeze_mask, unsqueeze_row
from cgrad._engine.table cimport call1, call2, calln, op_id, scope_enter, scope_leave

cdef int CONVOLUTION = op_id("convolution"), INPUT = op_id("convolution_input")
cdef int IM2COL = op_id("im2col"), COL2IM = op_id("col2im")
cdef enum:
    LARGEST = 1 << 30            # of sizes and options: sums of their products fit 64 bits


cdef list _numbers(object x, int nd, str name, str argument):
    """One int or `nd` of them; converting may run code: to be done before rows are taken."""
    cdef bytes op = name.encode()
    if isinstance(x, (tuple, list)):
        found = [integer(v, op, argument) for v in x]
        if len(found) == 1:
            found *= nd
        if len(found) != nd:
            raise RuntimeError(f"{name}: expected {argument} to be a single integer value or a "
                               f"list of {nd} values to match the convolution dimensions, but got "
                               f"{argument}={found}")
    else:
        found = [integer(x, op, argument)] * nd
    for v in found:
        if not -LARGEST <= v <= LARGEST:
            raise RuntimeError(f"{name}: {argument}={v} is beyond what is supported")
    return found


cdef int _check_options(str name, list stride, list dilation, int64_t groups) except -1:
    if groups <= 0:
        raise RuntimeError(f"{name}: non-positive groups is not supported, but got {groups}")
    if min(stride) <= 0:
        raise RuntimeError(f"{name}: non-positive stride is not supported, but got {stride}")
    if min(dilation) <= 0:
        raise RuntimeError(f"{name}: non-positive dilation is not supported, but got {dilation}")
    return 0


cdef int _check_types(str name, Row *x, int n) except -1:
    cdef int i, dt = value(x[0]).dtype
    for i in range(1, n):
        if value(x[i]).dtype != dt:
            raise RuntimeError(f"{name}: Input type ({dtype_of(dt)!r}) and "
                               f"{'weight' if i == 1 else 'bias'} type "
                               f"({dtype_of(value(x[i]).dtype)!r}) should be the same")
    if dt == BOOL:
        raise NotImplementedError(f"{name}: not implemented for dtype cgrad.bool; convert to a "
                                  "number type first")
    return 0


cdef list _plain_sizes(str name, Row r):
    found = sizes(r)
    if found and max(found) > LARGEST:
        raise RuntimeError(f"{name}: a size of {found} is beyond what is supported")
    return found


cdef object _per_channel(list a):
    return " x ".join(map(str, a))


cdef object _convolve(object input, object weight, object bias, object stride, object padding,
                      object dilation, object groups, object output_padding, bint transposed,
                      int nd, str name):
    cdef int64_t mark = scope_enter()
    cdef bytes op = name.encode()
    cdef Row[3] x
    cdef Row y
    cdef Attr at
    cdef int i, n = 2, dt
    cdef int64_t g, span
    cdef bint same = False, batched
    cdef list strides, pads, dilations, extra, wanted, got, inner, size, kernel
    try:
        strides = _numbers(stride, nd, name, "stride")
        dilations = _numbers(dilation, nd, name, "dilation")
        extra = _numbers(output_padding, nd, name, "output_padding")
        g = integer(groups, op, "groups")
        if isinstance(padding, str) and not transposed:
            if padding not in ("same", "valid"):
                raise RuntimeError(f"{name}: Invalid padding string: {padding!r}")
            same = padding == "same"
            pads = [0] * nd
        else:
            pads = _numbers(padding, nd, name, "padding")
        x[0] = row_of(input, op)
        x[1] = row_of(weight, op)
        if bias is not None:
            x[2] = row_of(bias, op)
            n = 3
        _check_options(name, strides, dilations, g)
        got, wanted = _plain_sizes(name, x[0]), _plain_sizes(name, x[1])
        if same and max(strides) > 1:
            raise RuntimeError(f"{name}: padding='same' is not supported for strided convolutions")
        if min(pads) < 0:
            raise RuntimeError(f"{name}: negative padding is not supported, but got {pads}")
        if min(extra) < 0:
            raise RuntimeError(f"{name}: negative output_padding is not supported, but got {extra}")
        if len(got) not in (nd + 1, nd + 2):
            raise RuntimeError(f"Expected {nd + 1}D (unbatched) or {nd + 2}D (batched) input to "
                               f"{name}, but got input of size: {got}")
        if len(wanted) != nd + 2:
            raise RuntimeError(f"{name}: expected weight to be {nd + 2}-dimensional, but got weight "
                               f"of size {wanted}")
        batched = len(got) == nd + 2
        inner, kernel = got[-nd:], wanted[2:]
        _check_channels(name, transposed, g, got, wanted, got[-nd - 1], sizes(x[2]) if n == 3 else None)
        _check_types(name, x, n)
        if min(kernel) <= 0:
            raise RuntimeError(f"{name}: kernel size should be greater than zero, but got weight of "
                               f"size {wanted}")
        size = []
        for i in range(nd):
            span = dilations[i] * (kernel[i] - 1)
            if same:                  # what is odd goes behind
                pads[i] = span // 2
                size.append(inner[i])
            elif transposed:
                if extra[i] >= strides[i] and extra[i] >= dilations[i]:
                    raise RuntimeError(f"{name}: output padding must be smaller than either stride "
                                       f"or dilation, but got output_padding={extra}, stride="
                                       f"{strides}, dilation={dilations}")
                size.append((inner[i] - 1) * strides[i] - 2 * pads[i] + span + extra[i] + 1)
            elif inner[i] + 2 * pads[i] <= span:
                raise RuntimeError(
                    f"{name}: Calculated padded input size per channel: "
                    f"({_per_channel([a + 2 * b for a, b in zip(inner, pads)])}). Kernel size: "
                    f"({_per_channel([d * (k - 1) + 1 for d, k in zip(dilations, kernel)])}). "
                    "Kernel size can't be greater than actual input size")
            else:
                size.append((inner[i] + 2 * pads[i] - span - 1) // strides[i] + 1)
        if size and (min(size) <= 0 or min(inner) <= 0 or max(size) > LARGEST):
            raise RuntimeError(f"{name}: Given input size per channel: ({_per_channel(inner)}). "
                               f"Calculated output size per channel: ({_per_channel(size)}). "
                               "Output size is too small or too large")
        at.k[0] = g
        at.k[1] = nd
        at.k[2] = wanted[1] * g
        for i in range(18):
            at.d[i] = 0 if 3 <= i < 6 else 1
        for i in range(nd):
            at.d[3 - nd + i] = strides[i]
            at.d[6 - nd + i] = pads[i]
            at.d[9 - nd + i] = dilations[i]
            at.d[12 - nd + i] = size[i] if transposed else inner[i]
            at.d[15 - nd + i] = kernel[i]
            at.d[18 - nd + i] = inner[i] if transposed else size[i]
        dt = value(x[0]).dtype
        if not is_float(dt):
            for i in range(n):
                x[i] = cast(x[i], I64)
        if not batched:
            x[0] = unsqueeze_row(x[0], 0)
        y = _product(x, n, transposed, &at)
        if not batched:
            y = squeeze_mask(y, 1)
        return wrap_borrowed(y if is_float(dt) else cast(y, dt))
    finally:
        scope_leave(mark)


cdef Row _product(Row *x, int n, bint transposed, Attr *at) except 0:
    cdef Row b
    cdef Row y
    cdef int64_t[5] shape
    cdef int i
    if not transposed and (n == 2 or is_float(value(x[0]).dtype)):
        return calln(CONVOLUTION, x, n, at)
    y = call2(INPUT if transposed else CONVOLUTION, x[0], x[1], at)
    if n == 2:
        return y
    for i in range(value(y).ndim):
        shape[i] = 1
    shape[1] = value(x[2]).numel
    b = reshape(x[2], value(y).ndim, shape)
    return add(y, b)


cdef int _check_channels(str name, bint transposed, int64_t g, list got, list wanted, int64_t c,
                         list bias) except -1:
    cdef int64_t outputs = wanted[1] * g if transposed else wanted[0]
    cdef int64_t inputs = wanted[0] if transposed else wanted[1] * g
    cdef str given = f"{name}: Given transposed={int(transposed)}" if transposed else \
        f"{name}: Given groups={g}"
    if wanted[0] < g:
        raise RuntimeError(f"{name}: Given groups={g}, expected weight to be at least {g} at "
                           f"dimension 0, but got weight of size {wanted} instead")
    if wanted[0] % g:
        raise RuntimeError(f"{name}: Given groups={g}, expected weight to be divisible by {g} at "
                           f"dimension 0, but got weight of size {wanted} instead")
    if c != inputs:
        raise RuntimeError(f"{given}, weight of size {wanted}, expected input{got} to have "
                           f"{inputs} channels, but got {c} channels instead")
    if bias is not None and bias != [outputs]:
        raise RuntimeError(f"{name}: Given {'transposed=1, ' if transposed else ''}weight of size "
                           f"{wanted}, expected bias to be 1-dimensional with {outputs} elements, "
                           f"but got bias of size {bias} instead")
    return 0


def conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1) -> Tensor

    Cross-correlation of an input [n, c, l] (or [c, l]) with kernels [o, c / groups, k],
    plus bias [o].  `padding` zeros on both sides, or "valid" (none), or "same" (as many as keep
    the size).

    Example::

        >>> cgrad.conv1d(cgrad.tensor([[1.0, 2.0, 4.0]]), cgrad.tensor([[[1.0, -1.0]]]))
        tensor([[-1., -2.]])
    """
    return _convolve(input, weight, bias, stride, padding, dilation, groups, 0, False, 1,
                     "conv1d")


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1) -> Tensor

    Cross-correlation of an input [n, c, h, w] (or [c, h, w]) with kernels [o, c / groups, kh, kw],
    plus bias [o].  `padding` zeros on both sides, or "valid" (none), or "same" (as many as keep
    the size).

    Example::

        >>> cgrad.conv2d(cgrad.ones(1, 3, 3), cgrad.ones(1, 1, 2, 2))
        tensor([[[4., 4.],
                 [4., 4.]]])
    """
    return _convolve(input, weight, bias, stride, padding, dilation, groups, 0, False, 2,
                     "conv2d")


def conv3d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """conv3d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1) -> Tensor

    Cross-correlation of an input [n, c, d, h, w] (or [c, d, h, w]) with kernels [o, c / groups, kd, kh, kw],
    plus bias [o].  `padding` zeros on both sides, or "valid" (none), or "same" (as many as keep
    the size).

    Example::

        >>> cgrad.conv3d(cgrad.ones(1, 2, 2, 2), cgrad.ones(1, 1, 2, 2, 2))
        tensor([[[[8.]]]])
    """
    return _convolve(input, weight, bias, stride, padding, dilation, groups, 0, False, 3,
                     "conv3d")


def conv_transpose1d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1,
                     dilation=1):
    """conv_transpose1d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, \
dilation=1) -> Tensor

    The derivative of :func:`conv1d` with respect to its input, applied to [n, c, l] (or
    [c, l]); weight [c, o / groups, k], bias [o].  `output_padding` adds places at the end of
    each dimension, to choose among the sizes that conv1d maps to that of the input.

    Example::

        >>> cgrad.conv_transpose1d(cgrad.tensor([[1.0, 2.0]]), cgrad.tensor([[[1.0, 1.0]]]))
        tensor([[1., 3., 2.]])
    """
    return _convolve(input, weight, bias, stride, padding, dilation, groups, output_padding, True,
                     1, "conv_transpose1d")


def conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1,
                     dilation=1):
    """conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, \
dilation=1) -> Tensor

    The derivative of :func:`conv2d` with respect to its input, applied to [n, c, h, w] (or
    [c, h, w]); weight [c, o / groups, kh, kw], bias [o].  `output_padding` adds places at the end of
    each dimension, to choose among the sizes that conv2d maps to that of the input.

    Example::

        >>> cgrad.conv_transpose2d(cgrad.ones(1, 1, 1), cgrad.ones(1, 1, 2, 2))
        tensor([[[1., 1.],
                 [1., 1.]]])
    """
    return _convolve(input, weight, bias, stride, padding, dilation, groups, output_padding, True,
                     2, "conv_transpose2d")


def conv_transpose3d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1,
                     dilation=1):
    """conv_transpose3d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, \
dilation=1) -> Tensor

    The derivative of :func:`conv3d` with respect to its input, applied to [n, c, d, h, w] (or
    [c, d, h, w]); weight [c, o / groups, kd, kh, kw], bias [o].  `output_padding` adds places at the end of
    each dimension, to choose among the sizes that conv3d maps to that of the input.

    Example::

        >>> cgrad.conv_transpose3d(cgrad.ones(1, 1, 1, 1), cgrad.ones(1, 1, 2, 2, 2)).shape
        cgrad.Size([1, 2, 2, 2])
    """
    return _convolve(input, weight, bias, stride, padding, dilation, groups, output_padding, True,
                     3, "conv_transpose3d")


cdef object _unfold(object input, object output_size, object kernel_size, object dilation,
                    object padding, object stride, bint fold, str name):
    cdef int64_t mark = scope_enter()
    cdef bytes op = name.encode()
    cdef list kernel, dilations, pads, strides, inner, size, got
    cdef Attr at
    cdef Row x
    cdef int64_t taps
    cdef int i
    cdef bint batched
    try:
        kernel = _numbers(kernel_size, 2, name, "kernel_size")
        dilations = _numbers(dilation, 2, name, "dilation")
        pads = _numbers(padding, 2, name, "padding")
        strides = _numbers(stride, 2, name, "stride")
        inner = _numbers(output_size, 2, name, "output_size") if fold else []
        x = row_of(input, op)
        got = _plain_sizes(name, x)
        for what, values in (("kernel size", kernel), ("dilation", dilations), ("stride", strides)):
            if min(values) <= 0:
                raise RuntimeError(f"{name}: {what} should be greater than zero, but got {values}")
        if min(pads) < 0:
            raise RuntimeError(f"{name}: padding should be non-negative, but got {pads}")
        if not is_float(value(x).dtype):
            raise NotImplementedError(f"{name}: not implemented for dtype "
                                      f"{dtype_of(value(x).dtype)!r}")
        taps = kernel[0] * kernel[1]
        if fold:
            if min(inner) <= 0:
                raise RuntimeError(f"fold: output_size should be greater than zero, but got {inner}")
            if len(got) not in (2, 3) or 0 in got[-2:]:
                raise RuntimeError("fold: Expected 2D or 3D (batch mode) tensor for input with "
                                   "possibly 0 batch size and non-zero dimensions for input, but "
                                   f"got: {got}")
            if got[-2] % taps:
                raise RuntimeError("fold: Expected size of input's dimension 1 to be divisible by "
                                   f"the product of kernel_size, but got input.size(1)={got[-2]} "
                                   f"and kernel_size={kernel}.")
        else:
            if len(got) not in (3, 4) or 0 in got[-3:]:
                raise RuntimeError("unfold: Expected 3D or 4D (batch mode) tensor with possibly 0 "
                                   f"batch size and other non-zero dimensions for input, but got: "
                                   f"{got}")
            inner = got[-2:]
        size = [(inner[i] + 2 * pads[i] - dilations[i] * (kernel[i] - 1) - 1) // strides[i] + 1
                for i in range(2)]
        if min(size) <= 0:
            raise RuntimeError(f"{name}: given spatial size {inner}, kernel_size={kernel}, dilation="
                               f"{dilations}, padding={pads}, stride={strides}, calculated shape "
                               f"of the array of sliding blocks as {size}, which is too small (non-"
                               "positive)")
        if fold and got[-1] != size[0] * size[1]:
            raise RuntimeError(f"fold: Given output_size={inner}, kernel_size={kernel}, dilation="
                               f"{dilations}, padding={pads}, stride={strides}, expected size of "
                               f"input's dimension 2 to match the calculated number of sliding "
                               f"blocks {size[0]} * {size[1]} = {size[0] * size[1]}, but got "
                               f"input.size(2)={got[-1]}.")
        at.k[0] = 1
        at.k[1] = 2
        at.k[2] = got[-2] // taps if fold else got[-3]
        for i in range(18):
            at.d[i] = 0 if 3 <= i < 6 else 1
        for i in range(2):
            at.d[1 + i] = strides[i]
            at.d[4 + i] = pads[i]
            at.d[7 + i] = dilations[i]
            at.d[10 + i] = inner[i]
            at.d[13 + i] = kernel[i]
            at.d[16 + i] = size[i]
        batched = len(got) == (3 if fold else 4)
        if not batched:
            x = unsqueeze_row(x, 0)
        x = call1(COL2IM if fold else IM2COL, x, &at)
        return wrap_borrowed(x if batched else squeeze_mask(x, 1))
    finally:
        scope_leave(mark)


def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """unfold(input, kernel_size, dilation=1, padding=0, stride=1) -> Tensor

    The blocks that a kernel meets, as columns: [n, c, h, w] (or [c, h, w]) becomes
    [n, c * kh * kw, places].  Zeros stand for what lies outside.

    Example::

        >>> cgrad.nn.functional.unfold(cgrad.arange(4.0).view(1, 1, 2, 2), (1, 2))
        tensor([[[0., 2.],
                 [1., 3.]]])
    """
    if is_handle(input) and input.dtype is dtype_of(BOOL):
        blocks = _unfold(input.float(), None, kernel_size, dilation, padding, stride, False,
                         "unfold")
        return blocks.bool()
    return _unfold(input, None, kernel_size, dilation, padding, stride, False, "unfold")


def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1) -> Tensor

    The transpose of :func:`unfold`: adds up blocks, [n, c * kh * kw, places], into [n, c, h, w].

    Example::

        >>> columns = cgrad.nn.functional.unfold(cgrad.ones(1, 1, 2, 2), 1)
        >>> cgrad.nn.functional.fold(columns, (2, 2), 1)
        tensor([[[[1., 1.],
                  [1., 1.]]]])
    """
    return _unfold(input, output_size, kernel_size, dilation, padding, stride, True, "fold")


for _f in (conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d, conv_transpose3d):
    export(_f, method=False)
