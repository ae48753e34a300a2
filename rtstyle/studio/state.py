"""The whole state as plain data, for pages and programs: no deltas."""

import os
from typing import Any

import psutil

from rtstyle.studio.cameras import SIZES
from rtstyle.studio.studio import Studio

AGE_FRAMES = 120
"""How many frames the median age is taken of."""


def state_of(studio: Studio) -> dict[str, Any]:
    """Return everything that a page shows, but for the picture."""
    session = studio.session
    recorder, virtual = session.recorder, session.virtual_camera
    styles = studio.shelf.all()
    folder = f"{studio.settings.folder}{os.sep}"
    with_picture = set(studio.thumbnails.ids)
    return {
        "type": "state",
        "controls": dict(session.values),
        "style": _style(studio),
        "styles": [
            style.as_dict() | {"has_thumbnail": style.id in with_picture}
            for style in styles
        ],
        "thumbnails": {
            "version": studio.thumbnails.version,
            "of_camera": studio.thumbnails.of_camera,
        },
        "camera": {
            "id": session.camera.id,
            "title": session.camera.title,
            "size": f"{session.request.width}x{session.request.height}",
            "sizes": SIZES,
            "choices": [
                {"id": choice.id, "title": choice.title}
                for choice in studio.cameras.values()
            ],
        },
        "has_mask": session.has_mask,
        "figures": _figures(studio),
        "recording": recorder is not None and recorder.is_recording,
        "files": [path.name for path in session.all_files],
        "folder": str(studio.settings.folder),
        "virtualcam": {
            "on": virtual is not None and virtual.is_on,
            "problem": virtual.problem if virtual is not None else "",
        },
        "presets": studio.presets.rows(),
        "jobs": [job.as_dict() for job in studio.jobs.rows()],
        "notice": session.messages.shown.replace(folder, ""),  # it is told beside
        "error": session.error,
        "is_ready": session.keys is not None,
        "viewers": session.broadcast.num_viewers,
    }


def _style(studio: Studio) -> dict[str, Any]:
    parts = []
    for style_id, weight in studio.style:
        style = studio.shelf.get(style_id)
        parts.append({"id": style.id, "title": style.title, "weight": weight})
    has_strength = any(studio.shelf.get(key).has_strength for key, _ in studio.style)
    return {"parts": parts, "has_strength": has_strength}


def _figures(studio: Studio) -> dict[str, Any]:
    """Return frame rate, age at the page's sink in ms, and what it costs."""
    meters = studio.session.meters
    stages = {
        stage.name: round(stage.times.summary(last=60).p50_ms, 1)
        for stage in list(meters.stages)
        if stage.name in meters.inboxes
    }
    ages = [out for out in list(meters.outlets) if out.name == "page"]
    age = ages[0].age.summary(last=AGE_FRAMES) if ages else None
    finished = meters.finished
    return {
        "fps": round(finished.rate.rate(), 1) if finished is not None else 0.0,
        "age_ms": round(age.p50_ms, 1) if age is not None else 0.0,
        "age_p99_ms": round(age.p99_ms, 1) if age is not None else 0.0,
        "stages_ms": stages,
        "load": round(psutil.cpu_percent(interval=None)),
    }
