"""From prepared cases to the batches of a step, the same ones whoever makes them."""
