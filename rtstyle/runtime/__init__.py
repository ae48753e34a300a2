"""Runs a style file's graph: the same calls on every device."""

from rtstyle.runtime.choose import open_session, resolve_device
from rtstyle.runtime.protocol import Arrays, Session

__all__ = ["Arrays", "Session", "open_session", "resolve_device"]
