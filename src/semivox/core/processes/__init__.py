"""Locks, watchdogs and pools of processes."""
