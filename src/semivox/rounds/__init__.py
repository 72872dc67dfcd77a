"""Labeling in rounds: which scan to label next, taking labels back, and training on with them."""
