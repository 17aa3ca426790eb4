"""One demonstration from its first state to its checks, in a world that runs or in one of its own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import yaml

from benchmarks.demos.airport import ANSWER_S, NAMESPACE, Airport, Say, documents
from benchmarks.demos.demo import Check, Counterpart, Demo
from benchmarks.demos.moved import moved
from benchmarks.demos.stage import Stage, local
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
    """Return the running mesh world that the demonstrations can use; without a name, none that a command runs on.

    Raises BadInput: there is none, there are several and no name is given, or it is not of the right kind.
    """
    names = [name] if name else await target.staying()
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
        async with entered(await local(world), say) as airport:
            return await on_mesh(demo, airport)
    finally:
        await world.down()


@asynccontextmanager
async def entered(stage: Stage, say: Say) -> AsyncIterator[Airport]:
    """Enter a stage: as somebody outside, and as who may speak to admin ports."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_S)

    def session(headers: Mapping[str, str]) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0), headers=headers)

    # the secret of the admin ports is not for the application, let alone for whoever is on the way to it
    async with session({}) as http, session(stage.world.headers) as control:
        yield Airport(stage, http, control, say)


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
        async with entered(await local(world), say) as airport:
            return await counterpart.run(airport)
    finally:
        await world.down()


def _rendered(counterpart: Counterpart) -> Rendered:
    """The overlay with what is needed of it. The library's policies are derived for our own namespace."""
    with tempfile.TemporaryDirectory(prefix="goaround-demo-") as folder:
        if counterpart.objects:
            there = moved(documents(counterpart.objects), HOME)
            (Path(folder) / "objects.yaml").write_text(yaml.safe_dump_all(there, sort_keys=False))
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
