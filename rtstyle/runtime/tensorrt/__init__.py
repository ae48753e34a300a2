"""Build, cache and run TensorRT engines."""
