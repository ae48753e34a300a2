"""Looks at the machine and says what is wrong."""
