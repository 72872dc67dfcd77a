"""The built-in data set: CT scans of invented hips."""

from semivox.data.phantom.scans import scan
from semivox.data.phantom.sets import write, write_of_two_scanners

__all__ = ["scan", "write", "write_of_two_scanners"]
