"""Painted frames of a film: found, registered, carried along the motion, joined."""
