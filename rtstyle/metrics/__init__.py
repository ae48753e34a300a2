"""Figures: how old a frame is, how much a film flickers."""
