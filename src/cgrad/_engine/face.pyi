from collections.abc import Callable
from inspect import Signature
from typing import Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])

public: dict[str, Callable[..., Any]]
methods: dict[str, Callable[..., Any]]

class OpFunction:
    @property
    def __qualname__(self) -> str: ...
    @property
    def __signature__(self) -> Signature: ...
    def __get__(self, instance: object, owner: type | None = None, /) -> Callable[..., Any]: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

def export(function: _F, *names: str, method: bool = True, module: bool = True) -> _F: ...
