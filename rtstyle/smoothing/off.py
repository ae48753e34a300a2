"""No smoothing at all."""

from rtstyle_streams.frame import Pixels


class Off:
    """Hands every stylized frame on as it is: the same object, bit for bit."""

    def __call__(self, content: Pixels, stylized: Pixels) -> Pixels:
        """Return `stylized` itself."""
        return stylized

    def reset(self) -> None:
        """Do nothing: there is no memory."""
