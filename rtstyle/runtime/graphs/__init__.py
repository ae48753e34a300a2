"""Edits of ONNX graphs that run time needs."""
