"""Draw the built-in scene in code."""
