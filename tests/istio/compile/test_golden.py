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
        ours = asdict(compile_proxy(REGISTRY, objects, REGISTRY.proxy(name, namespace)))
        found += differences(meaning(expected[pod], hosts), meaning(ours, hosts))
    assert found == []


def test_a_difference_is_seen() -> None:
    expected = json.loads((GOLDEN / "expected" / "10-outlier-detection.json").read_text())["collector-0.airport"]
    changed = json.loads(json.dumps(expected).replace('"max_ejection_percent": 100', '"max_ejection_percent": 10'))
    [difference] = differences(meaning(expected, []), meaning(changed, []))
    assert "max_ejection_percent: istiod says 100, we say 10" in difference


def test_our_plaintext_chains_are_among_istiods() -> None:
    expected = json.loads((GOLDEN / "expected" / "00-defaults.json").read_text())["collector-0.airport"]
    ours = compile_proxy(REGISTRY, parse([]), REGISTRY.proxy("collector-0", "airport")).listeners
    assert ours.keys() == expected["listeners"].keys()
    istiods = [one.get("filter_chain_match") for one in expected["listeners"]["virtualInbound"]["filter_chains"]]
    for chain in ours["virtualInbound"]["filter_chains"]:
        assert chain["filter_chain_match"] in istiods
