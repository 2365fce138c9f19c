"""AdamW, by the name of the module in which programs look for it."""
from cgrad.optim.adam import AdamW

__all__ = ["AdamW"]
