"""The hidden folder beside an output in which it grows, and what is kept there."""

import hashlib
import io
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from rtstyle.offline.folder_lock import FolderLock, holder_of
from rtstyle.offline.journal import Identity, Journal, difference
from rtstyle.offline.unfinished import forget, remember
from rtstyle.smoothing.protocol import State
from rtstyle.user_files import write_whole
from rtstyle_streams.errors import SinkError
from rtstyle_streams.part_file import cannot_write
from rtstyle_streams.video.read_mark import ReadMark
from rtstyle_streams.video.segmented_writer import Segment

log = logging.getLogger(__name__)

NUM_STATES: Final = 3
"""How many states of the smoothing are kept; the last one is enough, unless a segment
is damaged."""
MOST_NAME_BYTES: Final = 200
"""Of an output whose name the folder bears; no file system takes more than 255."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a film is, and how to go on from there."""

    segments: tuple[Path, ...] = ()
    """Packets of the whole segments, in order."""
    num_frames: int = 0
    """Frames in them."""
    mark: ReadMark | None = None
    """Where reading goes on; None at the beginning."""
    state: State | None = None
    """What the stylizer remembered there."""


class WorkFolder:
    """Keeps segments of one film from run to run; a context manager.

    It is removed when its block ends well, or when there is nothing in it to go on
    with.

    Args:
        target: The film; its folder exists.

    Raises:
        SinkError: another run writes the same film, or the disk refuses.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = folder_beside(target)
        """The folder."""
        try:
            self._lock = FolderLock(self.path)
        except BlockingIOError:
            raise SinkError(
                f"{target}: expected no other run that writes this file, found process "
                f"{holder_of(self.path)}; wait for it, or choose another name"
            ) from None
        except OSError as error:
            raise cannot_write(target, error) from error
        for path in self.path.glob("*.part*"):  # an earlier run's, which has ended
            path.unlink(missing_ok=True)
        self._journal = Journal(self.path / "journal")
        self._num_segments = 0

    def begin(self, identity: Identity) -> Progress:
        """Return how far an earlier run of the same film came.

        What another film left is thrown away; it is said what is another.

        Raises:
            SinkError: the disk refuses.
        """
        try:
            before, records = self._journal.read()
            if before == identity and (progress := self._progress(records)):
                return progress
            if before is not None and before != identity:
                reason = difference(before, identity)
                log.warning("%s: begun with %s; starting anew", self.target, reason)
            elif any(self.path.glob("*.packets")):
                why = "the journal is damaged" if before is None else "no state is kept"
                log.warning("%s: %s; starting anew", self.target, why)
            self._clear()
            self._journal.begin(identity)
        except OSError as error:
            raise cannot_write(self.target, error) from error
        return Progress()

    def add(self, segment: Segment, mark: ReadMark, state: State) -> None:
        """Note a segment that is whole, and what is needed to go on behind it.

        Raises:
            SinkError: the disk refuses.
        """
        try:
            name = f"state-{segment.number:06}.npz"
            digest = _write_state(self.path / name, state)
            record = {"number": segment.number, "sha256": segment.sha256}
            record |= {"num_frames": segment.num_frames, "mark": asdict(mark)}
            self._journal.append(record | {"state": digest})
            old = self.path / f"state-{segment.number - NUM_STATES:06}.npz"
            old.unlink(missing_ok=True)
        except OSError as error:
            raise cannot_write(self.target, error) from error
        if not self._num_segments:
            remember(self.path)
        self._num_segments = segment.number + 1

    def begin_parts(self, identity: Identity) -> dict[int, Path]:
        """Return the whole segments of an earlier run of the same film, by number.

        As `begin`, for a run that makes segments in any order and needs no states.

        Raises:
            SinkError: the disk refuses.
        """
        try:
            before, records = self._journal.read()
            if before == identity:
                paths = {r["number"]: self._path_of(r) for r in records}
                hashes = {r["number"]: r["sha256"] for r in records}
                whole = {n: p for n, p in paths.items() if _sha256(p) == hashes[n]}
                self._num_segments = len(whole)
                return whole
            if before is not None:
                reason = difference(before, identity)
                log.warning("%s: begun with %s; starting anew", self.target, reason)
            self._clear()
            self._journal.begin(identity)
        except OSError as error:
            raise cannot_write(self.target, error) from error
        return {}

    def add_part(self, number: int, data: bytes, *, num_frames: int) -> Path:
        """Keep a segment that was made elsewhere, and note it.

        Raises:
            SinkError: the disk refuses.
        """
        path = self._path_of({"number": number})
        try:
            write_whole(path, data)
            digest = hashlib.sha256(data).hexdigest()
            record = {"number": number, "sha256": digest, "num_frames": num_frames}
            self._journal.append(record | {"mark": None, "state": ""})
        except OSError as error:
            raise cannot_write(self.target, error) from error
        remember(self.path)
        self._num_segments += 1
        return path

    def close(self, *, is_done: bool) -> None:
        """Let others in; remove the folder if the film is whole or has no segment."""
        if sys.platform == "win32":  # where an open file cannot be removed
            self._lock.release()
        if is_done or not self._num_segments:
            forget(self.path)
            shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the folder after a normal end; else say that it can go on."""
        self.close(is_done=kind is None)
        if kind is not None and self._num_segments:
            log.warning(
                "%s: %d segments are kept; the same command goes on behind them",
                self.target,
                self._num_segments,
            )

    def _progress(self, records: list[dict[str, Any]]) -> Progress | None:
        """Return how far the whole segments reach that a state is there for."""
        whole = list(self._whole(records))
        while whole and (state := self._state(whole[-1])) is None:
            log.warning("%s: a kept state is damaged; going further back", self.target)
            whole.pop()
        if not whole:
            return None
        if len(whole) < len(records):  # what is behind them is made again
            log.warning(
                "%s: segment %d is damaged; going on before it",
                self.target,
                len(whole) + 1,
            )
            self._journal.read(num_records=len(whole))
        self._num_segments = len(whole)
        self._remove_behind(len(whole))
        mark = whole[-1]["mark"]
        return Progress(
            segments=tuple(self._path_of(record) for record in whole),
            num_frames=sum(record["num_frames"] for record in whole),
            mark=ReadMark(
                index=mark["index"],
                pts=tuple(mark["pts"]),
                checksums=tuple(mark["checksums"]),
                is_plain=mark["is_plain"],
            ),
            state=state,
        )

    def _whole(self, records: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for number, record in enumerate(records):
            path = self._path_of(record)
            if record["number"] != number or not record["state"]:
                return  # made by a cluster
            if _sha256(path) != record["sha256"]:
                return
            yield record

    def _path_of(self, record: dict[str, Any]) -> Path:
        return self.path / f"segment-{record['number']:06}.packets"

    def _state(self, record: dict[str, Any]) -> State | None:
        path = self.path / f"state-{record['number']:06}.npz"
        try:
            data = path.read_bytes()
        except OSError:
            return None
        if hashlib.sha256(data).hexdigest() != record["state"]:
            return None
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}

    def _remove_behind(self, num_segments: int) -> None:
        """Remove segments that are not in the journal."""
        for path in self.path.glob("segment-*.packets"):
            if int(path.stem.rpartition("-")[2]) >= num_segments:
                path.unlink(missing_ok=True)

    def _clear(self) -> None:
        for pattern in ("journal", "segment-*.packets", "state-*.npz"):
            for path in self.path.glob(pattern):
                path.unlink(missing_ok=True)


def folder_beside(target: Path) -> Path:
    """Return the folder in which `target` grows, on the disk where it will be."""
    place = Path(os.path.realpath(target))
    name = place.name
    if len(os.fsencode(name)) > MOST_NAME_BYTES:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()[:32]
    return place.with_name(f".{name}.rtstyle")


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _write_state(path: Path, state: State) -> str:
    """Write arrays, wait until they are on the disk, and return the file's SHA-256."""
    buffer = io.BytesIO()
    np.savez(buffer, **state)  # type: ignore[arg-type]
    data = buffer.getvalue()
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return hashlib.sha256(data).hexdigest()
