"""Learns styles: losses, data, training loop, recipes."""
