"""What a page, HTTP or OSC can ask for: plain data, checked here, done or refused."""

import math
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from rtstyle.errors import RtstyleError, UsageError
from rtstyle.looks.control_table import control_named
from rtstyle.looks.look_file import LookFile, look_of_data
from rtstyle.studio.cameras import all_choices, size_named
from rtstyle.studio.studio import TICKET_SECONDS, Studio

Action = Callable[[Studio, Mapping[str, Any]], object]
"""Does one thing; what it returns goes back to the asker."""


def do(studio: Studio, data: object) -> object:
    """Do what `data` asks for.

    Args:
        studio: What is changed.
        data: An object with ``do``, and what that action needs.

    Returns:
        What the asker is told, plain data; None for nothing.

    Raises:
        RtstyleError: it is refused, in one line.
    """
    if not isinstance(data, dict) or not isinstance(data.get("do"), str):
        raise UsageError('message: expected an object like {"do":"snapshot"}')
    action = ACTIONS.get(data["do"])
    if action is None:
        known = ", ".join(ACTIONS)
        raise UsageError(f"do: expected one of {known}, got {data['do']!r:.40}")
    try:
        with studio.lock:
            answer = action(studio, data)
    except OSError as error:
        if isinstance(error, RtstyleError):
            raise
        raise UsageError(f"{data['do']}: {error.strerror or error}") from error
    studio.changed()
    return answer


def _set(studio: Studio, data: Mapping[str, Any]) -> None:
    control = control_named(data.get("name"))
    if "value" not in data:
        raise UsageError(f"{control.name}: expected a value, got none")
    value = control.checked(data["value"])
    if control.name == "mask" and value != "off" and not studio.session.has_mask:
        raise UsageError(
            "mask: expected a model that finds people; start the studio with "
            "--mask person --mask-model FILE.onnx"
        )
    studio.session.set_control(control.name, value)


def _fader(studio: Studio, data: Mapping[str, Any]) -> None:
    share = _number(data.get("share"), "share", 0.0, 1.0)
    control = control_named(data.get("name"))
    _set(studio, {"name": control.name, "value": control.of_share(share)})


def _style(studio: Studio, data: Mapping[str, Any]) -> None:
    rows = data.get("parts", [{"id": data.get("name")}])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError("style: expected a list of objects with id and weight")
    parts = [
        (row.get("id"), _number(row.get("weight", 1.0), "weight", 1e-3, 1e3))
        for row in rows
    ]
    _show(studio, [(studio.shelf.get(key).id, weight) for key, weight in parts])


def _show(studio: Studio, parts: list[tuple[str, float]]) -> None:
    spec = studio.shelf.spec(parts)
    studio.style = parts
    studio.session.show(spec)


def _step(by: int) -> Action:
    def step(studio: Studio, data: Mapping[str, Any]) -> None:
        ids = [style.id for style in studio.shelf.all()]
        here = ids.index(studio.style[0][0]) if studio.style[0][0] in ids else 0
        _show(studio, [(ids[(here + by) % len(ids)], 1.0)])

    return step


def _forget_style(studio: Studio, data: Mapping[str, Any]) -> None:
    style = studio.shelf.get(data.get("name"))
    if any(style_id == style.id for style_id, _ in studio.style):
        raise UsageError("style: expected one that is not shown; choose another first")
    studio.shelf.forget(style.id)


def _camera(studio: Studio, data: Mapping[str, Any]) -> None:
    studio.cameras = all_choices(studio.settings)
    name = data.get("name", studio.session.camera.id)
    choice = studio.cameras.get(name) if isinstance(name, str) else None
    if choice is None:
        known = ", ".join(studio.cameras)
        raise UsageError(f"camera: expected one of {known}, got {name!r:.60}")
    if data.get("size") is not None:
        from dataclasses import replace

        width, height = size_named(data["size"])
        request = studio.session.request
        studio.session.request = replace(request, width=width, height=height)
    studio.session.use_camera(choice)


def _cameras(studio: Studio, data: Mapping[str, Any]) -> None:
    studio.cameras = all_choices(studio.settings)


def _snapshot(studio: Studio, data: Mapping[str, Any]) -> None:
    if studio.session.recorder is None:
        raise UsageError("snapshot: expected a picture, got none yet")
    studio.session.recorder.snapshot()


def _record(studio: Studio, data: Mapping[str, Any]) -> None:
    recorder = studio.session.recorder
    if recorder is None:
        raise UsageError("record: expected a picture, got none yet")
    is_on, microphone = _switch(data), data.get("microphone", False)
    if not isinstance(microphone, bool):
        raise UsageError(f"microphone: expected true or false, got {microphone!r:.40}")
    if is_on != recorder.is_recording:
        studio.session.page_sound.is_expected = is_on and microphone
        recorder.toggle_recording()


def _virtual_camera(studio: Studio, data: Mapping[str, Any]) -> None:
    sink = studio.session.virtual_camera
    if sink is None:
        raise UsageError("virtual camera: expected a picture, got none yet")
    sink.is_on = _switch(data)


def _begin_again(studio: Studio, data: Mapping[str, Any]) -> None:
    studio.session.begin_again()


def _thumbnails(studio: Studio, data: Mapping[str, Any]) -> None:
    if data.get("of") not in ("camera", "scene"):
        raise UsageError(f"of: expected camera or scene, got {data.get('of')!r:.40}")
    content = studio.session.broadcast.content
    if data["of"] == "camera" and content is None:
        raise UsageError("thumbnails: expected a picture of the camera, got none yet")
    studio.thumbnails.show(content if data["of"] == "camera" else None)


def _save_preset(studio: Studio, data: Mapping[str, Any]) -> None:
    title = data.get("title")
    if not isinstance(title, str) or not title.strip():
        raise UsageError("preset: expected a title, got none")
    studio.presets.save(studio.look_file(" ".join(title.split())[:60]))


def _load_preset(studio: Studio, data: Mapping[str, Any]) -> None:
    _use_look(studio, studio.presets.get(data.get("id")))


def _forget_preset(studio: Studio, data: Mapping[str, Any]) -> None:
    studio.presets.forget(data.get("id"))


def _look(studio: Studio, data: Mapping[str, Any]) -> object:
    if "look" not in data:
        return studio.look_file().as_dict()
    _use_look(studio, look_of_data(data["look"], where="look"))
    return None


def _use_look(studio: Studio, look: LookFile) -> None:
    parts = []
    for style in look.styles:
        found = studio.shelf.with_hash(style.sha256) if style.sha256 else None
        if found is None and style.name not in {s.id for s in studio.shelf.all()}:
            raise UsageError(
                f"look: expected the style {style.name!r:.60} to be here, it is not; "
                "drop its picture on the page first"
            )
        parts.append((style.name if found is None else found.id, style.weight))
    for name, value in look.controls.items():
        studio.session.set_control(name, value)
    if parts:
        _show(studio, parts)


def _cancel(studio: Studio, data: Mapping[str, Any]) -> None:
    studio.jobs.cancel(data.get("id"))


def _ticket(studio: Studio, data: Mapping[str, Any]) -> object:
    if "file" in data:
        files, place = studio.session.all_files, data["file"]
        if isinstance(place, bool) or not isinstance(place, int):
            raise UsageError(f"file: expected its place in the list, got {place!r:.40}")
        if not 0 <= place < len(files):
            raise UsageError(f"file: expected one of {len(files)}, got {place}")
        path = files[place]
    else:
        path = studio.jobs.result(data.get("id"))
    now = time.monotonic()
    kept = {k: v for k, v in studio.tickets.items() if v[1] > now}
    ticket = secrets.token_urlsafe(18)
    studio.tickets = kept | {ticket: (path, now + TICKET_SECONDS)}
    return {"ticket": ticket, "name": path.name}


def _switch(data: Mapping[str, Any]) -> bool:
    value = data.get("on")
    if not isinstance(value, bool):
        raise UsageError(f"on: expected true or false, got {value!r:.40}")
    return value


def _number(value: object, what: str, least: float, most: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not least <= value <= most or not math.isfinite(value):  # type: ignore[operator,arg-type]
        raise UsageError(f"{what}: expected {least:g} to {most:g}, got {value!r:.40}")
    return float(value)  # type: ignore[arg-type]


ACTIONS: Final[Mapping[str, Action]] = {
    "set": _set,
    "fader": _fader,
    "style": _style,
    "next_style": _step(1),
    "previous_style": _step(-1),
    "forget_style": _forget_style,
    "camera": _camera,
    "cameras": _cameras,
    "snapshot": _snapshot,
    "record": _record,
    "virtualcam": _virtual_camera,
    "begin_again": _begin_again,
    "thumbnails": _thumbnails,
    "save_preset": _save_preset,
    "load_preset": _load_preset,
    "forget_preset": _forget_preset,
    "look": _look,
    "cancel": _cancel,
    "ticket": _ticket,
}
"""All actions by name."""
