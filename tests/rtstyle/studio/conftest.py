"""The studio that the tests of a module share, as it was at the start."""

import pytest

from rtstyle.looks.control_table import CONTROLS
from tests.studio_server import Running, studio

__all__ = ["studio"]


@pytest.fixture
def from_the_start(studio: Running) -> None:
    """Put every control and the style back."""
    for control in CONTROLS.values():
        studio.studio.session.set_control(control.name, control.default)
    studio.studio.session.set_control("smooth", "off")
    style = next(s for s in studio.studio.shelf.all() if s.title == "Negative")
    studio.do({"do": "style", "name": style.id})
