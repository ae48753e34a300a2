"""Measure the torch networks on a GPU, with one upload and download per frame."""
