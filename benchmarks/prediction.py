"""What a scenario must come to in an arm, by arithmetic alone: a cell that shows no more has taught nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks import closed_form
from benchmarks.faults.abort import Abort
from benchmarks.record import EdgeRecord, Record
from benchmarks.scenario import Scenario
from istio import library
from istio.objects import Document, parse
from resilience_lib import EdgePolicy, Outcome, RetryPolicy
from resilience_lib.conditions import retry_condition


@dataclass(frozen=True, slots=True)
class Prediction:
    """`success`: share of the frames that succeed while the fault lasts; `attempts`: per call into its service."""

    tries: int
    success: float
    attempts: float


def predict(scenario: Scenario, policies: Mapping[str, Any]) -> Prediction | None:
    """The closed form of a scenario in an arm; None where there is none.

    There is one for aborts that strike every replica alike, each request on its own, before a client that does nothing
    but try again: 1 - f^n. `policies` is what the run's header keeps of the arm: {"istio": objects, "library": JSON}.
    """
    fault = scenario.fault
    if not isinstance(fault, Abort) or fault.replicas != "all":
        return None
    n = tries(policies, fault.service, fault.status)
    return Prediction(n, closed_form.success(fault.rate, n), closed_form.attempts(fault.rate, n))


def tries(policies: Mapping[str, Any], callee: str, status: int) -> int:
    """How often a call to `callee` is sent at most, when each answer is `status`."""
    text = policies.get("library")
    if text is not None:
        told = json.loads(text).get(callee, {}).get("retry")
        retry = RetryPolicy(**told) if told else None
    else:
        objects = parse([Document(one) for one in policies.get("istio") or ()])
        # an arm without a sidecar has no objects, and no retries that Istio would add by itself
        carried = library.policies(objects, [callee])[0] if policies.get("istio") else {}
        retry = carried.get(callee, EdgePolicy()).retry
    return 1 + retry.attempts if retry and retry_condition(retry.retry_on)(Outcome(status)) else 1


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
