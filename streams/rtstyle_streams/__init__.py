"""Where frames come from and go to: files, pictures, cameras, windows."""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# OpenCV reads this once, when it is loaded: no decoder of it then makes room for more
# pixels than `pictures.picture_file.MOST_PIXELS`, whatever a header said before.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", "128000000")
# What its decoders log about a broken file is said by us, in one line.
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")

if TYPE_CHECKING:
    from rtstyle_streams.camera.virtual_camera import VirtualCamera
    from rtstyle_streams.camera.webcam import Webcam
    from rtstyle_streams.frame import Frame, Pixels
    from rtstyle_streams.memory import ListSink, ListSource, NullSink
    from rtstyle_streams.opening import open_sink, open_source
    from rtstyle_streams.pictures.images import ImageSink, ImageSource
    from rtstyle_streams.protocols import Sink, Source, StreamInfo
    from rtstyle_streams.sample.source import SampleSource
    from rtstyle_streams.video.reader import VideoReader
    from rtstyle_streams.video.writer import VideoWriter
    from rtstyle_streams.window import Window

__all__ = [
    "Frame",
    "ImageSink",
    "ImageSource",
    "ListSink",
    "ListSource",
    "NullSink",
    "Pixels",
    "SampleSource",
    "Sink",
    "Source",
    "StreamInfo",
    "VideoReader",
    "VideoWriter",
    "VirtualCamera",
    "Webcam",
    "Window",
    "open_sink",
    "open_source",
]

_HOME = {
    "Frame": "frame",
    "ImageSink": "pictures.images",
    "ImageSource": "pictures.images",
    "ListSink": "memory",
    "ListSource": "memory",
    "NullSink": "memory",
    "Pixels": "frame",
    "SampleSource": "sample.source",
    "Sink": "protocols",
    "Source": "protocols",
    "StreamInfo": "protocols",
    "VideoReader": "video.reader",
    "VideoWriter": "video.writer",
    "VirtualCamera": "camera.virtual_camera",
    "Webcam": "camera.webcam",
    "Window": "window",
    "open_sink": "opening",
    "open_source": "opening",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used; av and cv2 take their time."""
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
