"""Cameras: the newest frame wins."""
