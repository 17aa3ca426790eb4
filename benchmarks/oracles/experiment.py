"""What an oracle plays, as a scenario: the measures that the tables use are asked with one, and so are an oracle's."""

from __future__ import annotations

from benchmarks.actions import AnyAction
from benchmarks.faults import AnyFault
from benchmarks.scenario import Expectation, Load, Phases, Primary, Scenario, Slo

INSTANT_S = 1e-6
"""A scenario begins with a steady phase. An oracle's fault is held from before the first call: nothing is in it."""


def experiment(load: Load, duration_s: float, fault: AnyFault, action: AnyAction | None = None) -> Scenario:
    """Return the scenario of a fault that lasts for all `duration_s` seconds of a load. No verdict is made of it.

    Raises ValidationError for a fault or an action that no scenario could have.
    """
    return Scenario(
        name="selftest",
        question="Does the harness measure what is known?",
        primary=Primary(measure="availability", phase="fault", margin=0.05),
        expectation=Expectation(result="The closed form of the oracle.", source="benchmarks.closed_form"),
        load=load,
        phases=Phases(steady=INSTANT_S, fault=duration_s - INSTANT_S),
        slo=Slo(latency_ms=1000),
        fault=fault,
        action=action,
    )
