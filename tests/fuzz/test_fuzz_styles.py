"""Malformed style files, checkpoints and settings end in one line or are used whole."""

import io
import json
import struct
import zipfile
from random import Random

import onnx
import pytest

from tests.fuzz.checkpoints import changed_header, changed_record
from tests.fuzz.runner import Outcome, fuzz, load_target, make_input
from tests.fuzz.styles import CHANGES

TARGETS = ["styles", "checkpoints", "recipes", "specs", "playlists"]
NUM_INPUTS = {"styles": 400, "checkpoints": 300, "recipes": 150, "specs": 100}
"""In every run of the tests; ``python -m tests.fuzz`` takes ten thousand."""


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_malformed_inputs_end_in_one_line_or_are_used_whole(name: str) -> None:
    report = fuzz(name, num_inputs=NUM_INPUTS.get(name, 80))
    assert not report.failures, report.as_text()
    assert report.counts[Outcome.CLEAN_ERROR] > 10, report.as_text()


@pytest.mark.parametrize("name", TARGETS)
def test_every_seed_is_changed_and_the_same_again(name: str) -> None:
    target = load_target(name)
    seeds = target.seeds()
    numbers = range(len(seeds), len(seeds) + 20)
    once = [make_input(target, seeds, number) for number in numbers]
    assert once == [make_input(target, seeds, number) for number in numbers]
    assert len({made.data for made in once}) > 10


def test_a_changed_graph_is_still_an_onnx_file() -> None:
    seed = load_target("styles").seeds()[0]
    for number, change in enumerate(CHANGES):
        model = onnx.load_from_string(seed.data)
        change(model, Random(number))
        assert onnx.load_from_string(model.SerializeToString()).graph.node


def test_a_changed_header_is_still_in_front_of_the_tensors() -> None:
    data = load_target("checkpoints").seeds()[0].data
    for number in range(30):
        changed = changed_header(data, Random(number))
        (size,) = struct.unpack_from("<Q", changed)
        json.loads(changed[8 : 8 + size])
        (before,) = struct.unpack_from("<Q", data)
        assert changed[8 + size :] == data[8 + before :]


def test_a_changed_record_is_still_in_an_archive() -> None:
    seeds = {seed.name: seed.data for seed in load_target("checkpoints").seeds()}
    for number in range(10):
        changed = changed_record(seeds["plain.pth"], Random(number))
        assert zipfile.is_zipfile(io.BytesIO(changed))
