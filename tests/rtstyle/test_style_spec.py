"""What `--style` says: names, weights, mixtures."""

from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from rtstyle.errors import UsageError
from rtstyle.gallery.spec import MOST_PARTS, StyleSpec, parse_style


def pairs(spec: StyleSpec) -> list[tuple[str, float]]:
    return [(part.name, round(part.weight, 6)) for part in spec.parts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("scream", [("scream", 1.0)]),
        ("./monet.jpg", [("./monet.jpg", 1.0)]),
        ("monet.jpg:0.6,scream.jpg:0.4", [("monet.jpg", 0.6), ("scream.jpg", 0.4)]),
        ("a:3, b:1", [("a", 0.75), ("b", 0.25)]),
        ("a,b", [("a", 0.5), ("b", 0.5)]),
        ("a:0.5,b:0.25,a:0.25", [("a", 0.75), ("b", 0.25)]),
        ("a:7", [("a", 1.0)]),
        (r"C:\my.jpg", [(r"C:\my.jpg", 1.0)]),
        (r"C:\my.jpg:1,b:1", [(r"C:\my.jpg", 0.5), ("b", 0.5)]),
    ],
)
def test_names_and_weights_are_read(
    text: str, expected: list[tuple[str, float]]
) -> None:
    assert pairs(parse_style(text)) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected NAME or NAME:WEIGHT, got ''"),
        ("a,,b", "expected NAME or NAME:WEIGHT, got ''"),
        (":0.5", "expected NAME or NAME:WEIGHT, got ':0.5'"),
        ("a:0,b:1", "expected a weight above 0 for a, got 0"),
        ("a:-1,b:1", "expected a weight above 0 for a, got -1"),
        ("a:nan,b:1", "expected a weight above 0 for a, got nan"),
        ("a:inf,b:1", "expected a weight above 0 for a, got inf"),
        ("a:0.5,b", "for each style or for none, got none for b"),
        (",".join("abcdefghi"), f"at most {MOST_PARTS} in a mixture, got 9"),
    ],
)
def test_a_mixture_that_makes_no_sense_is_one_line(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        parse_style(text)
    assert "\n" not in str(error.value)


def test_a_file_may_have_commas_and_colons_in_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("monet, 1.jpg:0.5").write_bytes(b"")
    assert pairs(parse_style("monet, 1.jpg:0.5")) == [("monet, 1.jpg:0.5", 1.0)]


@given(st.lists(st.floats(0.001, 1000), min_size=1, max_size=MOST_PARTS))
def test_weights_sum_to_one(weights: list[float]) -> None:
    text = ",".join(f"s{index}:{weight}" for index, weight in enumerate(weights))
    assert sum(part.weight for part in parse_style(text).parts) == pytest.approx(1.0)


def test_titles_leave_folders_and_suffixes_out() -> None:
    assert parse_style("/pictures/monet.jpg").title == "monet"
    assert parse_style("x/monet.jpg:3,scream:1").title == "0.75 monet + 0.25 scream"


def test_a_way_from_one_style_to_another_begins_and_ends_with_them() -> None:
    here, there = parse_style("a:1,b:1"), parse_style("c")
    assert here.toward(there, 0.0) == here
    assert here.toward(there, 1.0) == there
    between = here.toward(there, 0.5)
    assert pairs(between) == [("a", 0.25), ("b", 0.25), ("c", 0.5)]
