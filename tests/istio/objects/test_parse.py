"""What is accepted, what is refused, and in which words."""

import json
from pathlib import Path

import pytest

from istio.objects import Document, Refused, parse, read
from tests.istio.world import GOLDEN, destination_rule, objects, virtual_service

SAID_OF = json.loads((GOLDEN / "invalid.json").read_text())
ROUTE = "route: [{destination: {host: section-1}}]"


def refusal(text: str) -> str:
    with pytest.raises(Refused) as caught:
        objects(text)
    return str(caught.value)


@pytest.mark.parametrize("name", [name for name, said in SAID_OF.items() if said])
def test_what_istiod_refuses_is_refused_at_one_place(name: str) -> None:
    with pytest.raises(Refused) as caught:
        parse(read((GOLDEN / "invalid" / f"{name}.yaml").read_text(), f"{name}.yaml"))
    [error] = [one for one in caught.value.errors if one.path != "spec.http[0].route"] or caught.value.errors
    assert error.line > 0
    assert error.path.startswith("spec")


@pytest.mark.parametrize("name", [name for name, said in SAID_OF.items() if not said and name != "unknown-field"])
def test_what_istiod_accepts_is_accepted(name: str) -> None:
    assert parse(read((GOLDEN / "invalid" / f"{name}.yaml").read_text(), f"{name}.yaml")).to_data()


def test_an_unknown_field_is_refused_by_file_line_and_path_with_the_choices() -> None:
    text = virtual_service("section-1", f"{{retries: {{attempts: 1, foo: 2}}, {ROUTE}}}")
    assert refusal(text) == (
        "test.yaml:5: spec.http[0].retries.foo: is no field; one of attempts, backoff, perTryTimeout, "
        "retryIgnorePreviousHosts, retryOn, retryRemoteLocalities"
    )


def test_a_field_of_istio_that_is_not_supported_is_refused_as_such() -> None:
    text = destination_rule("section-1", "trafficPolicy: {tunnel: {protocol: CONNECT}}")
    assert "spec.trafficPolicy.tunnel: is Istio's, but goaround does not support it" in refusal(text)


def test_every_error_of_every_document_is_told_at_once() -> None:
    bad = virtual_service("a", "{timeout: 3, retries: {attempts: -1}, route: [{destination: {}}]}")
    worse = destination_rule("b", "trafficPolicy: {outlierDetection: {maxEjectionPercent: 101, bar: 1}}")
    with pytest.raises(Refused) as caught:
        objects(bad + worse)
    assert [error.path for error in caught.value.errors] == [
        "spec.http[0].route[0].destination.host",
        "spec.http[0].timeout",
        "spec.http[0].retries.attempts",
        "spec.trafficPolicy.outlierDetection.maxEjectionPercent",
        "spec.trafficPolicy.outlierDetection.bar",
    ]


@pytest.mark.parametrize("kind", ["EnvoyFilter", "Telemetry", "Service"])
def test_an_unsupported_kind_is_refused_by_name(kind: str) -> None:
    text = f"{{apiVersion: networking.istio.io/v1, kind: {kind}, metadata: {{name: x}}}}"
    assert f"kind: {kind} is not supported; one of VirtualService, DestinationRule" in refusal(text)


def test_an_api_version_that_does_not_exist_is_refused() -> None:
    text = virtual_service("section-1", f"{{{ROUTE}}}").replace("istio.io/v1", "istio.io/v2")
    assert "apiVersion: must be one of networking.istio.io/v1" in refusal(text)


def test_the_same_object_twice_is_refused() -> None:
    assert "VirtualService airport section-1 stands twice" in refusal(virtual_service("section-1", f"{{{ROUTE}}}") * 2)


@pytest.mark.parametrize("data", [{}, {"kind": None}, {"kind": "VirtualService"}, {"kind": ["x"]}])
def test_an_object_that_is_hardly_one_is_refused_too(data: dict[str, object]) -> None:
    with pytest.raises(Refused):
        parse([Document(data)])


def test_objects_stand_in_istiods_order_whatever_the_order_of_files() -> None:
    older = destination_rule("z", "subsets: []").replace(
        "airport}", 'airport, creationTimestamp: "2020-01-01T00:00:00Z"}'
    )
    younger = destination_rule("a", "subsets: []").replace(
        "airport}", 'airport, creationTimestamp: "2021-01-01T00:00:00Z"}'
    )
    assert [one.spec.host for one in objects(younger + older).destination_rules] == ["z", "a"]


@pytest.mark.parametrize("case", sorted((GOLDEN / "cases").glob("*.yaml")), ids=lambda case: case.stem)
def test_objects_written_out_are_read_back_as_they_were(case: Path) -> None:
    first = parse(read(case.read_text(), case.name))
    assert parse([Document(data) for data in first.to_data()]) == first
