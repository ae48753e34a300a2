"""The terms that training minimises, each in a file of its own."""
