"""What a scenario may write of each kind, and that a pod understands what it is then told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from benchmarks.faults import AnyFault, Site, Victim, injected
from benchmarks.faults.expired_certificate import Expired
from benchmarks.faults.in_app import InApp, InAppSpec
from k8s.local.target import LocalTarget
from k8s.target import AS_INSTALLED, Ability, MeshOptions, Rendered
from services.runtime.faults import Faults

READ: TypeAdapter[Any] = TypeAdapter(AnyFault)
WHERE = {"service": "image-analysis", "replicas": "all"}
IN_APP: list[dict[str, Any]] = [
    {"kind": "abort", "when": "after"},
    {"kind": "burst", "on_s": 0.5, "off_s": 0.5},
    {"kind": "cpu-burn"},
    {"kind": "delay", "delay_ms": 5},
    {"kind": "delay", "delay_ms": 5, "distribution": "pareto", "shape": 2.5, "when": "after"},
    {"kind": "fail-first", "count": 2},
    {"kind": "hang", "caller": "collector"},
    {"kind": "memory", "mib": 1},
    {"kind": "partition", "caller": "collector"},
    {"kind": "partition", "caller": "collector", "how": "reset"},
    {"kind": "refuse"},
    {"kind": "reset", "when": "after"},
    {"kind": "sequence", "statuses": [200, 503]},
    {"kind": "slow-body", "bytes_per_s": 100},
    {"kind": "truncated-body"},
]


def read(**fields: Any) -> Any:
    return READ.validate_json(json.dumps({**WHERE, **fields}))


@pytest.mark.parametrize("fields", IN_APP, ids=lambda fields: fields["kind"])
async def test_a_pod_understands_what_it_is_told_of_every_kind(fields: dict[str, Any]) -> None:
    spec = read(**fields)
    assert isinstance(spec, InAppSpec)
    fault = spec.at(Site(None, None, [Victim("p-0", "", "")], "f", 1, 9.0))  # type: ignore[arg-type] # nobody is called
    assert isinstance(fault, InApp)
    faults = Faults("p-0")
    told = {**fault.parameters, "id": "f", "kind": fault.kind, "ttl_s": 9.0, "seed": 1}
    listed = json.loads(json.dumps(faults.add(told)))
    await faults.clear()
    assert {name: listed[name] for name in fault.parameters if name != "when"} == {
        name: value for name, value in fault.parameters.items() if name != "when"
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "hang", "rate": 0},
        {"kind": "truncated-body", "share": 1.0},
        {"kind": "partition"},
        {"kind": "refuse", "caller": "collector"},
        {"kind": "memory", "mib": 10_000},
        {"kind": "burst", "on_s": 0, "off_s": 1},
        {"kind": "slow-body", "bytes_per_s": 0},
        {"kind": "delay", "delay_ms": 1, "distribution": "normal"},
    ],
    ids=lambda fields: fields["kind"],
)
def test_what_a_kind_cannot_be_is_refused_where_it_is_written(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        read(**fields)


def test_a_shape_must_fit_its_distribution() -> None:
    wrong = [read(kind="delay", delay_ms=1, distribution=name, shape=1.0) for name in ("fixed", "pareto")]
    assert [list(spec.problems(3.0)) for spec in wrong] == [
        ["shape: fixed has none; leave it out"],
        ["shape: of pareto it is above 1, up to 100"],
    ]


def test_bursts_are_as_many_in_a_longer_phase() -> None:
    scaled = read(kind="burst", on_s=0.5, off_s=1.0).scaled(2)
    assert (scaled.on_s, scaled.off_s) == (1.0, 2.0)


@pytest.mark.parametrize(
    ("kind", "mode", "said"),
    [
        ("sidecar-freeze", "none", "mode none has no sidecars"),
        ("sidecar-freeze", "mesh", ""),
        ("library-missing", "mesh", "mode mesh has no library that could be missing"),
        ("library-missing", "library-endpoints", ""),
    ],
)
def test_what_a_mode_cannot_do_is_said_by_the_target(kind: str, mode: str, said: str) -> None:
    rendered = Rendered(mode, None, [], mesh=AS_INSTALLED if mode == "mesh" else None)
    (ability,) = read(kind=kind).needs - {Ability.SIGNALS}
    assert LocalTarget().supports(ability, rendered) == said
    assert LocalTarget().supports(Ability.SIGNALS, rendered) == ""


@pytest.mark.parametrize(
    ("mesh", "said"),
    [(None, "has no sidecars"), (MeshOptions(mtls=False), "speak plaintext"), (MeshOptions(), "")],
)
def test_a_certificate_expires_where_there_is_one(mesh: MeshOptions | None, said: str) -> None:
    (ability,) = read(kind="expired-certificate").needs
    why = LocalTarget().supports(ability, Rendered("mesh", None, [], mesh=mesh))
    assert said in why
    assert bool(why) is bool(said)


async def test_an_expired_certificate_is_proven_by_each_victims_failed_handshakes_and_over_when_it_is_good() -> None:
    class Stats:
        failed, ends = 3, 2000

        async def proxy_stats(self) -> dict[str, dict[str, int]]:
            at = "listener.127.0.0.1_20015.ssl."
            name = f"{at}certificate.default.expiration_unix_time_seconds"
            return {"p-0": {f"{at}connection_error": self.failed, name: self.ends}}

        async def expire(self, _pod: str, _ttl_s: float) -> None:
            self.ends = 500

        async def renew(self) -> None:
            self.ends = 2000

    world = Stats()
    fault = Expired(world, [Victim("p-0", "", "")], 9.0, wall=lambda: 1000.0)  # type: ignore[arg-type] # a part of one
    async with injected(fault):
        assert (await fault.proof()).gone == {"p-0": False}
        assert (await fault.proof()).fired == {"p-0": 0}
        world.failed += 2
        assert (await fault.proof()).fired == {"p-0": 2}
    assert (await fault.proof()).fired == {"p-0": 2}
    assert (await fault.proof()).objections() == []
