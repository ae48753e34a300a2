"""Streams by URL: as cameras, and as outputs."""
