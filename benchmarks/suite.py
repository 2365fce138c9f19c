"""All cases: importing their modules registers them."""
import images
import layers
import limit
import loading
import networks
import ops
from cases import CASES, begin

__all__ = ["CASES", "begin", "images", "layers", "loading", "networks", "ops"]

for _name in ("scalar-multiply", "scalar-times-number", "vector-multiply"):
    limit.of_calls(CASES[_name])
# Read the vector forward and backward, write its gradient.
limit.of_bytes(CASES["tanh-1e6"], 3 * 4 * 10**6)
