"""Hold experiments, which are in the repository but not in the wheel."""
