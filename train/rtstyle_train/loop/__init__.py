"""The training loop: steps, optimisers, checkpoints, starts."""
