"""How much is run: arms, scenarios, repetitions, and how long a phase lasts."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.errors import BadInput
from benchmarks.scenario import names
from k8s.render import MODES


@dataclass(frozen=True, slots=True)
class PolicyTimes:
    """Outlier detection's times, in seconds, in place of the policy set's own."""

    interval_s: float
    base_ejection_s: float


@dataclass(frozen=True, slots=True)
class Profile:
    """The defaults of one `goaround bench`; every part can be named on the command line instead.

    `phase_scale` multiplies the seconds of every phase of a scenario. `policy_times` shortens ejection
    and breaker times so that they act and recover within a cell; None keeps the policy set's own.
    """

    name: str
    about: str
    arms: tuple[str, ...]
    scenarios: tuple[str, ...]
    repetitions: int
    phase_scale: float
    policy_times: PolicyTimes | None


ALONE = ("ejection-percent",)
"""Scenarios that sweep policies: each point is a world, so that none is run beside others (`benchmarks.order`)."""
# A cell's fault phase lasts 3 s in `quick`: with these, a breaker or an ejection acts, probes and recovers inside it.
WITHIN_A_CELL = PolicyTimes(interval_s=0.5, base_ejection_s=1.0)

PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            name="smoke",
            about="two scenarios, library and mesh, once: under a minute, points and no verdict",
            arms=("library", "mesh"),
            scenarios=("error-burst", "bad-replica"),
            repetitions=1,
            phase_scale=0.6,
            policy_times=WITHIN_A_CELL,
        ),
        Profile(
            name="quick",
            about="four scenarios, three arms, five repetitions: verdicts in ten minutes",
            arms=("none", "library", "mesh"),
            scenarios=("steady", "error-burst", "bad-replica", "slow-replica"),
            repetitions=5,
            phase_scale=1.0,
            policy_times=WITHIN_A_CELL,
        ),
        Profile(
            name="full",
            about=f"every scenario that is not run alone ({', '.join(ALONE)} is), every mode, ten repetitions, Istio's "
            "own policy times: days, and 20 GiB for the worlds; name scenarios for less",
            arms=MODES,
            scenarios=tuple(name for name in names() if name not in ALONE),
            repetitions=10,
            phase_scale=15.0,
            policy_times=None,
        ),
    )
}


def profile(name: str) -> Profile:
    """Look a profile up.

    Raises:
        BadInput: there is none of that name; the message lists the choices.

    """
    try:
        return PROFILES[name]
    except KeyError:
        raise BadInput([f"unknown profile {name!r}; choose from: {', '.join(PROFILES)}"]) from None
