"""The frame that each arrival carries: what a camera of the airport sends, with a photo chosen by the schedule."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from loadtests.schedule import Arrival, What
from services.airport.messages import Frame
from services.airport.photo import encoded

CAMERAS = {1: (1, "exit"), 2: (2, "entry")}
"""Where each camera of the airport stands: section and event."""

NO_BODY = b""
"""What a look at the dashboard carries."""
EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Frames:
    """Makes the frames of one run: `run` opens each id and tells it from other runs', `started` is when t = 0 was.

    `what` may be `dashboards`: then each arrival has an id all the same, and no body.
    """

    run: str
    started: datetime
    what: What = "frames"

    def id(self, arrival: Arrival) -> str:
        """Name the frame, uniquely in its run: by this a frame that arrives twice is recognised."""
        return f"{self.run}-{arrival.index}"

    def frame(self, arrival: Arrival) -> Frame:
        """Make the Frame message; it was taken when it was meant to be sent."""
        section, event = CAMERAS[arrival.camera]
        return Frame(
            id=self.id(arrival),
            timestamp=(self.started + timedelta(seconds=arrival.at_s)).isoformat(),
            section=section,
            event=event,
            image=encoded(arrival.frame_seed),
            extra_info={"camera": arrival.camera},
        )

    def body(self, arrival: Arrival) -> bytes:
        """Make the request's body, JSON; NO_BODY for a look at the dashboard."""
        if self.what == "dashboards":
            return NO_BODY
        fields = self.frame(arrival).to_json()
        image = fields.pop("image")
        # base64 needs no escapes: not to look for any in 2.4 of 2.5 KB saves a third of the time that a body takes
        return f'{json.dumps(fields)[:-1]}, "image": "{image}"}}'.encode()


def frame_of(arrival: Arrival, seed: int, started: datetime = EPOCH) -> Frame:
    """Make the frame that a run with this seed sends for `arrival`: only its timestamp depends on `started`."""
    return Frames(f"{seed:x}", started).frame(arrival)
