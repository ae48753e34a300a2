"""Pictures in 256 colours of their own, for GIF."""

from fractions import Fraction

import av
from av.filter import Graph

from rtstyle_streams.frame import Pixels

_TICK = Fraction(1, 25)


def with_palette(pixels: Pixels) -> av.VideoFrame:
    """Return a frame with the palette that suits it best, dithered.

    Args:
        pixels: RGB, shape ``(H, W, 3)``, uint8.

    Source:
        FFmpeg, ``palettegen`` (median cut) and ``paletteuse`` (Sierra's dithering).
    """
    frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
    frame.pts = 0
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=_TICK
    )
    split = graph.add("split")
    generate = graph.add("palettegen", reserve_transparent="0")
    use = graph.add("paletteuse")
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(generate, 0, 0)
    split.link_to(use, 1, 0)
    generate.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    graph.vpush(frame)
    graph.vpush(None)
    return graph.vpull()
