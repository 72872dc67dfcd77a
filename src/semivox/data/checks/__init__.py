"""What is wrong with scans and labels, with the fix: each case alone, and all of them together."""

from semivox.data.checks.run import check

__all__ = ["check"]
