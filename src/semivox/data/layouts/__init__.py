"""What stands in a data folder, in any of the known layouts."""

from semivox.data.layouts.recognize import default_split, find

__all__ = ["default_split", "find"]
