"""One demonstration from its first state to its checks, in a world that runs or in one of its own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp

from benchmarks.demos.airport import ANSWER_S, MANIFESTS, NAMESPACE, Airport, Say
from benchmarks.demos.demo import Check, Counterpart, Demo
from benchmarks.errors import BadInput
from k8s.local.client import LocalWorld
from k8s.local.target import LocalTarget
from k8s.render import NAMESPACE as HOME
from k8s.render import render
from k8s.target import MeshOptions, Rendered

UP = f"goaround up --mode mesh --namespace {NAMESPACE}"


def mesh() -> Rendered:
    """What the demonstrations run on: a mesh with a gateway, in the namespace of their objects."""
    return render("mesh", mesh=MeshOptions(gateway=True), namespace=NAMESPACE)


async def find(target: LocalTarget, name: str | None) -> LocalWorld:
    """Return the running mesh world that the demonstrations can use.

    Raises BadInput: there is none, there are several and no name is given, or it is not of the right kind.
    """
    names = [name] if name else await target.worlds()
    worlds = [await target.world(each) for each in names]
    fit = [world for world in worlds if world.mode == "mesh" and _namespace(world) == NAMESPACE]
    if not fit:
        others = "; ".join(f"{world.name} is a {world.mode} world in {_namespace(world)}" for world in worlds)
        found = f" ({others})" if others else ""
        raise BadInput([f"no mesh world in namespace {NAMESPACE} with a gateway runs{found}; start one with: {UP}"])
    if len(fit) > 1:
        raise BadInput([f"several worlds run: choose one with --name: {', '.join(world.name for world in fit)}"])
    if (await fit[0].status()).gateway is None:
        raise BadInput([f"world {fit[0].name} has no gateway; start one with: {UP}"])
    return fit[0]


def _namespace(world: LocalWorld) -> str:
    return world.beginning().namespace


async def on_mesh(demo: Demo, airport: Airport) -> list[Check]:
    """Show a demonstration, from the first state of the world; what it did stays until the next, or a reset."""
    await airport.reset(demo.replicas)
    return await demo.run(airport)


async def alone(demo: Demo, target: LocalTarget, say: Say) -> list[Check]:
    """Show a demonstration in a fresh mesh world of its own, which ends with it."""
    world = await target.up(f"demo-{os.getpid()}-{demo.name.replace('_', '-')}", mesh(), attached=True, seed=1)
    try:
        async with entered(world, say) as airport:
            return await on_mesh(demo, airport)
    finally:
        await world.down()


@asynccontextmanager
async def entered(world: LocalWorld, say: Say) -> AsyncIterator[Airport]:
    """The way into a world: its gateway, or the control panel."""
    status = await world.status()
    first = next(pod.entry for pod in status.pods if pod.deployment == "cpanel-v1")
    timeout = aiohttp.ClientTimeout(total=ANSWER_S)
    connections = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=timeout, connector=connections) as http:
        yield Airport(world, http, status.gateway.http if status.gateway else first, say)


async def in_library(demo: Demo, target: LocalTarget, say: Say) -> list[Check]:
    """Show the counterpart of a demonstration in a world of its own, which ends with it.

    Raises BadInput where there is none.
    """
    if isinstance(demo.library, str):
        raise BadInput([f"{demo.name} has no counterpart in the library: {demo.library}"])
    counterpart = demo.library
    rendered = _rendered(counterpart)
    objects = f", policies from istio/manifests/demos/{counterpart.objects}.yaml" if counterpart.objects else ""
    say(f"world of its own: mode {counterpart.mode}{objects}")
    world = await target.up(f"demo-{os.getpid()}-{counterpart.mode}", rendered, attached=True, seed=1)
    try:
        async with entered(world, say) as airport:
            return await counterpart.run(airport)
    finally:
        await world.down()


def _rendered(counterpart: Counterpart) -> Rendered:
    """The overlay with what is needed of it. The library's policies are derived for our own namespace."""
    with tempfile.TemporaryDirectory(prefix="goaround-demo-") as folder:
        if counterpart.objects:
            text = (MANIFESTS / f"{counterpart.objects}.yaml").read_text()
            for there, here in (
                (f".{NAMESPACE}.svc", f".{HOME}.svc"),
                (f"namespace: {NAMESPACE}", f"namespace: {HOME}"),
            ):
                text = text.replace(there, here)
            (Path(folder) / "objects.yaml").write_text(text)
        rendered = render(counterpart.mode, folder if counterpart.objects else None)
    wanted = counterpart.deployments
    kept = [
        one
        for one in rendered.objects
        if one["kind"] != "Deployment" or not wanted or one["metadata"]["name"] in wanted
    ]
    for one in kept:
        if one["kind"] == "Deployment" and one["metadata"]["name"] in counterpart.replicas:
            one["spec"]["replicas"] = counterpart.replicas[one["metadata"]["name"]]
    return replace(rendered, objects=kept)
