"""All cases: importing their modules registers them."""
import images
import loading
import networks
import ops
from cases import CASES, use_threads

__all__ = ["CASES", "images", "loading", "networks", "ops", "use_threads"]
