"""Recipes: every knob of a training, read and checked."""
