"""Define the terms that training minimises, one per file."""
