"""What can go wrong in training; one line for the user each."""

from rtstyle.errors import RtstyleError, UsageError


class TrainError(RtstyleError):
    """Training could not start or go on."""


class ConfigError(UsageError):
    """A recipe or a flag makes no sense as written."""
