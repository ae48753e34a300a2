"""Check the machine and report what is wrong."""
