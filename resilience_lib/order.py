"""The order of a pipeline's layers, checked where a layer is put around another."""

from __future__ import annotations

from enum import IntEnum


class Place(IntEnum):
    """Where a layer belongs, from the outside in."""

    FALLBACK = 0
    RETRY = 1
    HEDGE = 2
    ADMISSION = 3
    LIMITS = 4
    TRY = 5


NAMES = {
    Place.FALLBACK: "fallback",
    Place.RETRY: "retry",
    Place.HEDGE: "hedge",
    Place.ADMISSION: "breaker or host choice",
    Place.LIMITS: "limits",
    Place.TRY: "per-try timeout",
}
WHY_OUTSIDE = {
    Place.FALLBACK: "an old answer is for a call that has failed for good, and no layer may take it for news",
    Place.RETRY: "each try must be admitted anew and count there by itself, and a pause must hold no slot",
    Place.HEDGE: "the second try must be admitted anew, and go to another replica where there is one",
    Place.ADMISSION: "a call that is refused must cost no slot and no wait in the queue",
}
WHY_ONCE = {
    Place.FALLBACK: "the outer one would remember what the inner one made up",
    Place.RETRY: "retries around retries multiply the tries",
    Place.HEDGE: "hedges around hedges multiply the tries",
    Place.ADMISSION: "one judge of the callee is enough: the outer one would take the inner one's refusals for news",
    Place.LIMITS: "a call that waits for the inner slot would hold the outer one",
}


class OrderError(ValueError):
    """Layers are in an order that breaks a promise of one of them; the message says which, and the right order."""


def check_order(outer: Place, inner: Place) -> None:
    """Raise OrderError, with the reason, unless a layer of `outer` may be around one of `inner`.

    Each layer asks this about the one inside it, which has asked before, so the whole pipeline is in order.
    """
    if outer is inner:
        raise OrderError(f"{NAMES[outer]} around {NAMES[inner]}: only one of them has a place; {WHY_ONCE[outer]}")
    if outer > inner:
        raise OrderError(
            f"{NAMES[outer]} around {NAMES[inner]}: {NAMES[inner]} must be outside; {WHY_OUTSIDE[inner]}. "
            f"From the outside in: {', '.join(NAMES.values())}"
        )
