"""Scans on the plan's grid: how they get there, and how they are read."""
