from typing import Any

from cgrad._tensor.tensor import Tensor

class StorageRef: ...

def from_dlpack(ext_tensor: Any) -> Tensor: ...
