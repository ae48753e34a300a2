import json
import logging

import numpy as np
import pytest

from rtstyle.errors import RuntimeUnavailableError, UsageError
from rtstyle.runtime import Arrays, choose, measure, open_session
from rtstyle.runtime.measure import cache_file, cache_key, fastest, read_cache
from rtstyle.runtime.onnxruntime import OrtSession, one_node_model


class Fake:
    """A session that says it takes so long."""

    device = "cpu"

    def __init__(self, runtime: str, ms: float) -> None:
        self.runtime, self.ms, self.is_closed = runtime, ms, False

    def run(self, inputs: Arrays) -> dict[str, np.ndarray]:
        return {}

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Count measurements; each session takes what it says."""
    counted = {"measured": 0}

    def measured(sessions: dict[str, Fake], _: object) -> dict[str, float]:
        counted["measured"] += 1
        return {name: session.ms for name, session in sessions.items()}

    monkeypatch.setattr(measure, "measure_ms", measured)
    return counted


def openers(one_ms: float, other_ms: float) -> dict[str, object]:
    return {"a": lambda: Fake("a", one_ms), "b": lambda: Fake("b", other_ms)}


@pytest.mark.parametrize(
    ("ms", "chosen"), [((10, 5), "b"), ((10, 9.5), "a"), ((5, 10), "a")]
)
def test_another_runtime_has_to_be_a_tenth_faster(
    times: dict[str, int], ms: tuple[float, float], chosen: str
) -> None:
    found, session = fastest(openers(*ms), model=b"m", facts="")  # type: ignore[arg-type]
    assert found == session.runtime == chosen


def test_the_choice_is_said_once_and_remembered(
    times: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(3):
        fastest(openers(10, 5), model=b"m", facts="cpu")  # type: ignore[arg-type]
    assert times["measured"] == 1
    assert caplog.text.count("runtime auto: chose b (a 10.0 ms, b 5.0 ms") == 1
    assert list(json.loads(cache_file().read_text("utf-8")).values()) == ["b"]


def test_another_graph_thread_count_or_runtime_is_measured_anew() -> None:
    keys = {
        cache_key(model, facts, names)
        for model in (b"m", b"n")
        for facts in ("cpu 1", "cpu 2")
        for names in (("a",), ("a", "b"))
    }
    assert len(keys) == 8


def test_a_broken_cache_counts_as_none(times: dict[str, int]) -> None:
    cache_file().parent.mkdir(parents=True)
    cache_file().write_text("{broken", "utf-8")
    assert read_cache() == {}
    assert fastest(openers(10, 5), model=b"m", facts="")[0] == "b"  # type: ignore[arg-type]


def test_a_runtime_that_fails_is_left_out(times: dict[str, int]) -> None:
    def broken() -> Fake:
        raise RuntimeUnavailableError("b is broken")

    tried = {"a": lambda: Fake("a", 9.0), "b": broken}
    assert fastest(tried, model=b"m", facts="")[0] == "a"
    with pytest.raises(RuntimeUnavailableError, match="b is broken"):
        fastest({"b": broken}, model=b"n", facts="")


def test_a_choice_that_no_longer_works_is_made_anew(
    times: dict[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Fake:
        raise RuntimeUnavailableError("b is broken")

    fastest(openers(10, 5), model=b"m", facts="")  # type: ignore[arg-type]
    tried = {"a": lambda: Fake("a", 9.0), "b": broken}
    for _ in range(2):
        assert fastest(tried, model=b"m", facts="")[0] == "a"
    assert caplog.text.count("b is broken; runtime auto chooses anew") == 1
    assert times["measured"] == 2


def test_sessions_are_measured_in_turns() -> None:
    order: list[str] = []

    class Noting(Fake):
        def run(self, inputs: Arrays) -> dict[str, np.ndarray]:
            order.append(self.runtime)
            return {}

    found = measure.measure_ms({n: Noting(n, 0.0) for n in "ab"})
    assert order == ["a", "b"] * (measure.NUM_FRAMES + 1)
    assert set(found) == {"a", "b"}


def test_the_environment_can_say_what_auto_means(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(choose.VARIABLE, "onnxruntime")
    assert open_session(one_node_model(), device="cpu").runtime == "onnxruntime"
    monkeypatch.setenv(choose.VARIABLE, "nonsense")
    with pytest.raises(UsageError, match="expected one of auto, onnxruntime"):
        open_session(one_node_model(), device="cpu")


@pytest.mark.parametrize(
    ("device", "precision", "has_openvino", "wanted"),
    [
        ("cpu", "auto", True, ["onnxruntime", "openvino"]),
        ("cpu", "auto", False, ["onnxruntime"]),
        ("cpu", "bf16", False, ["openvino"]),
        ("cuda:0", "auto", True, ["onnxruntime"]),
        ("cpu", "fp16", True, ["onnxruntime"]),
    ],
)
def test_auto_asks_only_what_could_answer(
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    precision: str,
    has_openvino: bool,
    wanted: list[str],
) -> None:
    monkeypatch.setattr(choose, "find_spec", lambda name: has_openvino or None)
    assert choose.auto_candidates(device, precision) == wanted


def test_onnxruntime_has_no_bf16() -> None:
    with pytest.raises(UsageError, match="use --runtime openvino"):
        open_session(
            one_node_model(), runtime="onnxruntime", device="cpu", precision="bf16"
        )


@pytest.mark.parametrize(
    "inputs",
    [{"x": np.ones((2,), np.float32)}, {"x": np.ones((1,), np.float64)}, {}],
)
def test_a_graph_that_does_not_run_is_one_line(inputs: Arrays) -> None:
    session = OrtSession(one_node_model(), device="cpu")
    said = "runtime onnxruntime: device cpu did not run the graph"
    with pytest.raises(RuntimeUnavailableError, match=said) as raised:
        session.run(inputs)
    assert "\n" not in str(raised.value)
