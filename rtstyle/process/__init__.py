"""What this process is to the system: its output streams and its signals."""
