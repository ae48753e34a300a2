"""Which tags of a file its copy can hold."""

import re
from collections.abc import Mapping

from rtstyle_streams.video.reader import VideoReader

CONTAINER_TAGS = frozenset(
    ("major_brand", "minor_version", "compatible_brands", "encoder", "duration")
)
"""Written by the muxer itself, so they are never copied."""
# About the encoded stream as it was; the names may end in a language (BPS-eng).
_STALE = frozenset(
    """encoder duration bps rotate number_of_frames number_of_bytes alpha_mode
    _statistics_writing_app _statistics_writing_date_utc _statistics_tags""".split()
)
# The iTunes tags of FFmpeg's mp4 muxer (libavformat/movenc.c, mov_write_ilst_tag).
_ITUNES = frozenset(
    """title artist album_artist composer album date comment genre copyright grouping
    lyrics description synopsis show episode_id network keywords episode_sort
    season_number media_type hd_video gapless_playback compilation track disc tmpo
    creation_time timecode""".split()
)


def custom_tags(template: VideoReader) -> list[str]:
    """Return the names of the tags for which mp4 has no place of its own."""
    known = CONTAINER_TAGS | _ITUNES
    return sorted(key for key in template.tags if key.lower() not in known)


def wants_key_table(format_name: str, template: VideoReader | None) -> bool:
    """Return whether an mp4 needs a table of free keys instead of iTunes tags.

    The table has no place for cover art; with a cover the iTunes tags stay, and
    `lost_tags` names the others.
    """
    is_mp4 = format_name in ("mp4", "mov")
    if not is_mp4 or template is None or template.has_cover:
        return False
    return bool(custom_tags(template))


def lost_tags(format_name: str, template: VideoReader) -> list[str]:
    """Return the names of the tags that the copy will not hold."""
    if format_name not in ("mp4", "mov") or not template.has_cover:
        return []
    return custom_tags(template)


def kept_video_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a video stream that are true of its stylized copy too."""
    return {
        key: value
        for key, value in tags.items()
        if re.sub(r"-[a-z]{2,3}$", "", key.lower()) not in _STALE
    }
