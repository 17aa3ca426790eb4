"""What a scenario must come to in an arm, by arithmetic alone: a cell that shows no more has taught nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks import closed_form
from benchmarks.actions.canary import Canary
from benchmarks.faults.abort import Abort
from benchmarks.measures.amplification import ENTRY, Amplification
from benchmarks.record import EdgeRecord, Record
from benchmarks.scenario import Scenario
from istio import library
from istio.objects import Document, parse
from k8s.target import MODE_VARIABLE, WITHOUT_LIBRARY
from resilience_lib import Outcome
from resilience_lib.conditions import retry_condition


@dataclass(frozen=True, slots=True)
class Prediction:
    """`success`: share of the frames that succeed while the fault lasts, with so many `tries` of each call.

    `independent`: whether each frame succeeds or fails on its own. Not where kept connections decide whom it meets.
    """

    tries: int
    success: float
    independent: bool = True


CALLED_ONCE = frozenset({"image-analysis", "face-recognition"})
"""Services that the entry calls once for every frame: whoever else fails, fails frames of some kinds, or twice over."""


def predict(scenario: Scenario, policies: Mapping[str, Any]) -> Prediction | None:
    """The closed form of a scenario in an arm; None where there is none.

    There is one for aborts that strike every replica of a service of CALLED_ONCE alike, each request on its own, before
    a client that does nothing but try again: 1 - f^n. And for a version of such a service all of whose calls fail: with
    weights 1 - w^n, where a try of the library is routed anew and one of the sidecar is not; without, w is the share
    of the replicas, and there is one in mode `none` only (what retries meet depends on the connections that are kept).
    A scenario may tell the entry to do without the library; what else it tells has no closed form, but for ids.
    `policies` is what the run's header keeps of the arm:
    {"istio": objects, "library": JSON}.
    """
    policies = _had_by(ENTRY, scenario, policies)
    if isinstance(scenario.action, Canary) and isinstance(scenario.fault, Abort):
        return _of_canary(scenario.action, scenario.fault, policies) if _as_deployed(scenario) else None
    fault = _independent(scenario)
    if fault is None or fault.service not in CALLED_ONCE or not _only_retries(policies, fault.service):
        return None
    n = tries(policies, fault.service, fault.status)
    return Prediction(n, closed_form.success(fault.rate, n))


def _of_canary(canary: Canary, fault: Abort, policies: Mapping[str, Any]) -> Prediction | None:
    callee = fault.service
    if not fault.version or fault.rate < 1 or fault.caller or callee not in CALLED_ONCE:
        return None
    if policies.get("library") and not (policies.get("istio") and _only_retries(policies, callee)):
        return None
    told = _by_library(policies, callee)
    n = 1 + told[0] if told and retry_condition(told[1])(Outcome(fault.status)) else 1
    # a sidecar draws by weight for each call; without one, a connection is drawn, and many calls go over it
    return Prediction(n, closed_form.success(canary.share, n), independent=bool(policies.get("istio")))


def _independent(scenario: Scenario) -> Abort | None:
    """The scenario's fault, if it aborts calls of frames at random, whoever makes them and whichever replica they meet.

    And nothing else happens.
    """
    fault = scenario.fault
    if not isinstance(fault, Abort) or fault.replicas != "all" or fault.caller is not None:
        return None
    return None if scenario.action or scenario.load.what != "frames" or not _as_deployed(scenario) else fault


def _as_deployed(scenario: Scenario) -> bool:
    """Whether what services are told leaves every call as it is, but for the library of some callers."""
    told = [setting for env in scenario.settings.values() for setting in env.items()]
    return all(name == "IDEMPOTENCY" or (name, value) == (MODE_VARIABLE, WITHOUT_LIBRARY) for name, value in told)


def _had_by(caller: str, scenario: Scenario, policies: Mapping[str, Any]) -> Mapping[str, Any]:
    """The policies that act on the calls of `caller`: the library's do not where it is told to do without."""
    told = scenario.settings.items()
    plain = any(service == caller and (MODE_VARIABLE, WITHOUT_LIBRARY) in env.items() for service, env in told)
    return {**policies, "library": None} if plain else policies


def per_frame(scenario: Scenario, policies: Mapping[str, Any], seen: Amplification) -> float | None:
    """Attempts that a frame becomes on the last edge of a chain; None where there is no closed form.

    There is one on the edges into a service of which every replica aborts: 1 for the frames outside the fault, and in
    it the product of the tries of each edge (r^k), when every call fails; at depth 1 the mean tries of independent
    failures. It is what retries alone would do: below it, a breaker, a limit, a budget or a timeout has held them.
    """
    fault = _independent(scenario)
    if fault is None or not seen.frames:
        return None
    edges = [edge.partition("->") for edge in seen.chain]
    if edges[-1][2] != fault.service or (len(edges) > 1 and fault.rate < 1):
        return None
    # a service passes a failure on as 502, 503 or 504: services.runtime.failures
    passed_on = fault.status if fault.status in (503, 504) else 502
    *before, last = (
        tries(_had_by(caller, scenario, policies), callee, fault.status if callee == fault.service else passed_on)
        for caller, _, callee in edges
    )
    times = closed_form.attempts(fault.rate, last) * math.prod(before)
    share = seen.faulted / seen.frames
    return 1 - share + share * times


def tries(policies: Mapping[str, Any], callee: str, status: int) -> int:
    """How often a call to `callee` is sent at most, when each answer is `status`."""
    layers = (_by_library(policies, callee), _by_proxy(policies, callee))
    # each try of the library is a call to its proxy, which has tries of its own
    return math.prod(1 + attempts for attempts, on in filter(None, layers) if retry_condition(on)(Outcome(status)))


def _by_library(policies: Mapping[str, Any], callee: str) -> tuple[int, str] | None:
    """How many retries a client makes of a call to `callee`, and on what."""
    told = json.loads(policies.get("library") or "{}").get(callee, {}).get("retry")
    return (told["attempts"], told["retry_on"]) if told else None


def _by_proxy(policies: Mapping[str, Any], callee: str) -> tuple[int, str] | None:
    """The same of its sidecar: none in an arm without objects, since that has no sidecar with defaults of its own."""
    objects = parse([Document(one) for one in policies.get("istio") or ()])
    policy = library.policies(objects, [callee])[0].get(callee) if policies.get("istio") else None
    return (policy.retry.attempts, policy.retry.retry_on) if policy and policy.retry else None


def _only_retries(policies: Mapping[str, Any], callee: str) -> bool:
    """Whether nothing else makes requests or answers of its own, as a hedge and a fallback do."""
    text = policies.get("library")
    return text is None or not {"hedge", "fallback"} & json.loads(text).get(callee, {}).keys()


def interfered(records: Iterable[Record], callee: str) -> bool:
    """Whether anything but retries acted on the edges into `callee`: then the closed form is not the whole story."""
    return any(
        _more_than_retries(edge)
        for record in records
        for name, edge in record.edges.items()
        if name.endswith(f"->{callee}")
    )


def _more_than_retries(edge: EdgeRecord) -> bool:
    return bool(edge.opens or edge.rejects or edge.ejections or edge.overflows or edge.timeouts)
