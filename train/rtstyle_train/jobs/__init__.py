"""What a training command does, from checked inputs to weights."""
