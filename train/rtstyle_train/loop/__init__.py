"""Run trainings: steps, optimisers, checkpoints, starts."""
