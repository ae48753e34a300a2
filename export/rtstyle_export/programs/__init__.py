"""Styles for other programs: FFmpeg, mpv and the browser."""
