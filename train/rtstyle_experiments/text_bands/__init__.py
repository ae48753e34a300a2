"""Plain CLIP against every band of its spectrum."""
