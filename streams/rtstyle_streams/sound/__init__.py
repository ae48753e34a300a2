"""Sound beside live frames: heard once, written by whoever wants it."""
