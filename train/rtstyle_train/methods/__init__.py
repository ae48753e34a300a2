"""Which network, which losses, which schedule: one file for each way to learn."""
