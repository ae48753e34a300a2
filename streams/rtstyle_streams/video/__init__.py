"""Video files: read, decoded, encoded and written with all that lies beside the frames."""
