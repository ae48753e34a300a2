"""Files: every frame once, in order."""
