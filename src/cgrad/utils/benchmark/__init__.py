"""Measuring how long statements take, and comparing."""
from cgrad.utils.benchmark._compare import Compare
from cgrad.utils.benchmark._timer import Language, Measurement, Timer

__all__ = ["Compare", "Language", "Measurement", "Timer"]
