"""The training loop, checkpoints, log, released models and the forecast of cost."""
