"""Pages, tables and figures: a function of the folders of runs."""
