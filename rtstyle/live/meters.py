"""What a live run measures while it runs, for whoever shows it."""

from collections.abc import Container
from dataclasses import dataclass, field

from rtstyle.live.outlets import FanOut, Outlet
from rtstyle.live.stage_threads import Stage
from rtstyle_streams.live_frame import LiveFrame
from rtstyle_streams.pacing import Latest


@dataclass(slots=True)
class LiveMeters:
    """Stages, mailboxes and sinks of a run; empty until `Live` has filled it."""

    stages: list[Stage] = field(default_factory=list)
    """The camera, then all others; each knows its times."""
    inboxes: dict[str, Latest[LiveFrame]] = field(default_factory=dict)
    """Where each stage finds its frames."""
    outlets: list[Outlet] = field(default_factory=list)
    """One for each sink, the window last."""
    finished: FanOut | None = None
    """Where the last stage puts its frames."""

    def lines(self, *, hidden: Container[str] = ()) -> list[str]:
        """Return frames per second, time per stage, age and drops, a line each.

        Args:
            hidden: Sinks that are left out.
        """
        if self.finished is None:
            return []
        lines = [f"{self.finished.rate.rate():.1f} fps"]
        for stage in self.stages[1:]:
            if stage.name in self.inboxes:
                median_ms = stage.times.summary(last=60).p50_ms
                lines.append(f"{stage.name} {median_ms:.1f} ms")
        for outlet in self.outlets:
            if outlet.name in hidden:
                continue
            age, dropped = outlet.age.summary(last=120), outlet.mailbox.num_dropped
            lines.append(f"age at {outlet.name}: {age}, dropped {dropped}")
        missed = sum(box.num_dropped for box in self.inboxes.values())
        return [*lines, f"camera frames not used {missed}"]
