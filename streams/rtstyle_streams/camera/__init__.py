"""Cameras, real and virtual: found, opened, kept open and read."""
