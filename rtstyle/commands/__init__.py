"""The core's commands; each module imports nothing heavy until it is called."""
