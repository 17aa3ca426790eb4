"""Counters and their two forms: the harness's JSON, and Prometheus' text under the mesh's names."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from services.runtime.clients import Recorder
from services.runtime.metrics import LABELS, exposition
from services.runtime.telemetry import BUCKETS, Histogram, Telemetry
from tests.services.scripted import settings_of


@pytest.fixture
def telemetry(tmp_path: Path) -> Telemetry:
    made = Telemetry(settings_of(tmp_path))
    recorder: Recorder = made  # it is what the clients ask for
    recorder.logical("alerts")
    recorder.sent("alerts")
    recorder.sent("alerts")
    recorder.event("alerts", "retry")
    recorder.opened("alerts", "127.0.0.1:1")
    recorder.outcome("alerts", 503, "URX", 0.030)
    recorder.outcome("alerts", 200, None, 0.003)
    made.received("camera-agent-1")
    made.wasted("camera-agent-1")
    made.answered("camera-agent-1", 200, "-", 0.004, 100, 20)
    return made


def samples(telemetry: Telemetry) -> dict[tuple[str, str, str], float]:
    """Read the text back: value by name, reporter and response code."""
    return {
        (one.name, one.labels.get("reporter", ""), one.labels.get("response_code", "")): one.value
        for family in text_string_to_metric_families(exposition(telemetry).decode())
        for one in family.samples
        if one.labels.get("le", "+Inf") == "+Inf"
    }


def test_counters_are_the_json_of_the_contract(telemetry: Telemetry) -> None:
    assert telemetry.counters() == {
        "in_flight": 1,
        "logical": {"alerts": 1},
        "sent": {"alerts": 2},
        "received": {"camera-agent-1": 1},
        "wasted": {"camera-agent-1": 1},
        "outcomes": {"alerts": {"503/URX": 1, "200/-": 1}},
        "events": {"alerts": {"retry": 1}},
        "connections": {"alerts": {"127.0.0.1:1": 1}},
    }


def test_reset_zeroes_everything_but_what_is_in_flight(telemetry: Telemetry) -> None:
    telemetry.reset()
    counters = telemetry.counters()
    assert counters.pop("in_flight") == 1
    assert not any(counters.values())


def test_the_text_has_the_meshs_names_for_both_reporters(telemetry: Telemetry) -> None:
    found = samples(telemetry)
    assert found["istio_requests_total", "destination", "200"] == 1
    assert found["istio_requests_total", "source", "200"] == 1
    assert found["istio_requests_total", "source", "503"] == 1
    assert found["istio_request_duration_milliseconds_sum", "source", "503"] == pytest.approx(30)
    assert found["istio_request_bytes_sum", "destination", "200"] == 100
    assert found["istio_response_bytes_sum", "destination", "200"] == 20
    assert found["goaround_attempts_sent_total", "", ""] == 2
    assert found["goaround_logical_calls_total", "", ""] == 1
    assert found["goaround_attempts_received_total", "", ""] == 1
    assert found["goaround_attempts_wasted_total", "", ""] == 1
    assert not any(name.endswith("_created") for name, _, _ in found)


def test_every_request_series_has_all_labels_of_the_mesh(telemetry: Telemetry) -> None:
    families = {one.name: one for one in text_string_to_metric_families(exposition(telemetry).decode())}
    for sample in families["istio_requests"].samples:
        assert set(sample.labels) == set(LABELS)
        assert all(sample.labels.values())
    by_reporter = {one.labels["reporter"]: one.labels for one in families["istio_requests"].samples}
    assert by_reporter["destination"]["source_workload"] == "camera-agent-1"
    assert by_reporter["destination"]["connection_security_policy"] == "none"
    assert by_reporter["source"]["destination_service"] == "alerts.airport.svc.cluster.local"
    assert by_reporter["source"]["connection_security_policy"] == "unknown"


def test_bounds_are_written_as_envoy_writes_them(telemetry: Telemetry) -> None:
    text = exposition(telemetry).decode()
    for bound in ("0.5", "1", "2500", "10000", "300000", "1800000", "3600000", "+Inf"):
        assert f'le="{bound}"' in text


@given(st.lists(st.floats(0, 1e7)))
def test_a_value_is_counted_in_the_first_bucket_that_holds_it(values: list[float]) -> None:
    histogram = Histogram()
    for value in values:
        histogram.observe(value)
    for index, bound in enumerate(BUCKETS):
        assert sum(histogram.counts[: index + 1]) == sum(value <= bound for value in values)
    assert sum(histogram.counts) == len(values)
