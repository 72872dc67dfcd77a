"""The runs of a study: arranged once, then a process each."""
