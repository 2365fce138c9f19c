"""All cases: importing their modules registers them."""
import networks
import ops
from cases import CASES, use_threads

__all__ = ["CASES", "networks", "ops", "use_threads"]
