"""Figures, tables and pictures of a style."""
