"""Run graphs on NVIDIA GPUs: sessions, device memory, tiles."""
