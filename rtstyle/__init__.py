"""Real-time neural video stylization."""

__version__ = "0.1.0"
