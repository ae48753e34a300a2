"""Twins that compute in bytes."""
