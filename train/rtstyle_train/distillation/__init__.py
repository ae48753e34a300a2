"""A small loss network that sees like a large one."""
