"""Several runs together: the main job, and its report."""
