"""Train and test a small CLIP of our own on rendered pictures with captions."""
