"""Faults in a small mesh of real pods and real sidecars, and the sweep that ends what somebody left there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any, cast

import pytest
import pytest_asyncio
from pydantic import TypeAdapter

from benchmarks.actions.scale import Scale
from benchmarks.faults import AnyFault, Fault, FaultFailed, Spec, injected
from benchmarks.faults.process import process
from benchmarks.faults.sweep import active, sweep
from benchmarks.settings import Settings, told
from k8s.target import Pod, World, WorldStatus
from tests.benchmarks.faults.mesh import SmallMesh, running

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SmallMesh]:
    async with running(tmp_path_factory.mktemp("mesh")) as found:
        yield found


async def fault(mesh: SmallMesh, **fields: Any) -> Fault:
    """A fault as a scenario writes it, ready to strike the first replica."""
    spec: Spec = TypeAdapter(AnyFault).validate_python({"service": "image-analysis", "replicas": 1, **fields})
    return spec.at(await mesh.site())


async def started_again(mesh: SmallMesh, restarts: int) -> None:
    """Wait until the first replica is ready after so many restarts in all."""
    async with asyncio.timeout(20):
        while not (pod := (await mesh.world.status()).pods[0]).ready or pod.restarts < restarts:
            pass


async def kinds(mesh: SmallMesh) -> list[tuple[str, str]]:
    return [(one.pod, one.kind) for one in await active(mesh.world, mesh.http)]


async def test_a_pod_that_is_not_ready_because_it_refuses_is_found_and_cleared(mesh: SmallMesh) -> None:
    await (await fault(mesh, kind="refuse")).inject()
    async with asyncio.timeout(15):
        while (await mesh.world.status()).ready:
            pass
    assert await kinds(mesh) == [("image-analysis-0", "refuse")]
    assert [one.id for one in await sweep(mesh.world, mesh.http)] == ["f1"]
    assert await kinds(mesh) == []


async def test_withdrawn_objects_are_put_back(mesh: SmallMesh) -> None:
    await (await fault(mesh, kind="config-withdrawn")).inject()
    assert await kinds(mesh) == [("all", "config-withdrawn")]
    await sweep(mesh.world, mesh.http)
    assert len(await mesh.world.get()) == 1


async def test_expired_certificates_are_renewed(mesh: SmallMesh) -> None:
    await (await fault(mesh, kind="expired-certificate")).inject()
    assert await kinds(mesh) == [("all", "expired-certificate")]
    await sweep(mesh.world, mesh.http)
    assert (await mesh.world.status()).ailing == ()


async def test_a_frozen_sidecar_is_thawed(mesh: SmallMesh) -> None:
    await (await fault(mesh, kind="sidecar-freeze")).inject()
    assert [(one.pod, one.kind, one.id) for one in await sweep(mesh.world, mesh.http)] == [
        ("image-analysis-0", "freeze", "proxy")
    ]
    assert await kinds(mesh) == []


@pytest.mark.parametrize("ready", [True, False])
async def test_who_does_not_answer_is_an_error_only_where_it_should(mesh: SmallMesh, ready: bool) -> None:
    (pod, _) = (await mesh.world.status()).pods
    silent = replace(pod, admin="127.0.0.1:1", ready=ready)
    if ready:
        with pytest.raises(FaultFailed, match=r"image-analysis-0 does not tell its faults at 127\.0\.0\.1:1"):
            await active(shown(silent), mesh.http)
    else:
        assert await active(shown(silent), mesh.http) == []


async def test_a_withdrawal_is_proven_by_what_is_in_effect_and_over_when_all_is_back(mesh: SmallMesh) -> None:
    withdrawal = await fault(mesh, kind="config-withdrawn")
    async with injected(withdrawal):
        assert await mesh.world.get() == []
        assert (await withdrawal.proof()).gone == {"istio": False}
    proof = await withdrawal.proof()
    assert (proof.objections(), proof.fired) == ([], {"istio": 1})
    assert len(await mesh.world.get()) == 1


async def test_a_frozen_sidecar_stands_still_and_its_application_does_not(mesh: SmallMesh) -> None:
    freeze = await fault(mesh, kind="sidecar-freeze")
    async with injected(freeze):
        assert (await mesh.world.status()).pods[0].frozen == ("proxy",)
    proof = await freeze.proof()
    assert (proof.objections(), proof.fired) == ([], {"image-analysis-0": 1})


async def test_a_killed_sidecar_is_started_again_and_its_application_lives_on(mesh: SmallMesh) -> None:
    age_s = await age(mesh)
    kill = await fault(mesh, kind="sidecar-crash", down_s=0.1)
    async with injected(kill):
        assert not (await kill.proof()).gone["image-analysis-0"]
    proof = await kill.proof()
    assert (proof.objections(), proof.fired) == ([], {"image-analysis-0": 1})
    assert await age(mesh) > age_s


@pytest.mark.parametrize("kind", ["refuse", "freeze"])
async def test_what_ends_with_its_process_is_proven_and_tells_that_it_was_cut_short(mesh: SmallMesh, kind: str) -> None:
    struck = await fault(mesh, kind=kind)
    async with injected(struck):
        await started_again(mesh, await killed(mesh))  # as a kubelet does with who does not answer its liveness probe
    proof = await struck.proof()
    assert (proof.objections(), list(proof.cut_short)) == ([], ["image-analysis-0"])


async def test_what_lasts_to_its_end_is_not_cut_short(mesh: SmallMesh) -> None:
    for kind in ("refuse", "freeze"):
        struck = await fault(mesh, kind=kind)
        async with injected(struck):
            pass
        assert (await struck.proof()).cut_short == {}


async def test_a_missing_library_is_proven_by_what_the_process_runs_with(mesh: SmallMesh) -> None:
    missing = await fault(mesh, kind="library-missing")
    async with injected(missing):
        assert [await mode(mesh, pod) for pod in (0, 1)] == ["plain", "library"]
        assert (await missing.proof()).gone == {"image-analysis-0": False}
        with pytest.raises(FaultFailed, match="no library that could be missing: image-analysis-0"):
            await (await fault(mesh, kind="library-missing")).inject()
    proof = await missing.proof()
    assert (proof.objections(), proof.fired) == ([], {"image-analysis-0": 1})
    assert await mode(mesh, 0) == "library"


async def test_a_missing_library_is_found_and_put_back_unless_it_was_left_out_on_purpose(mesh: SmallMesh) -> None:
    await (await fault(mesh, kind="library-missing")).inject()
    assert await active(mesh.world, mesh.http, told=["image-analysis"]) == []
    assert await sweep(mesh.world, mesh.http, told=["image-analysis"]) == []
    assert await kinds(mesh) == [("image-analysis-0", "library-missing")]
    await sweep(mesh.world, mesh.http)
    assert await mode(mesh, 0) == "library"


async def test_settings_are_told_for_a_while_and_then_no_more(mesh: SmallMesh) -> None:
    settings: Settings = {"image-analysis": {"WORKERS": "3", "IDEMPOTENCY": "off", "RESILIENCE_MODE": "plain"}}
    async with told(mesh.world, mesh.http, settings, 600):
        assert [(await said(mesh, pod))["WORKERS"] for pod in (0, 1)] == [3, 3]
    assert [(await said(mesh, pod))["WORKERS"] for pod in (0, 1)] == [0, 0]


async def test_replicas_that_are_added_run_with_the_settings_of_those_that_were_there(mesh: SmallMesh) -> None:
    more = Scale(kind="scale", service="image-analysis", before=1, after=2)
    scaled = more.at(await mesh.site())
    async with (
        told(mesh.world, mesh.http, {"image-analysis": {"WORKERS": "3"}}, 600),
        more.prepared(mesh.world),
        injected(scaled),
    ):
        assert [(await said(mesh, pod))["WORKERS"] for pod in (0, 1)] == [3, 3]
    assert [(await said(mesh, pod))["WORKERS"] for pod in (0, 1)] == [0, 0]


async def test_settings_that_are_lost_before_their_end_are_named(mesh: SmallMesh) -> None:
    with pytest.raises(FaultFailed) as lost:
        async with told(mesh.world, mesh.http, {"image-analysis": {"RESILIENCE_MODE": "plain"}}, 600):
            await mesh.world.restart("image-analysis-1")
    assert str(lost.value) == "image-analysis-1 runs with RESILIENCE_MODE=library, and was told plain"


async def test_settings_of_a_service_that_has_no_pod_are_an_error(mesh: SmallMesh) -> None:
    with pytest.raises(FaultFailed, match="alerts has no pod"):
        async with told(mesh.world, mesh.http, {"alerts": {"WORKERS": "3"}}, 600):
            pass


async def said(mesh: SmallMesh, number: int) -> Mapping[str, Any]:
    pod = (await mesh.world.status()).pods[number]
    return (await process(mesh.http, pod.name, pod.admin)).settings


async def mode(mesh: SmallMesh, number: int) -> str:
    return str((await said(mesh, number))["RESILIENCE_MODE"])


async def age(mesh: SmallMesh) -> float:
    pod = (await mesh.world.status()).pods[0]
    return (await process(mesh.http, pod.name, pod.admin)).age_s


async def killed(mesh: SmallMesh) -> int:
    """Kill the first replica's application; returns how many restarts it has when it is back."""
    pod = (await mesh.world.status()).pods[0]
    await mesh.world.kill(pod.name)
    return pod.restarts + 1


def shown(pod: Pod) -> World:
    """A world that has one pod and says nothing else."""

    class One:
        async def status(self) -> WorldStatus:
            return WorldStatus("one", "mesh", (pod,))

    return cast("World", One())
