"""OutlierDetection -> Envoy's outlier_detection (core/cluster_traffic_policy.go, applyOutlierDetection)."""

from __future__ import annotations

from typing import Any

from istio.objects.destination_rule import OutlierDetection
from istio.objects.duration import envoy_duration


def outlier_detection(outlier: OutlierDetection) -> dict[str, Any]:
    """Envoy's block. What is left out keeps Envoy's default: 5 consecutive 5xx, 10 s, 30 s, 10 %."""
    out: dict[str, Any] = {"enforcing_success_rate": 0}
    if outlier.consecutive_5xx_errors is not None:
        out["consecutive_5xx"] = outlier.consecutive_5xx_errors
        out["enforcing_consecutive_5xx"] = _enforced(outlier.consecutive_5xx_errors)
    if outlier.consecutive_gateway_errors is not None:
        out["consecutive_gateway_failure"] = outlier.consecutive_gateway_errors
        out["enforcing_consecutive_gateway_failure"] = _enforced(outlier.consecutive_gateway_errors)
    if outlier.interval is not None:
        out["interval"] = envoy_duration(outlier.interval)
    if outlier.base_ejection_time is not None:
        out["base_ejection_time"] = envoy_duration(outlier.base_ejection_time)
    if outlier.max_ejection_percent:
        out["max_ejection_percent"] = outlier.max_ejection_percent
    if outlier.split_external_local_origin_errors:
        out["split_external_local_origin_errors"] = True
        out["enforcing_local_origin_success_rate"] = 0
        if outlier.consecutive_local_origin_failures:
            out["consecutive_local_origin_failure"] = outlier.consecutive_local_origin_failures
            out["enforcing_consecutive_local_origin_failure"] = 100
    return out


def _enforced(threshold: int) -> int:
    return 100 if threshold else 0
