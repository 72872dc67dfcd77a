"""How patches are varied during training."""
