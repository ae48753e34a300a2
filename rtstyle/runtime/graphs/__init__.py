"""Edit ONNX graphs at run time."""
