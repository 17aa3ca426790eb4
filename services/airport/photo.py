"""A small real photo, different for each seed."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path

COMMENT = b"\xff\xfe"
"""JPEG's COM marker (ITU-T T.81, B.2.4.5): two bytes of length, itself included, then any bytes."""


@cache
def _scene() -> bytes:
    return Path(__file__).with_name("scene.jpg").read_bytes()


def photo(seed: int) -> bytes:
    """Draw a valid JPEG of about 1.8 KB whose bytes depend on `seed` (any int), which it carries in a comment."""
    note = f"seed {seed}".encode()
    scene = _scene()
    return scene[:2] + COMMENT + (len(note) + 2).to_bytes(2, "big") + note + scene[2:]


def encoded(seed: int) -> str:
    """Return `photo(seed)` in base64, as a frame carries it."""
    return base64.b64encode(photo(seed)).decode()
