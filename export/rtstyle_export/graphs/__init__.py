"""Edits and assembly of ONNX graphs that export needs."""
