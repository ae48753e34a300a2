"""Measure flicker, drift, sharpness and likeness of pictures and films."""
