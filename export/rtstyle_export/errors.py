"""What can go wrong in export; one line for the user each."""

from rtstyle.errors import RtstyleError


class ExportError(RtstyleError):
    """A graph could not be made, or is not faithful to its network."""
