"""The engine against the real Envoy: the same Istio objects, the same scripts for each replica, the same outcomes.

Envoy calls scripted replicas over sockets; the engine calls the same scripts in virtual time. Its policy is derived
from the Istio objects that Envoy's configuration is compiled from.

Two differences are known, and the scripts keep clear of them; both make Envoy slower than the engine to act on an
ejection, because Envoy's threads have to tell each other:

- its worker has the main thread eject. A retry of the call that ejected may leave before the word comes back, so
  either retries or ejections are on; the engine acts at once.
- changes of health that follow one another within a second reach the worker together, at the end of that second
  (Envoy's update_merge_window, which Istio leaves as it is). So either one host at most may be ejected, or the caller
  waits after each ejection; the engine acts at once.

`SCRIPTS=3000 pytest --timeout 0 tests/resilience_lib/test_*against_envoy.py` is a long run.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from istio.objects.virtual_service import RETRY_CONDITIONS
from tests.istio.running import eventually
from tests.resilience_lib.both_sides import PODS, Envoy, engine_plays, istio_objects, policy_of
from tests.resilience_lib.replica import Step
from tests.resilience_lib.scripts import share

PER_TRY, OVERALL = 0.25, 0.65
MERGE_WINDOW = 1.05  # Envoy's 1 s, and some


words = st.lists(
    st.sampled_from([*RETRY_CONDITIONS, "503", "500", "404", "429"]), min_size=1, max_size=3, unique=True
).map(",".join)
NO_RETRIES = "retries: {attempts: 0}, "
retrying = st.one_of(
    st.just(("", "")),
    st.just((NO_RETRIES, "")),
    st.builds("retries: {{attempts: {}, backoff: 1ms, retryOn: '{}'}}, ".format, st.integers(1, 4), words).map(
        lambda retries: (retries, "")
    ),
)


split = st.one_of(
    st.just("splitExternalLocalOriginErrors: false"),
    st.builds("splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: {}".format, st.integers(0, 3)),
)


def ejecting(*percents: int) -> st.SearchStrategy[tuple[str, str]]:
    """Return policies that eject up to so many percent, for longer than a script takes, and retry nothing."""
    return st.builds(
        "outlierDetection: {{consecutive5xxErrors: {}, consecutiveGatewayErrors: {}, interval: 300s, "
        "baseEjectionTime: 300s, maxEjectionPercent: {}, minHealthPercent: {}, {}}}, ".format,
        st.integers(0, 4),
        st.integers(0, 3),
        st.sampled_from(percents),
        st.sampled_from([0, 50]),
        split,
    ).map(lambda outlier: (NO_RETRIES, outlier))


steps: st.SearchStrategy[Step] = st.sampled_from([200, 200, 404, 409, 429, 500, 501, 502, 503, 503, 504, "reset"])


def agree_before_one_host(envoy: Envoy, route: str, policy: str, script: list[Step], calls: int) -> None:
    text, scripts = istio_objects("alerts", route, policy), {"alerts-0": script}
    expected = envoy.plays("alerts", text, scripts, calls)
    assert engine_plays(policy_of(text, "alerts"), scripts, calls) == expected


def agree_before_three_hosts(
    envoy: Envoy, route: str, outlier: str, script: Sequence[Sequence[Step] | None], settle_s: float = 0.0
) -> None:
    text = istio_objects("image-analysis", route, outlier)
    scripts = dict(zip(PODS["image-analysis"], script, strict=True))
    expected = envoy.plays("image-analysis", text, scripts, 10, settle_s)
    policy = policy_of(text, "image-analysis")
    # Envoy begins its count at random, which is seen modulo 3, and modulo 2 once a replica is ejected
    assert expected in [engine_plays(policy, scripts, 10, first) for first in range(6)]


@share(27)
@given(retrying | ejecting(34, 100), st.lists(steps, max_size=20))
def test_before_one_host_outcomes_and_attempts_are_exactly_envoys(
    envoy: Envoy, policy: tuple[str, str], script: list[Step]
) -> None:
    agree_before_one_host(envoy, *policy, script, 8)


EVERY_END: list[Step] = [404, 409, 429, 500, 501, 502, 503, 504, "reset", "hang"]


@pytest.mark.parametrize("condition", [*RETRY_CONDITIONS, "503", "404"])
def test_every_condition_retries_the_ends_that_it_retries_under_envoy(envoy: Envoy, condition: str) -> None:
    route = f"retries: {{attempts: 1, backoff: 1ms, perTryTimeout: {PER_TRY}s, retryOn: '{condition}'}}, "
    script = [step for end in EVERY_END for step in (end, 200)]
    agree_before_one_host(envoy, route, "", script, len(script))
    agree_before_three_hosts(envoy, route, "", [None, [], []])


@pytest.mark.parametrize("budget", ["percent: 100", "percent: 99", "percent: 0"])
@pytest.mark.parametrize("minimum", [0, 1])  # of which istiod takes 0 for 3
@pytest.mark.parametrize("script", [[503, 200], ["reset", 200], [503, 503, 503], ["hang", 200]], ids=str)
def test_the_call_that_is_judged_is_counted_in_its_budget_as_under_envoy(
    envoy: Envoy, budget: str, minimum: int, script: list[Step]
) -> None:
    route = f"retries: {{attempts: 2, backoff: 1ms, perTryTimeout: {PER_TRY}s, retryOn: 5xx}}, "
    policy = f"retryBudget: {{{budget}, minRetryConcurrency: {minimum}}}, "
    agree_before_one_host(envoy, route, policy, script, 2)


hangs: st.SearchStrategy[list[Step]] = st.lists(st.sampled_from(["hang", 200, 503]), min_size=1, max_size=5)


@share(4)
@given(st.integers(1, 3), words, st.booleans(), hangs)
def test_hanging_tries_are_cut_off_and_retried_as_under_envoy(
    envoy: Envoy, attempts: int, on: str, overall: bool, script: list[Step]
) -> None:
    limit = f"timeout: {OVERALL}s, " if overall else ""
    route = f"{limit}retries: {{attempts: {attempts}, backoff: 1ms, perTryTimeout: {PER_TRY}s, retryOn: '{on}'}}, "
    agree_before_one_host(envoy, route, "", script, 3)


@share(3)
@given(ejecting(100), hangs)
def test_hanging_calls_count_against_their_host_as_under_envoy(
    envoy: Envoy, policy: tuple[str, str], script: list[Step]
) -> None:
    agree_before_one_host(envoy, f"timeout: {PER_TRY}s, {policy[0]}", policy[1], script, 5)


@share(20)
@given(retrying | ejecting(34), st.lists(st.lists(steps, max_size=8), min_size=3, max_size=3))
def test_before_three_hosts_every_try_meets_the_one_that_it_meets_under_envoy(
    envoy: Envoy, policy: tuple[str, str], script: list[list[Step]]
) -> None:
    agree_before_three_hosts(envoy, *policy, script)


@share(18)
@given(retrying | ejecting(34), st.lists(st.none() | st.lists(steps, max_size=6), min_size=3, max_size=3))
def test_hosts_that_refuse_connections_are_left_as_under_envoy(
    envoy: Envoy, policy: tuple[str, str], script: list[list[Step] | None]
) -> None:
    agree_before_three_hosts(envoy, *policy, script)


@share(3)
@given(ejecting(67, 100), st.lists(st.lists(steps, max_size=8), min_size=3, max_size=3))
def test_several_ejections_leave_the_hosts_that_they_leave_under_envoy(
    envoy: Envoy, policy: tuple[str, str], script: list[list[Step]]
) -> None:
    agree_before_three_hosts(envoy, *policy, script, MERGE_WINDOW)


@pytest.mark.parametrize(("interval", "base"), [(0.3, 1.1), (0.7, 1.2)])  # longer than the window of changes
def test_ejections_end_within_one_sweep_of_envoys_and_grow_as_envoys_do(
    envoy: Envoy, interval: float, base: float
) -> None:
    times = f"interval: {interval}s, baseEjectionTime: {base}s"
    outlier = f"outlierDetection: {{consecutive5xxErrors: 1, {times}, maxEjectionPercent: 100}}, "
    text = istio_objects("alerts", NO_RETRIES, outlier)

    async def ejected(count: int) -> bool:
        return (await envoy.mesh.edge("alerts")).active_ejections == count

    async def ejections() -> list[float]:
        await envoy.apply(text, {"alerts-0": [503, 503]})
        lasted: list[float] = []
        while len(lasted) < 2:
            began = time.monotonic()
            assert (await envoy.call("alerts")).met == ("alerts-0",)  # the failure that ejects
            await eventually(lambda: ejected(1))
            await eventually(lambda: ejected(0))
            lasted.append(time.monotonic() - began)
        return lasted

    for number, lasted in enumerate(envoy.runner.run(ejections()), 1):
        assert base * number <= lasted <= base * (number + 0.5) + interval  # half of it for timers and questions
