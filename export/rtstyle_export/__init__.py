"""Turn a trained network into a style file or an engine."""
