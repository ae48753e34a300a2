"""A small CLIP of our own: rendered pictures with captions, its training, its tests."""
