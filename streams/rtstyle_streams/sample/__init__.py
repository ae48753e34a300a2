"""The built-in scene, drawn by code."""
