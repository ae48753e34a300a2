"""CLIP: its encoder, its weights, its prompts."""
