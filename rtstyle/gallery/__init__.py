"""Styles by name: found, added, and mixed."""
