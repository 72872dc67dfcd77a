"""What a study compares: the grid file, its labeled sets, and the runs it comes to."""
