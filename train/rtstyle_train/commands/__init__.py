"""The commands of training; each imports nothing heavy until it is called."""
