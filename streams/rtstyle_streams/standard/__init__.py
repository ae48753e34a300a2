"""Standard input and output as files: ``-``."""
