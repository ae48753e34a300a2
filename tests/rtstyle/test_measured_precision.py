"""What `--precision auto` means on this machine."""

import json
from pathlib import Path

import pytest

from rtstyle.runtime.device import int8_kernel
from rtstyle.runtime.measure import cache_file
from rtstyle.style_file import Style, graph_sha256, read_style, with_card
from rtstyle.stylizer import precision
from rtstyle.stylizer.precision import VARIABLE, with_quickest_precision
from rtstyle.twins import TWIN_OF
from tests.tiny_styles import CARD, negative_model


@pytest.fixture
def style(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Style:
    """A style with an int8 twin, in an environment that measures."""
    monkeypatch.delenv(VARIABLE)
    path = tmp_path / "s.onnx"
    facts = {"name": "s", "precision": "fp32", "network": {"kind": "swift"}}
    path.write_bytes(with_card(negative_model(), CARD | facts))
    style = read_style(path)
    twin = CARD | facts | {"precision": "int8", TWIN_OF: graph_sha256(style.model)}
    (tmp_path / "s.int8.onnx").write_bytes(with_card(negative_model(opset=17), twin))
    return style


def chosen(style: Style, name: str = "auto", device: str = "cpu") -> str:
    return str(with_quickest_precision(style, name, device=device).card["precision"])


@pytest.mark.parametrize("quicker", ["int8", "fp32"])
def test_auto_takes_the_quicker_one_and_remembers_it(
    style: Style, quicker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = {"int8": 2.0, "fp32": 2.0} | {quicker: 1.0}
    monkeypatch.setattr(precision, "measure_ms", lambda sessions, lines: times)
    assert chosen(style) == quicker
    monkeypatch.setattr(precision, "measure_ms", None)
    assert chosen(style) == quicker, "it was measured again"
    assert list(json.loads(cache_file().read_text("utf-8")).values()) == [quicker]


def test_the_measurement_is_made_for_real(style: Style) -> None:
    assert chosen(style) in ("int8", "fp32")


@pytest.mark.parametrize("name", ["int8", "fp32"])
def test_the_environment_says_it_instead(
    style: Style, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "measure_ms", None)
    monkeypatch.setenv(VARIABLE, name)
    assert chosen(style) == name


def test_what_is_asked_for_by_name_is_not_measured(
    style: Style, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "measure_ms", None)
    assert chosen(style, "int8") == "int8"
    assert chosen(style, "fp32") == "fp32"
    assert chosen(style, device="cuda:0") == "fp32"


def test_a_broken_memory_is_measured_anew(style: Style) -> None:
    first = chosen(style)
    kept = json.loads(cache_file().read_text("utf-8"))
    cache_file().write_text(json.dumps(dict.fromkeys(kept, "int3")), "utf-8")
    assert chosen(style) in ("int8", "fp32")
    assert first in ("int8", "fp32")
    assert "int3" not in cache_file().read_text("utf-8")


@pytest.mark.parametrize(
    ("flags", "kernel"),
    [
        ("flags\t\t: fpu avx2 avx512f avx512_vnni", "avx512_vnni"),
        ("flags\t\t: fpu sse avx2", "avx2"),
        ("Features\t: fp asimd asimddp", "asimddp"),
        ("flags\t\t: fpu sse", ""),
        ("bogomips : 1", ""),
    ],
)
def test_int8_kernels_are_read_from_cpuinfo(
    flags: str, kernel: str, tmp_path: Path
) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(f"processor\t: 0\n{flags}\n", "ascii")
    assert int8_kernel(path) == kernel
    assert int8_kernel(tmp_path / "none") == ""
