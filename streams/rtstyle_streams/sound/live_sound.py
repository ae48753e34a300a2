"""The sound of a recording of live frames: from a feed into a container."""

from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from rtstyle_streams.frame import Frame
from rtstyle_streams.sound.encoder import CODECS, SoundEncoder
from rtstyle_streams.sound.feed import SoundFeed
from rtstyle_streams.sound.track import SoundTrack

Packets = list["Packet[AudioStream]"]


class LiveSound:
    """One stream of sound in a container that is written while it is heard.

    Args:
        container: As for `SoundEncoder`; `fits` says that it can hold sound.
        heard: Where the sound comes from.
    """

    def __init__(self, container: OutputContainer, heard: SoundFeed) -> None:
        self._encoder, self._track = SoundEncoder(container), SoundTrack(heard)

    @staticmethod
    def fits(container: OutputContainer) -> bool:
        """Return whether a container of this format holds sound."""
        return container.format.name in CODECS

    def until(self, frame: Frame) -> Packets:
        """Return what was heard up to a frame that has just been written."""
        begin = self._track.num_samples
        return self._encoder.encode(self._track.take(frame), begin=begin)

    def rest(self) -> Packets:
        """Return what the encoder holds; hear no more."""
        self.close()
        return self._encoder.flush()

    def close(self) -> None:
        """Hear no more; may be called twice."""
        self._track.close()
