"""Pure functions of tensors and arrays: losses, uncertainty, ramps, similarity, distances."""
