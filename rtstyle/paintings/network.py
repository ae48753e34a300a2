"""The network for paintings: a transform net and the encoder that modulates it."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from rtstyle.errors import StyleFileError
from rtstyle.paintings.cache import Modulation
from rtstyle.paintings.pair import (
    BASE_NAME,
    ENCODER_KEY,
    ENCODER_NAME,
    ENCODER_VERSION,
    MODULATION_OUTPUT,
    PAINTING_INPUT,
)
from rtstyle.runtime.onnxruntime import OrtSession
from rtstyle.style_file import Style, graph_sha256, read_style, with_card
from rtstyle.untrusted.graph import check_graph, parse_model
from rtstyle_streams.frame import Pixels

VARIABLE = "RTSTYLE_PAINTING_NETWORK"
"""Environment variable: a folder that holds another pair of files."""
SIDE = 384
"""Side at which a painting is shown when the encoder does not name one, in pixels."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A part of the modulation and the initializer that it replaces."""

    name: str
    """Of the initializer."""
    offset: int
    """Where its numbers begin in the modulation."""
    count: int
    """How many they are."""


@dataclass(frozen=True, slots=True)
class PaintingNetwork:
    """A transform net that takes any painting's modulation, and what gives it."""

    base: Style
    """The transform net, in the modulation that it was exported with."""
    slots: tuple[Slot, ...]
    """Where the modulation goes."""
    neutral: Modulation
    """The modulation of an average photograph: changes least."""
    encoder: bytes
    """From a painting to its modulation: a serialised ONNX model."""
    encoder_sha256: str
    """Of `encoder`."""
    sha256: str
    """Of the graph of `base`."""
    side: int
    """Side of the square that a painting shown to the encoder has the area of."""

    def encode(self, painting: Pixels) -> Modulation:
        """Return the modulation of a painting: about 0.1 s, once for each painting.

        Args:
            painting: RGB, shape ``(H, W, 3)``, uint8, at least 64 pixels to a side.

        Raises:
            StyleFileError: the encoder gave something else.
        """
        session = OrtSession(self.encoder, device="cpu", threads=1)  # frames go on
        found = session.run({PAINTING_INPUT: painting}).get(MODULATION_OUTPUT)
        session.close()
        if (
            found is None
            or found.shape != self.neutral.shape
            or not np.isfinite(found).all()
        ):
            raise StyleFileError(
                f"{ENCODER_NAME}: expected {self.neutral.size} finite numbers named "
                f"{MODULATION_OUTPUT!r}, got others; is it the encoder of {BASE_NAME}?"
            )
        return found.astype(np.float32)

    def fold(self, modulation: Modulation, card: dict[str, Any]) -> Style:
        """Return the transform net with `modulation` in its weights: a few ms.

        Args:
            modulation: Shape ``(M,)``.
            card: Its ``name``, ``title`` and whatever else differs from the base's.
        """
        model = onnx.load_from_string(self.base.model)
        tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        for slot in self.slots:
            part = modulation[slot.offset : slot.offset + slot.count]
            tensor = tensors[slot.name]
            tensor.ClearField("float_data")
            tensor.raw_data = part.astype("<f4").tobytes()
        kept = {key: v for key, v in self.base.card.items() if key != "modulation"}
        whole = kept | card
        data = with_card(model.SerializeToString(), whole)
        return Style(whole["name"], data, whole, modulation=modulation)


def mixed(modulations: Sequence[tuple[Modulation, float]]) -> Modulation:
    """Return the sum of modulations by weight; the weights' sum is 1."""
    total = np.zeros_like(modulations[0][0])
    for modulation, weight in modulations:
        total += np.float32(weight) * modulation
    return total


def network_folder() -> Path:
    """Return where the pair of files is: in the package, or where `VARIABLE` says."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else Path(str(resources.files("rtstyle") / "paintings"))


def painting_network(folder: Path | None = None) -> PaintingNetwork:
    """Read the network for paintings and check that its two files belong together.

    Args:
        folder: Holds both; None is `network_folder`.

    Raises:
        StyleFileError: one is missing or broken, or they are not a pair.
    """
    folder = folder or network_folder()
    stamps = []
    for name in (BASE_NAME, ENCODER_NAME):
        try:
            stamps.append((folder / name).stat().st_mtime_ns)
        except OSError as error:
            raise StyleFileError(
                f"{folder / name}: expected the network for paintings, found none "
                f"({error.strerror}); install rtstyle anew, or set {VARIABLE} to a "
                "folder that holds one"
            ) from error
    return _read_network(folder, tuple(stamps))


@lru_cache(maxsize=2)
def _read_network(folder: Path, stamps: tuple[int, ...]) -> PaintingNetwork:
    """Read both files; once for each version of them."""
    base = read_style(folder / BASE_NAME)
    encoder = (folder / ENCODER_NAME).read_bytes()
    facts = _encoder_facts(encoder, where=str(folder / ENCODER_NAME))
    slots, neutral = _slots(base, where=str(folder / BASE_NAME))
    graph = graph_sha256(base.model)
    where = str(folder / ENCODER_NAME)
    _check_pair(facts, base, graph, size=neutral.size, where=where)
    return PaintingNetwork(
        base,
        slots,
        neutral,
        encoder,
        encoder_sha256=hashlib.sha256(encoder).hexdigest(),
        sha256=graph,
        side=int(facts.get("side", SIDE)),
    )


def _encoder_facts(data: bytes, *, where: str) -> dict[str, Any]:
    """Return what an encoder says about itself, of the version that is read here."""
    model = parse_model(data, where=where)
    check_graph(model, where=where)
    try:
        texts = {entry.key: entry.value for entry in model.metadata_props}
        facts: dict[str, Any] = json.loads(texts[ENCODER_KEY])
        version, _ = facts["version"], int(facts["size"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise StyleFileError(
            f"{where}: expected a style encoder with {ENCODER_KEY!r} in its metadata, "
            f"got another file ({error!r})"
        ) from error
    if version != ENCODER_VERSION:
        raise StyleFileError(
            f"{where}: expected version {ENCODER_VERSION}, got {version}; export it "
            "again with this version of rtstyle"
        )
    return facts


def _check_pair(
    facts: dict[str, Any], base: Style, graph: str, *, size: int, where: str
) -> None:
    """Refuse an encoder that was made for another transform net than `base`.

    Older encoders name the whole file, card included, newer ones its graph.
    """
    made_for = str(facts.get("for", graph))
    if facts["size"] != size:
        wanted, got = f"{size} numbers", facts["size"]
    elif made_for not in (graph, hashlib.sha256(base.model).hexdigest()):
        wanted, got = f"SHA-256 {graph[:12]}", made_for[:12]
    else:
        return
    raise StyleFileError(
        f"{where}: expected the encoder of the {BASE_NAME} beside it ({wanted}), "
        f"got that of another ({got}); export both together"
    )


def _slots(base: Style, *, where: str) -> tuple[tuple[Slot, ...], Modulation]:
    """Return where the modulation goes, and the neutral one.

    Raises:
        StyleFileError: the card does not say it, or says what the graph has not.
    """
    try:
        facts = base.card["modulation"]
        slots = tuple(
            Slot(str(name), int(offset), int(count))
            for name, offset, count in facts["tensors"]
        )
        neutral = np.array(facts["neutral"], np.float32)
        size = int(facts["size"])
    except (KeyError, TypeError, ValueError) as error:
        raise StyleFileError(
            f"{where}: expected a card that tells where a modulation goes, "
            f"got {error!r}"
        ) from error
    model = onnx.load_from_string(base.model)
    floats = {
        tensor.name: int(np.prod(tensor.dims))
        for tensor in model.graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT
    }
    for slot in slots:
        is_inside = 0 <= slot.offset and slot.offset + slot.count <= size
        if floats.get(slot.name) != slot.count or not is_inside:
            raise StyleFileError(
                f"{where}: expected {slot.count} float32 numbers in the initializer "
                f"{slot.name!r}, from number {slot.offset} of {size}; the graph has "
                f"{floats.get(slot.name, 'none')}"
            )
    if neutral.shape != (size,) or not slots:
        raise StyleFileError(
            f"{where}: expected a neutral modulation of {size} numbers, "
            f"got {neutral.size}"
        )
    return slots, neutral
