"""Numbers as protobuf's JSON writes them: a zero in a message is left out."""

from __future__ import annotations


def percentage(value: float) -> dict[str, float]:
    """Envoy's Percent; an empty message is 0 %."""
    return {"value": value} if value else {}
