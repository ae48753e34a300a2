"""Load CLIP, find its weights and encode its prompts."""
