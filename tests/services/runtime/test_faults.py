"""Faults: what they do, when they end, what they count, and how bad ones are refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.faults import BadFault, Faults, Strike


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Tell it."""
        return self.now


def faults_with(*specs: dict[str, Any], clock: Clock | None = None, pod: str = "p-0") -> Faults:
    faults = Faults(pod, clock or Clock())
    for index, spec in enumerate(specs):
        faults.add({"id": f"f{index}", "ttl_s": 10, **spec})
    return faults


def statuses(faults: Faults, count: int) -> list[int | None]:
    return [faults.strike().status for _ in range(count)]


def test_an_abort_at_rate_one_strikes_every_request() -> None:
    faults = faults_with({"kind": "abort", "status": 503, "rate": 1})
    assert statuses(faults, 3) == [503] * 3
    assert faults.listing()["fired"] == {"f0": 3}


@given(st.floats(0.05, 1), st.integers(0, 2**32))
def test_an_abort_strikes_its_rate_of_requests(rate: float, seed: int) -> None:
    faults = faults_with({"kind": "abort", "status": 503, "rate": rate, "seed": seed})
    struck = sum(status == 503 for status in statuses(faults, 400))
    assert abs(struck / 400 - rate) < 5 * (rate * (1 - rate) / 400) ** 0.5 + 1e-9  # five standard errors
    assert faults.fired == {"f0": struck}


def test_the_same_seed_draws_the_same_and_replicas_draw_apart() -> None:
    spec = {"kind": "abort", "status": 503, "rate": 0.5, "seed": 7}
    drawn = [statuses(faults_with(spec, pod=pod), 40) for pod in ("p-0", "p-0", "p-1")]
    assert drawn[0] == drawn[1] != drawn[2]


def test_delays_add_up_and_the_first_abort_decides() -> None:
    faults = faults_with(
        {"kind": "delay", "delay_ms": 100, "rate": 1},
        {"kind": "abort", "status": 500, "rate": 1},
        {"kind": "delay", "delay_ms": 50, "rate": 1},
        {"kind": "abort", "status": 503, "rate": 1},
    )
    strike = faults.strike()
    assert strike.status == 500
    assert strike.delay_s == pytest.approx(0.15)


def test_fail_first_fails_the_first_and_is_over() -> None:
    faults = faults_with({"kind": "fail-first", "count": 2, "status": 503})
    assert statuses(faults, 4) == [503, 503, None, None]
    assert faults.listing() == {"faults": [], "fired": {"f0": 2}}


def test_a_sequence_is_played_once_and_200_lets_through() -> None:
    faults = faults_with({"kind": "sequence", "statuses": [200, 503, 500]})
    assert statuses(faults, 5) == [None, 503, 500, None, None]
    assert faults.listing() == {"faults": [], "fired": {"f0": 2}}


def test_a_fault_ends_with_its_ttl_and_its_count_remains() -> None:
    clock = Clock()
    faults = faults_with({"kind": "abort", "status": 503, "rate": 1, "ttl_s": 2}, clock=clock)
    clock.now += 1.5
    assert faults.strike() == Strike(status=503)
    assert faults.listing()["faults"][0]["expires_in_s"] == 0.5
    clock.now += 0.5
    assert faults.strike() == Strike()
    assert faults.listing() == {"faults": [], "fired": {"f0": 1}}


def test_an_id_is_free_again_once_its_fault_is_over() -> None:
    spec = {"kind": "abort", "status": 503, "rate": 1}
    faults = faults_with(spec)
    with pytest.raises(BadFault, match="is active"):
        faults.add({"id": "f0", "ttl_s": 1, **spec})
    assert faults.remove("f0")
    assert not faults.remove("f0")
    faults.add({"id": "f0", "ttl_s": 1, **spec})


def test_reset_forgets_what_fired() -> None:
    faults = faults_with({"kind": "abort", "status": 503, "rate": 1})
    faults.strike()
    faults.reset()
    assert faults.listing() == {"faults": [], "fired": {}}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ([], ["body"]),
        ({}, ["id", "ttl_s", "kind"]),
        ({"id": "a/b", "ttl_s": 0, "kind": "abort", "status": 200, "rate": 1.5}, ["id", "ttl_s", "status", "rate"]),
        ({"id": "a", "ttl_s": 1, "kind": "delay", "delay_ms": -1, "rate": True}, ["delay_ms", "rate"]),
        ({"id": "a", "ttl_s": 1, "kind": "fail-first", "count": 0.5, "status": "503"}, ["status", "count"]),
        ({"id": "a", "ttl_s": 1, "kind": "sequence", "statuses": [302]}, ["statuses"]),
        ({"id": "a", "ttl_s": 1, "kind": "abort", "status": 503, "rate": 1, "percent": 5}, ["percent"]),
        ({"id": "a", "ttl_s": 1, "kind": "abort", "status": 503, "rate": 1, "seed": "x"}, ["seed"]),
    ],
)
def test_every_bad_field_of_a_fault_is_named(body: object, fields: list[str]) -> None:
    with pytest.raises(BadFault) as refused:
        faults_with().add(body)
    assert sorted(error.split(":")[0] for error in refused.value.errors) == sorted(fields)
