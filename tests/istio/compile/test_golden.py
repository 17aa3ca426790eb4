"""The compiler against what the real istiod generated."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest

from istio.compile import compile_proxy
from istio.objects import parse, read
from tests.istio.meaning import differences, meaning
from tests.istio.world import GOLDEN, REGISTRY

CASES = sorted((GOLDEN / "cases").glob("*.yaml"))


def comment(text: str, name: str) -> list[str]:
    found = re.search(rf"^# {name}: (.*)$", text, re.MULTILINE)
    return [one.strip() for one in found[1].split(",")] if found else []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_the_compiler_agrees_with_istiod(case: Path) -> None:
    text = case.read_text()
    expected = json.loads((GOLDEN / "expected" / f"{case.stem}.json").read_text())
    objects = parse(read(text, case.name))
    hosts = comment(text, "focus")
    found: list[str] = []
    for pod in comment(text, "proxies"):
        name, _, namespace = pod.partition(".")
        ours = asdict(compile_proxy(REGISTRY, objects, REGISTRY.proxy(name, namespace), mtls=True))
        found += differences(meaning(expected[pod], hosts), meaning(ours, hosts))
    assert found == []


def test_a_difference_is_seen() -> None:
    expected = json.loads((GOLDEN / "expected" / "10-outlier-detection.json").read_text())["collector-0.airport"]
    changed = json.loads(json.dumps(expected).replace('"max_ejection_percent": 100', '"max_ejection_percent": 10'))
    [difference] = differences(meaning(expected, []), meaning(changed, []))
    assert "max_ejection_percent: istiod says 100, we say 10" in difference


def test_a_difference_in_the_way_in_is_seen() -> None:
    expected = json.loads((GOLDEN / "expected" / "17-mtls-strict.json").read_text())["collector-0.airport"]
    changed = json.loads(json.dumps(expected).replace('"require_client_certificate": true', '"x": 1'))
    assert any("require_client_certificate" in one for one in differences(meaning(expected, []), meaning(changed, [])))


def test_the_same_listeners_exist_with_mutual_tls_and_without() -> None:
    expected = json.loads((GOLDEN / "expected" / "00-defaults.json").read_text())["collector-0.airport"]
    matches = [one["filter_chain_match"] for one in expected["listeners"]["virtualInbound"]["filter_chains"]]
    for mtls in (True, False):
        ours = compile_proxy(REGISTRY, parse([]), REGISTRY.proxy("collector-0", "airport"), mtls=mtls).listeners
        assert ours.keys() == expected["listeners"].keys()
        for chain in ours["virtualInbound"]["filter_chains"]:
            assert chain["filter_chain_match"] in matches


def test_listener_filters_are_istiods() -> None:
    for case in ("00-defaults", "17-mtls-strict"):
        text = (GOLDEN / "cases" / f"{case}.yaml").read_text()
        expected = json.loads((GOLDEN / "expected" / f"{case}.json").read_text())["collector-0.airport"]["listeners"]
        config = compile_proxy(REGISTRY, parse(read(text, case)), REGISTRY.proxy("collector-0", "airport"), mtls=True)
        ours = config.listeners["virtualInbound"]["listener_filters"]
        assert ours == expected["virtualInbound"]["listener_filters"]
