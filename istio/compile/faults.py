"""Fault injection -> the fault filter's configuration for one route (core/route/route.go, TranslateFault)."""

from __future__ import annotations

from typing import Any

from istio.objects.duration import envoy_duration
from istio.objects.model import Percent
from istio.objects.virtual_service import GRPC_STATUSES, Abort, Delay, FaultInjection

FAULT_FILTER = "envoy.filters.http.fault"
_PER_PERCENT = 10_000  # of a million


def fault_filter(fault: FaultInjection) -> dict[str, Any]:
    """Say what the route tells the fault filter. Without a percentage nothing is injected, as in Istio."""
    out: dict[str, Any] = {"@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault"}
    if fault.abort is not None:
        out["abort"] = _abort(fault.abort)
    if fault.delay is not None and fault.delay.fixed_delay is not None:
        out["delay"] = {
            "fixed_delay": envoy_duration(fault.delay.fixed_delay),
            "percentage": _delay_share(fault.delay),
        }
    return out


def share(percent: Percent) -> dict[str, Any]:
    """Return a percentage in millionths."""
    numerator = int(percent.value * _PER_PERCENT)
    return {**({"numerator": numerator} if numerator else {}), "denominator": "MILLION"}


def _abort(abort: Abort) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if abort.http_status is not None:
        out["http_status"] = abort.http_status
    if abort.grpc_status is not None:
        out["grpc_status"] = GRPC_STATUSES.index(abort.grpc_status)
    if abort.percentage is not None:
        out["percentage"] = share(abort.percentage)
    return out


def _delay_share(delay: Delay) -> dict[str, Any]:
    if delay.percentage is not None:
        return share(delay.percentage)
    # Of a hundred, which is Envoy's zero value, as is 0: istiod writes neither.
    return {"numerator": delay.percent} if delay.percent else {}
