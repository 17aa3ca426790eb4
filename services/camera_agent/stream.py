"""A stream of frames: one every 1/fps seconds, until it is stopped."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

from services.airport.messages import EVENTS, Frame, InvalidError
from services.airport.photo import encoded
from services.runtime import context, incoming
from services.runtime.clients import ServiceClient

MAX_FPS = 100.0
log = logging.getLogger("services")


@dataclass(frozen=True, slots=True)
class Order:
    """What a camera is told: where it stands (`section`, `event`), where frames go (URL), how many a second."""

    destination: str
    section: int
    event: str
    fps: float

    @classmethod
    def from_json(cls, value: object) -> Order:
        """Read an order; raises InvalidError with all that is wrong."""
        if not isinstance(value, dict):
            raise InvalidError(["stream: must be a JSON object"])
        url, section, event, fps = (value.get(name) for name in ("destination", "section", "event", "fps"))
        errors = []
        try:
            incoming.destination(str(url), "stream.destination")
        except InvalidError as error:
            errors += error.errors
        if not isinstance(section, int) or isinstance(section, bool) or section < 0:
            errors.append("stream.section: must be a whole number, 0 or more")
        if event not in EVENTS:
            errors.append(f"stream.event: must be one of {', '.join(EVENTS)}")
        if not isinstance(fps, int | float) or isinstance(fps, bool) or not 0 < fps <= MAX_FPS:
            errors.append(f"stream.fps: must be a number above 0, up to {MAX_FPS:g}")
        if errors:
            raise InvalidError(errors)
        return cls(str(url), int(section or 0), str(event), float(fps or 0))


class Stream:
    """Sends frames to `client` on `path`. A frame that is due while the last one is under way is left out.

    cycle: frames sent. Ids open with the camera and a fresh token, so that a restarted camera repeats none.
    """

    def __init__(self, order: Order, client: ServiceClient, path: str, camera: str, seed: int) -> None:
        self.order = order
        self.cycle = 0
        self._client = client
        self._path = path
        self._camera = camera
        self._token = f"{camera}-{secrets.token_hex(4)}"
        self._seed = seed
        self._ended = asyncio.Event()
        # in a context of its own: it goes on when the request that switched it on, and its deadline, are over
        self._task = asyncio.create_task(self._run(), context=Context())

    async def stop(self) -> None:
        """Send no more, and wait for the answer to the last frame."""
        self._ended.set()
        await self._task

    def frame(self, cycle: int, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Frame:
        """Take frame number `cycle`: its photo follows from seed, camera and number."""
        image = encoded_for(self._seed, self._camera, cycle)
        return Frame(f"{self._token}-{cycle}", clock().isoformat(), self.order.section, self.order.event, image)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        period, due = 1 / self.order.fps, loop.time()
        while not self._ended.is_set():
            frame = self.frame(self.cycle)
            context.enter({context.REQUEST_ID: frame.id})  # each frame is a request of its own, no part of the toggle
            reply = await self._client.post(self._path, json=frame.to_json())
            self.cycle += 1
            if not reply.ok:
                log.warning("frame %d: %s answered %d", self.cycle, self.order.destination, reply.status)
            due = max(due + period, loop.time())
            try:
                await asyncio.wait_for(self._ended.wait(), due - loop.time())
            except TimeoutError:
                continue


def encoded_for(seed: int, camera: str, cycle: int) -> str:
    """Return the photo that this camera takes in this cycle, in base64."""
    return encoded(Random(f"{seed}/{camera}/{cycle}").getrandbits(63))


def state_of(stream: Stream | None) -> dict[str, Any]:
    """Return the camera's state as JSON."""
    if stream is None:
        return {"streaming": False, "cycle": 0, "fps": 0, "section": None, "destination": None, "event": None}
    order = stream.order
    return {
        "streaming": True,
        "cycle": stream.cycle,
        "fps": order.fps,
        "section": order.section,
        "destination": order.destination,
        "event": order.event,
    }
