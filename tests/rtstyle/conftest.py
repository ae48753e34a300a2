"""What the product's tests share."""

import pytest


@pytest.fixture(autouse=True)
def pinned_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``--runtime auto`` mean one thing on every machine that runs the tests."""
    monkeypatch.setenv("RTSTYLE_RUNTIME", "onnxruntime")
