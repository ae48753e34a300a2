"""How long painters take that learn nothing, beside a style's network."""
