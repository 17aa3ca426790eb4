"""The dashboard and the scrape configuration, held against the metrics that real worlds export."""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from benchmarks.monitoring_cli import FILES
from benchmarks.watch.targets import targets, write
from k8s.target import KindUsage, Pod, WorldStatus
from tests.benchmarks.watch.worlds import clear, inject, pods, running, send

Exported = dict[str, set[str]]
"""Metric -> the labels that Prometheus would have for it."""

CONFIG = yaml.safe_load((FILES / "prometheus.yml").read_text())
OF_A_CLUSTER = yaml.safe_load((FILES / "cluster.yml").read_text())
DASHBOARD = json.loads((FILES / "dashboards" / "edges.json").read_text())
SELECTOR = re.compile(r"\b([a-z][a-z_]+)\{([^}]*)\}")
SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:{(.*)})? \S+$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="(?:[^"\\]|\\.)*"')
BY = re.compile(r"by \(([^)]*)\)")
WASTED = "goaround_attempts_wasted_total"
ONLY_LIBRARY, ONLY_MESH = {"goaround_policy_events_total"}, "envoy_"


def asked() -> Exported:
    """Which metrics the dashboard names, with the labels that it names of each."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            grouped = {label.strip() for labels in BY.findall(target["expr"]) for label in labels.split(",")}
            legend = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            assert legend <= grouped, panel["title"]
            for metric, matchers in SELECTOR.findall(target["expr"]):
                found[metric] |= grouped | set(re.findall(r"(\w+)(?:=|!=)", matchers))
    for variable in DASHBOARD["templating"]["list"]:
        metric, label = re.fullmatch(r"label_values\((\w+)(?:{.*})?, (\w+)\)", variable["query"]["query"]).groups()  # type: ignore[union-attr] # a query that does not match fails the test
        found[metric].add(label)
    return dict(found)


async def exported(http: aiohttp.ClientSession, status: WorldStatus) -> Exported:
    """Scrape a world as the configuration says, relabelling included."""
    (job,) = CONFIG["scrape_configs"]
    (rule,) = job["metric_relabel_configs"]
    renamed = re.compile(rule["regex"])
    found: defaultdict[str, set[str]] = defaultdict(set)
    for target in targets(status):
        labels = dict(target["labels"])
        (address,), path = target["targets"], labels.pop("__metrics_path__")
        async with http.get(f"http://{address}{path}") as answer:
            assert answer.status == 200
            text = await answer.text()
        for name, inside in SAMPLE.findall(text):  # prometheus_client's parser gives Envoy's counters other names
            shorter = renamed.fullmatch(name)
            found[shorter[1] if shorter else name] |= {*LABEL.findall(inside), *labels}
    return dict(found)


async def stirred(state: Path, mode: str) -> Exported:
    """Make everything happen in a world that is counted: calls, failures, retries, and work for nobody."""
    async with running(state, mode) as world, aiohttp.ClientSession() as http:
        entries, victims = await pods(world, "collector"), await pods(world, "image-analysis")
        await inject(http, victims, kind="abort", status=503, rate=0.5)
        for index in range(20):
            await send(http, entries[0].entry, index)
        await clear(http, victims)
        await inject(http, entries[:1], kind="delay", delay_ms=200, rate=1)
        assert await send(http, entries[0].app, 99, timeout_s=0.1) is None
        await clear(http, entries[:1])
        status = await world.status()
        async with asyncio.timeout(10):
            # The one that was given up is still held back; it is counted when it is answered, to nobody.
            while WASTED not in (found := await exported(http, status)):  # noqa: ASYNC110 - pods tell nobody
                await asyncio.sleep(0.05)
        return found


@pytest.mark.parametrize("mode", ["library", "mesh"])
async def test_every_metric_and_label_of_the_dashboard_is_exported_by_real_worlds(mode: str, tmp_path: Path) -> None:
    wanted, there = asked(), await stirred(tmp_path, mode)
    assert len(wanted) >= 10
    for metric, labels in wanted.items():
        if mode == "library" and metric.startswith(ONLY_MESH):
            continue
        if mode == "mesh" and metric in ONLY_LIBRARY:
            continue
        assert metric in there
        assert labels <= there[metric] | {"le"}, metric
        assert ("le" in labels) <= ("le" in there[metric])


def found_in_a_cluster(port: int) -> dict[str, str] | None:
    """A port of a pod as a target, relabelled as Prometheus does it; None for one that is not kept."""
    (job,) = OF_A_CLUSTER
    labels = {
        "__metrics_path__": "/metrics",
        "__meta_kubernetes_namespace": "airport",
        "__meta_kubernetes_pod_name": "alerts-0-0",
        "__meta_kubernetes_pod_label_app": "alerts",
        "__meta_kubernetes_pod_label_project": "airport",
        "__meta_kubernetes_pod_container_port_number": str(port),
    }
    for rule in job["relabel_configs"]:
        read = ";".join(labels[name] for name in rule["source_labels"])
        matches = re.fullmatch(rule.get("regex", ".*"), read) is not None
        if rule.get("action") == "keep":
            if not matches:
                return None
        elif matches:
            labels[rule["target_label"]] = rule.get("replacement", read)
    return {name: value for name, value in labels.items() if not name.startswith("__meta")}


def test_the_pages_of_a_clusters_pods_have_the_labels_of_the_dashboard() -> None:
    of_both = {"world": "airport", "service": "alerts", "pod": "alerts-0-0"}
    assert found_in_a_cluster(9090) == {**of_both, "exporter": "app", "__metrics_path__": "/metrics"}
    assert found_in_a_cluster(15090) == {**of_both, "exporter": "proxy", "__metrics_path__": "/stats/prometheus"}
    assert [found_in_a_cluster(port) for port in (8080, 9091, 15020)] == [None, None, None]


def test_the_dashboard_is_provisioned_with_the_source_that_it_names() -> None:
    (source,) = yaml.safe_load((FILES / "provisioning" / "datasources" / "prometheus.yaml").read_text())["datasources"]
    named: list[dict[str, Any]] = [panel["datasource"] for panel in DASHBOARD["panels"]]
    assert {one["uid"] for one in named} == {source["uid"]}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_the_targets_of_a_world_that_is_gone_are_taken_away(tmp_path: Path) -> None:
    usage = KindUsage()
    pod = Pod("a-0", "a", "v1", "Running", True, 0, 1.0, "", "h:1", "h:1", "h:2", "h:3", usage, usage)
    write([WorldStatus("one", "mesh", (pod,)), WorldStatus("two", "mesh", ())], tmp_path)
    write([WorldStatus("one", "mesh", (pod,))], tmp_path)
    (left,) = tmp_path.iterdir()
    assert [(one["targets"], one["labels"]["exporter"]) for one in json.loads(left.read_text())] == [
        (["h:2"], "app"),
        (["h:3"], "proxy"),
    ]
