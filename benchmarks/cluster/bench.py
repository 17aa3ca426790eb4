"""A bench that a cluster runs for a user: worlds, a Job among them, its results copied here, and all removed again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from benchmarks import estimate, machine, order
from benchmarks.arm import Arm
from benchmarks.cluster.archive import pack
from benchmarks.cluster.copying import copy
from benchmarks.faults.whole import whole
from benchmarks.next_steps import onward
from benchmarks.profile import PolicyTimes
from benchmarks.results import Run
from benchmarks.worlds import Prepared, rendered_for
from istio.compile.versions import NEWEST, VERSIONS
from k8s.cluster import job, mesh, nodes
from k8s.cluster.api import Api
from k8s.cluster.control import new_token
from k8s.cluster.doctor import pods, unfit
from k8s.cluster.follower import Follower
from k8s.cluster.footprint import Footprint
from k8s.cluster.job import Harness
from k8s.cluster.operated import Say
from k8s.cluster.rest import rest
from k8s.cluster.target import ClusterTarget
from k8s.image import TAG, bench_of
from k8s.target import MeshOptions, TargetError

COLLECT_S = 3600
"""How long an ended Job keeps its results for whoever comes back for them."""
ROOM_S = 1800


class InCluster:
    """The cluster of an API server. `keep`: an interrupted bench goes on there without us."""

    def __init__(self, api: Api, image: str | None = None, *, keep: bool = False) -> None:
        self._api, self._image, self._keep = api, image, keep
        self._bench_image = bench_of(image or TAG)
        self.target = ClusterTarget(api, image)
        self._istio = ""

    def prepare(
        self, arms: Sequence[Arm], times: PolicyTimes | None, options: MeshOptions, *, one_world: bool, resumed: bool
    ) -> Prepared:
        """Render, and look whether the cluster has what these worlds and the Job need; nothing is made.

        Raises TargetError: with all that is missing.
        """
        rendered = {arm.name: rendered_for(arm, times, options) for arm in arms}
        missing = unfit(
            self._api,
            job.namespace("any"),
            list(rendered.values()),
            (self._image or TAG, self._bench_image),
            at_once=1 if one_world else len(rendered),
            # those of a run that goes on may have their places already
            counted=not resumed,
        )
        if missing:
            raise TargetError(missing)
        worlds = ", ".join(f"{arm} {pods(each)}" for arm, each in rendered.items())
        return Prepared(rendered, f"pods: {worlds}{', one world at a time' if one_world else ''}, and the harness")

    def release(self, _asked: str) -> str:
        """The one of ours that is the cluster's; the newest where it cannot be told."""
        self._istio = mesh.release(self._api)
        return next((each for each in VERSIONS if self._istio.startswith(each)), NEWEST)

    def surroundings(self) -> dict[str, Any]:
        """The cluster's versions and nodes, and the images; the harness adds what it sees there."""
        images = {"image": self._image or TAG, "bench_image": self._bench_image}
        return {**nodes.describe(self._api, self._istio), **images, "commit": machine.commit()}

    def versions(self) -> dict[str, str]:
        """None before: the image has its own, which the harness tells."""
        return {}

    async def bench(self, run: Run, prepared: Prepared, console: Console) -> None:
        """Attach to the run's Job, or make worlds and a Job, follow it to its end, and remove what was made.

        Raises TargetError and BadInput: what went wrong here or there; what was copied is kept.
        """

        def say(line: str) -> None:
            console.print(line, highlight=False, markup=False, soft_wrap=True)

        made = Footprint(self._api, run.name, say)
        if not run.missing():
            # killed after the last cell: its worlds may be there still
            await made.remove()
            return
        try:
            follower = await self._attached(run, made, say) or await self._begun(run, prepared, made, say)
            await self._follow(run, follower, say)
        except asyncio.CancelledError:
            if self._keep:
                say(f"what runs in the cluster is kept; follow it again with:  {onward(run)}")
                say(f"or remove it with:  goaround down --target cluster --run {run.name}")
                raise
            # to its end: whoever ends a group of processes signals us twice
            await whole([made.remove()])
            raise
        except BaseException:
            # a cluster that cannot be reached is not a reason to forget why
            with contextlib.suppress(TargetError):
                await whole([made.remove()])
            raise
        await whole([made.remove()])

    async def _attached(self, run: Run, made: Footprint, say: Say) -> Follower | None:
        """The Job of this run that is at work, or waits to be fetched; None when there is none."""
        token = await asyncio.to_thread(made.token)
        if not token:
            return None
        follower = Follower(self._api, job.namespace(run.name), token, say)
        if not await follower.alive():
            return None
        say(f"the Job of {run.name} is there: following it again")
        await follower.started()
        return follower

    async def _begun(self, run: Run, prepared: Prepared, made: Footprint, say: Say) -> Follower:
        archive = pack(run)
        await made.remove()
        token = new_token()
        say(prepared.memory)
        say(estimate.sentence(run))
        await whole([asyncio.to_thread(made.begin)])
        worlds = await self._worlds(run, token, say)
        deadline_s = round(3 * estimate.estimate_s(run)) + ROOM_S + COLLECT_S
        harness = Harness(run.name, archive, worlds, token, deadline_s, COLLECT_S, self._bench_image)
        await whole([asyncio.to_thread(made.add, job.objects(harness))])
        follower = Follower(self._api, harness.namespace, token, say)
        await follower.started()
        return follower

    async def _worlds(self, run: Run, token: str, say: Say) -> Mapping[str, str]:
        """Start the worlds one after the other; gives their namespaces by arm."""
        target = ClusterTarget(self._api, self._image, say)
        arms, times, options = order.begun(run)
        names = {}
        for number, arm in enumerate(arms, start=1):
            name = job.world(run.name, number, arm.mode)
            say(f"world {arm.name}: namespace {name}")
            rendered = rendered_for(arm, times, options, name)
            await target.up(name, rendered, attached=False, seed=run.header.seed, token=token)
            names[arm.name] = name
            if run.header.one_world_at_a_time:
                await rest(self._api, name)
        return names

    async def _follow(self, run: Run, follower: Follower, say: Say) -> None:
        """Print what the Job says, and copy its files as cells end, until it is over."""
        copied, news = "", None
        while news is None or news.code is None:
            news = await follower.news()
            for line in news.lines:
                say(line)
            if news.files != copied:
                await copy(run, follower.file)
                copied = news.files
        await follower.collected()
        if news.errors:
            raise TargetError([f"in the cluster: {error}" for error in news.errors])
