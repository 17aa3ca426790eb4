"""The frame that each arrival carries: what a camera of the airport sends, with a photo chosen by the schedule."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from services.airport.photo import photo

from loadtests.schedule import PHOTOS, Arrival

EVENTS = {1: "exit", 2: "entry"}
SECTIONS = (1, 2)
EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Frames:
    """Makes the frames of one run: `run` opens each id and tells it from other runs', `started` is when t = 0 was."""

    run: str
    started: datetime

    def id(self, arrival: Arrival) -> str:
        """Name the frame, uniquely in its run: by this a frame that arrives twice is recognised."""
        return f"{self.run}-{arrival.index}"

    def frame(self, arrival: Arrival) -> dict[str, Any]:
        """Make the Frame message; it was taken when it was meant to be sent."""
        return {
            "id": self.id(arrival),
            "timestamp": (self.started + timedelta(seconds=arrival.at_s)).isoformat(),
            "section": SECTIONS[arrival.frame_seed % len(SECTIONS)],
            "event": EVENTS[arrival.camera],
            "camera": arrival.camera,
            "image": image(arrival.frame_seed),
        }

    def body(self, arrival: Arrival) -> bytes:
        """Make the request's body."""
        return json.dumps(self.frame(arrival)).encode()


def frame_of(arrival: Arrival, seed: int, started: datetime = EPOCH) -> dict[str, Any]:
    """Make the frame that a run with this seed sends for `arrival`: only its timestamp depends on `started`."""
    return Frames(f"{seed:x}", started).frame(arrival)


@lru_cache(maxsize=PHOTOS)
def image(seed: int) -> str:
    """Give a seed's photo in base64; kept, because it may cost more to make than a request to send."""
    return b64encode(photo(seed)).decode()
