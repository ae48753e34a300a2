"""Leave frames without smoothing."""

from rtstyle_streams.frame import Pixels


class Off:
    """Returns every stylized frame unchanged: the same object."""

    def __call__(self, content: Pixels, stylized: Pixels) -> Pixels:
        """Return `stylized` itself."""
        return stylized

    def reset(self) -> None:
        """Do nothing: there is no memory."""
