"""Find, open, keep open and read cameras, real and virtual."""
