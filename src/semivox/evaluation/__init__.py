"""Scores of a case, intervals and paired comparisons."""
