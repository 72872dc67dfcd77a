"""Open data sets with labels, for those who have no scans at hand: where they are, their licenses, and getting them."""
