"""What can go wrong in the product; each text is one line for the user."""


class RtstyleError(Exception):
    """Any failure that is the user's to know; shown as one line, exit status 1."""

    def __str__(self) -> str:
        """Return the text as one line, whatever it quotes."""
        return " ".join(super().__str__().split())


class UsageError(RtstyleError, ValueError):
    """The command line or a call makes no sense as written; exit status 2."""


class StyleFileError(RtstyleError, ValueError):
    """A style file is missing, broken or of another kind."""


class GraphError(RtstyleError, ValueError):
    """A graph is no swift net, or not laid out as this version does it."""


class RuntimeUnavailableError(RtstyleError, RuntimeError):
    """A runtime or device that was asked for by name cannot run here."""


class MissingExtraError(RtstyleError, ImportError):
    """A command needs a package of an extra that is not installed."""


def missing_extra(why: str, module: str, extra: str) -> MissingExtraError:
    """Return the error that names the extra to install."""
    return MissingExtraError(
        f"{why} needs {module}, which is not installed. "
        f"Install it with: pip install 'rtstyle[{extra}]'"
    )


class WeightsFileError(RtstyleError, ValueError):
    """A file of trained weights is missing, broken or of another kind."""
