"""Compare plain CLIP with every band of its spectrum."""
