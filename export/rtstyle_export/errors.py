"""Define the errors of export; each message is one line for the user."""

from rtstyle.errors import RtstyleError


class ExportError(RtstyleError):
    """A graph could not be made, or does not match its network."""
