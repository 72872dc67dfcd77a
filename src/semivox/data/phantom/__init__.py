"""The built-in data set: CT scans of invented hips."""

from semivox.data.phantom.scans import scan, write

__all__ = ["scan", "write"]
