"""The photo: a real JPEG, another one for each seed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.airport.photo import photo


def segments(jpeg: bytes) -> list[tuple[int, bytes]]:
    """Walk the segments of a JPEG up to its scan (ITU-T T.81, B.1): marker and content."""
    assert jpeg[:2] == b"\xff\xd8"
    found, at = [], 2
    while True:
        assert jpeg[at] == 0xFF
        marker, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        found.append((marker, jpeg[at + 4 : at + 2 + length]))
        if marker == 0xDA:
            return found
        at += 2 + length


@given(st.integers())
def test_every_seed_gives_a_jpeg_that_carries_it(seed: int) -> None:
    made = photo(seed)
    found = dict(segments(made))
    assert found[0xFE] == f"seed {seed}".encode()
    assert {0xDB, 0xC0, 0xC4, 0xDA} <= found.keys()  # tables, frame, codes, scan: it can be decoded
    assert made.endswith(b"\xff\xd9")
    assert len(made) < 2048 + len(str(seed))


@given(st.integers(), st.integers())
def test_photos_are_the_same_exactly_when_their_seeds_are(one: int, other: int) -> None:
    assert (photo(one) == photo(other)) == (one == other)
