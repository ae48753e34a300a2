"""Figures that say how good a stylized picture is, one file for each family."""
