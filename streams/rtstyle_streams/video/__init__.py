"""Video files: read, decoded, encoded and written, with all beside the frames."""
