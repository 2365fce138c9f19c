"""All cases: importing their modules registers them."""
import networks
from cases import CASES, use_threads

__all__ = ["CASES", "networks", "use_threads"]
