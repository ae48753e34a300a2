"""Playlists and other texts that name files: nothing that they name is read."""

import os
from pathlib import Path
from random import Random
from typing import Final

from rtstyle_streams.errors import StreamError
from rtstyle_streams.opening import open_source
from tests.fuzz.mutators import mutated
from tests.fuzz.runner import Outcome, Run, Seed

CALLED: Final = "SECRET"
"""Name of the neighbour that no playlist may have read."""
HLS: Final = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n"
MASTER: Final = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{}\n"
CONCAT: Final = "ffconcat version 1.0\nfile '{}'\n"
DASH: Final = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">'
    '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1">'
    "<BaseURL>{}</BaseURL></Representation></AdaptationSet></Period></MPD>"
)
SDP: Final = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns={}\nm=video 9 RTP/AVP 96\n"
FORMS: Final = {
    "hls": HLS,
    "master": MASTER,
    "concat": CONCAT,
    "dash": DASH,
    "sdp": SDP,
}
TARGETS: Final = (
    *(CALLED, f"file:{CALLED}", "http://127.0.0.1:9/x.ts", "data:text/plain,abc"),
    *("/dev/zero", "concat:a|b", "subfile,,start,0,end,9,,:x", "../x", "crypto:x"),
)


class Playlists:
    """Opens a playlist as a film, with a pipe beside it that nobody may open."""

    def seeds(self) -> list[Seed]:
        """Return playlists of five kinds, named as what they are and as films."""
        return [
            Seed(f"{kind}_{number}{suffix}", form.format(target).encode())
            for kind, form in FORMS.items()
            for number, target in enumerate(TARGETS[:4])
            for suffix in (".mp4", ".m3u8")
        ]

    def mutated(self, seed: Seed, other: Seed, random: Random) -> bytes:
        """Change bytes, or name another target."""
        text = seed.data
        for target in TARGETS:
            if random.random() < 0.3:
                text = text.replace(target.encode(), random.choice(TARGETS).encode())
        if random.random() < 0.4:
            return mutated(text, random, other=other.data)
        lines = text.split(b"\n")
        lines.insert(random.randrange(len(lines)), random.choice(lines))
        return b"\n".join(lines)

    def run(self, path: Path, folder: Path) -> Run:
        """Open a playlist; a pipe that somebody opens would hold him for ever."""
        os.mkfifo(path.parent / CALLED)
        try:
            with open_source(str(path)) as source:
                for _ in source:
                    pass
        except StreamError as error:
            return Run(Outcome.CLEAN_ERROR, str(error)[:200])
        return Run(Outcome.SUCCESS)

    def loss(self, path: Path, run: Run) -> str:
        """Return that it was read: a text holds no film."""
        return "a text was read as a film"
