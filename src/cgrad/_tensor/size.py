"""Small Python types of the tensor's face: Size and device."""


class Size(tuple):
    """The shape of a tensor: a tuple of ints with :meth:`numel`.

    Example::

        >>> cgrad.Size([2, 3]).numel()
        6
    """

    __slots__ = ()

    def numel(self):
        """Product of the sizes."""
        n = 1
        for s in self:
            n *= s
        return n

    def __repr__(self):
        return f"cgrad.Size({list(self)})"

    def __getitem__(self, i):
        x = tuple.__getitem__(self, i)
        return Size(x) if isinstance(i, slice) else x

    def __add__(self, other):
        return Size(tuple.__add__(self, other))

    def __reduce__(self):
        return Size, (tuple(self),)


class device:
    """Where a tensor lives: always the CPU.

    >>> import cgrad
    >>> cgrad.device("cpu")
    device(type='cpu')
    """

    __slots__ = ("index", "type")

    def __init__(self, type="cpu", index=None):
        if isinstance(type, int) and not isinstance(type, bool):
            type, index = "cuda", type          # a number alone is one of an accelerator
        name = str(type.type if isinstance(type, device) else type)
        kind, _, number = name.partition(":")
        known = ("cpu", "cuda", "mps", "xpu", "meta", "hip", "xla", "vulkan")
        if kind not in known or (number and not number.isdigit()):
            raise RuntimeError(f"Invalid device string: {name!r}; the only device is 'cpu'")
        self.type = kind
        self.index = int(number) if number else index

    def __repr__(self):
        if self.index is None:
            return f"device(type={self.type!r})"
        return f"device(type={self.type!r}, index={self.index})"

    def __str__(self):
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other):
        return isinstance(other, device) and str(self) == str(other)

    def __hash__(self):
        return hash(str(self))

    def __enter__(self):
        # In this block PyTorch makes tensors on this device.
        if self.type != "cpu":
            raise RuntimeError(f"device {str(self)!r}: cgrad computes on the CPU only; use "
                               "device='cpu' (cgrad.cuda.is_available() is False)")
        return self

    def __exit__(self, *error):
        return None

    def __reduce__(self):
        return device, (str(self),)


cpu = device("cpu")


class layout:
    """How the elements of a tensor are stored; the only one is ``cgrad.strided``."""

    def __init__(self, name):
        self._name = name

    def __repr__(self):
        return f"cgrad.{self._name}"

    def __reduce__(self):
        return self._name


class memory_format(layout):
    """An order of dimensions in memory: accepted where PyTorch has it; results are row-major."""


strided = layout("strided")
contiguous_format, preserve_format, channels_last, channels_last_3d = map(memory_format, (
    "contiguous_format", "preserve_format", "channels_last", "channels_last_3d"))
