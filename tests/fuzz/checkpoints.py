"""Malformed weights and checkpoints: read as `rtstyle export` and `import` do."""

import io
import json
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

import torch
from safetensors.torch import save

from rtstyle.errors import RtstyleError
from rtstyle.networks import JohnsonNet, SwiftConfig, SwiftNet
from rtstyle.networks.weights_file import FORMAT, describe_network, load_weights
from rtstyle_export.from_checkpoint import read_state_dict
from rtstyle_export.from_weights import pick_style
from tests.fuzz.mutators import Element, mutated
from tests.fuzz.runner import Outcome, Run, Seed
from tests.fuzz.styles import EXTREMES, VALUES

ROW: Final = {"name": "a", "title": "A", "artist": "", "year": "", "sha256": None}


class Checkpoints:
    """Reads weights, makes their network, or takes a network out of a checkpoint."""

    def seeds(self) -> list[Seed]:
        """Return weights of two networks, and checkpoints in three forms."""
        torch.manual_seed(0)
        johnson, swift = (
            JohnsonNet(width=2),
            SwiftNet(SwiftConfig(channels=8, blocks=1)),
        )
        found = [
            Seed(f"{name}.safetensors", weights_of(network))
            for name, network in (("johnson", johnson), ("swift", swift))
        ]
        tensors = johnson.state_dict()
        wrapped = {
            "epoch": 3,
            "state_dict": {f"module.{k}": v for k, v in tensors.items()},
        }
        for name, held, is_zip in (
            ("plain.pth", tensors, True),
            ("wrapped.pth", wrapped, True),
            ("old.pth", tensors, False),
        ):
            file = io.BytesIO()
            torch.save(held, file, _use_new_zipfile_serialization=is_zip)
            found.append(Seed(name, file.getvalue()))
        return found

    def mutated(self, seed: Seed, other: Seed, random: Random) -> bytes:
        """Change bytes, the header of a safetensors file, or a record of an archive."""
        if random.random() < 0.3:
            return mutated(seed.data, random, other=other.data)
        if seed.name.endswith(".safetensors"):
            return changed_header(seed.data, random)
        if zipfile.is_zipfile(io.BytesIO(seed.data)):
            return changed_record(seed.data, random)
        return mutated(seed.data[:2000], random, other=b"") + seed.data[2000:]

    def run(self, path: Path, folder: Path) -> Run:
        """Read a file; what is read is a network with all its weights."""
        try:
            if path.suffix == ".safetensors":
                network, _ = pick_style(load_weights(path), None)
            else:
                network = JohnsonNet.from_state_dict(read_state_dict(path))
        except RtstyleError as error:
            assert "\n" not in str(error), "an error of several lines"
            return Run(Outcome.CLEAN_ERROR, str(error)[:200])
        except ValueError as error:  # the caller of from_state_dict names the file
            return Run(Outcome.CLEAN_ERROR, str(error)[:200])
        finite = all(bool(t.isfinite().all()) for t in network.state_dict().values())
        return Run(Outcome.SUCCESS, "", {"finite": int(finite)})

    def loss(self, path: Path, run: Run) -> str:
        """Return whether what was read holds what is no number, of a checkpoint."""
        is_checked = path.suffix != ".safetensors"
        return "NaN was read" if is_checked and not run.facts["finite"] else ""


def weights_of(network: torch.nn.Module) -> bytes:
    """Return a weights file of ours."""
    meta = {
        "network": describe_network(network),
        "recipe": {"styles": [ROW]},
        "trained": {},
    }
    tensors = {name: t.contiguous() for name, t in network.state_dict().items()}
    return save(tensors, {"format": FORMAT, "rtstyle": json.dumps(meta)})


def changed_header(data: bytes, random: Random) -> bytes:
    """Change the JSON in front of the tensors, and the JSON within it."""
    try:
        (size,) = struct.unpack_from("<Q", data)
        header: dict[str, Any] = json.loads(data[8 : 8 + size])
        meta = json.loads(header["__metadata__"]["rtstyle"])
    except (ValueError, KeyError, TypeError, struct.error):
        return mutated(data, random, other=b"")
    if random.random() < 0.7:
        _change(meta, random)
        header["__metadata__"]["rtstyle"] = json.dumps(meta)
    else:
        _change(header, random)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + size :]


def _change(value: Any, random: Random) -> None:
    """Change one entry somewhere in JSON."""
    while True:
        inner = [
            entry
            for entry in (value.values() if isinstance(value, dict) else value)
            if isinstance(entry, dict | list) and entry
        ]
        if not inner or random.random() < 0.35:
            break
        value = random.choice(inner)
    keys: Sequence[Any] = list(value) if isinstance(value, dict) else range(len(value))
    if not keys:
        return
    key = random.choice(keys)
    if random.random() < 0.2:
        del value[key]
    else:
        value[key] = random.choice((*VALUES, *EXTREMES))


def changed_record(data: bytes, random: Random) -> bytes:
    """Change, drop or repeat one record of a torch archive."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w") as new:
        entries = old.infolist()
        chosen = random.choice(
            [e for e in entries if e.filename.endswith("data.pkl")]
            if random.random() < 0.7
            else entries
        )
        for entry in entries:
            record = old.read(entry)
            if entry is chosen:
                if random.random() < 0.1:
                    continue
                record = mutated(record, random, other=b"", elements=_opcodes)
            new.writestr(zipfile.ZipInfo(entry.filename), record)
    return made.getvalue()


def _opcodes(data: bytes) -> list[Element]:
    """Return pieces of eight bytes: about an instruction of a pickle each."""
    return [
        Element(at, at + 1, min(at + 8, len(data))) for at in range(0, len(data), 8)
    ]
