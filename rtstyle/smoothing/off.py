"""No smoothing at all."""

from rtstyle.smoothing.protocol import State
from rtstyle_streams.frame import Pixels


class Off:
    """Hands every stylized frame on as it is: the same object, bit for bit."""

    def __call__(self, content: Pixels, stylized: Pixels) -> Pixels:
        """Return `stylized` itself."""
        return stylized

    def reset(self) -> None:
        """Do nothing: there is no memory."""

    def state(self) -> State:
        """Return nothing."""
        return {}

    def restore(self, state: State) -> None:
        """Do nothing."""
