"""Devices besides the CPU and CUDA: names, providers, and sessions there."""
