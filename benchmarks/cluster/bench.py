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
from benchmarks.errors import NotRemoved
from benchmarks.faults.whole import whole
from benchmarks.next_steps import onward, removal
from benchmarks.profile import PolicyTimes
from benchmarks.results import Run
from benchmarks.scenario import Scenario
from benchmarks.worlds import Prepared, rendered_for
from istio.compile.versions import NEWEST, VERSIONS
from k8s.cluster import job, mesh, nodes
from k8s.cluster.api import NAMESPACES, Api, ApiError
from k8s.cluster.control import new_token, token_of
from k8s.cluster.doctor import pods, unfit
from k8s.cluster.follower import Ended, Follower
from k8s.cluster.footprint import Footprint
from k8s.cluster.job import Harness
from k8s.cluster.operated import Say
from k8s.cluster.rest import rest
from k8s.cluster.target import ClusterTarget
from k8s.image import TAG, bench_of
from k8s.target import MeshOptions, TargetError

COLLECT_S = 3600
"""How long the worlds of a bench that is over keep their pods, while nobody has fetched its results."""
ROOM_S = 1800
STARTS_S = 240
"""What a cell may take longer for which pods are started, one after the other, before it and after it."""


class InCluster:
    """The cluster of an API server. `keep`: an interrupted bench goes on there without us.

    `context`: the one that the user named, for commands that we tell him.
    """

    def __init__(self, api: Api, image: str | None = None, *, keep: bool = False, context: str | None = None) -> None:
        self._api, self._image, self._keep, self._context = api, image, keep, context
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
        which = {"cluster": uid} if (uid := self.identity()) else {}
        return {**nodes.describe(self._api, self._istio), **which, **images, "commit": machine.commit()}

    def identity(self) -> str:
        """The uid of the namespace kube-system, which is there as long as the cluster is; empty where none may look."""
        try:
            return str(self._api.get(f"{NAMESPACES}/kube-system")["metadata"]["uid"])
        except ApiError as error:
            if error.status in (403, 404):
                return ""
            raise

    def versions(self) -> dict[str, str]:
        """None before: the image has its own, which the harness tells."""
        return {}

    async def bench(self, run: Run, prepared: Prepared, console: Console) -> None:
        """Attach to the run's Job, or make worlds and a Job, follow it to its end, and remove what was made.

        A Job that is at work is left so when only we have failed: it does not need us, and can be followed again.

        Raises TargetError and BadInput: what went wrong here or there; what was copied is kept. NotRemoved: all is
        measured and copied, and something is left in the cluster.
        """

        def say(line: str) -> None:
            console.print(line, highlight=False, markup=False, soft_wrap=True)

        made = Footprint(self._api, run.name, say)
        if not run.missing():
            # killed after the last cell: its worlds may be there still
            await self._cleared(run, made, say)
            return
        follower = None
        try:
            follower = await self._attached(run, made, say) or await self._begun(run, prepared, made, say)
            errors = await self._follow(run, follower, say)
        except asyncio.CancelledError:
            if follower is not None and self._keep:
                self._leave(run, say)
            elif follower is not None:
                await self._given_up(run, made, say)
            raise
        except Ended:
            run.reread()
            if run.missing():
                await self._given_up(run, made, say)
                raise
            # another process follows it too: that one has copied all, and told the harness so
            errors = ()
        except BaseException:
            if follower is not None:
                self._leave(run, say)
            raise
        if errors:
            await self._given_up(run, made, say)
            raise TargetError([f"in the cluster: {error}" for error in errors])
        await self._cleared(run, made, say)

    def _leave(self, run: Run, say: Say) -> None:
        """Say how to go on with what stays at work."""
        say(f"what runs in the cluster is kept; follow it again with:  {onward(run, self._context)}")
        say(f"or remove it with:  {removal(run, self._context)}")

    async def _removed(self, run: Run, made: Footprint, say: Say) -> None:
        """Remove all that the run has made, to its end: whoever ends a group of processes signals us twice.

        Raises TargetError, after it has said what to do about it.
        """
        try:
            await whole([made.remove()])
        except TargetError:
            say(f"what {run.name} has made could not be removed: {removal(run, self._context)}")
            raise

    async def _given_up(self, run: Run, made: Footprint, say: Say) -> None:
        """Remove it after something went wrong: that this goes wrong as well is no reason to forget what did."""
        with contextlib.suppress(TargetError):
            await self._removed(run, made, say)

    async def _cleared(self, run: Run, made: Footprint, say: Say) -> None:
        """Remove it after all is measured. Raises NotRemoved."""
        try:
            await self._removed(run, made, say)
        except TargetError as error:
            raise NotRemoved(error.errors) from error

    async def _attached(self, run: Run, made: Footprint, say: Say) -> Follower | None:
        """The Job of this run that is at work, or waits to be fetched; None when there is none.

        Raises TargetError: another process is about to make it.
        """
        guard = await asyncio.to_thread(made.guard)
        if guard is None:
            return None
        if not job.is_complete(guard):
            raise TargetError(
                f"{run.name}: another process starts its worlds now, or was killed while it did: wait for it, or "
                f"remove what it made with: {removal(run, self._context)}"
            )
        follower = Follower(self._api, job.namespace(run.name), token_of(guard), say)
        if not await follower.alive():
            return None
        say(f"the Job of {run.name} is there: following it again")
        return follower

    async def _begun(self, run: Run, prepared: Prepared, made: Footprint, say: Say) -> Follower:
        """Make worlds and a Job; what fails or is interrupted before that is done is removed again."""
        archive = pack(run)
        await self._removed(run, made, say)
        token = new_token()
        say(prepared.memory)
        say(estimate.sentence(run))
        ours = False

        async def begin() -> None:
            nonlocal ours
            await asyncio.to_thread(made.begin)
            ours = True  # and not that of whoever was faster
            await asyncio.to_thread(made.add, [job.guard(run.name, token)])

        try:
            await whole([begin()])
            worlds = await self._worlds(run, token, say)
            harness = Harness(run.name, archive, worlds, token, deadline_s(run), COLLECT_S, self._bench_image)
            await whole([asyncio.to_thread(made.add, job.objects(harness))])
        except BaseException:
            if ours:
                await self._given_up(run, made, say)
            raise
        return Follower(self._api, harness.namespace, token, say)

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

    async def _follow(self, run: Run, follower: Follower, say: Say) -> tuple[str, ...]:
        """Wait for the Job, print what it says, and copy its files as cells end; gives what was wrong there at last."""
        await follower.started()
        copied, news = "", None
        while news is None or news.code is None:
            news = await follower.news()
            for line in news.lines:
                say(line)
            if news.files != copied:
                await copy(run, follower.file)
                copied = news.files
        # all is here: that it ends by itself is a courtesy, and it is removed next
        with contextlib.suppress(TargetError):
            await follower.collected()
        return news.errors


def deadline_s(run: Run) -> int:
    """Seconds after which Kubernetes ends a run's Job, whatever it does: far more than it should take."""
    slow = [
        cell for cell in run.missing() if run.header.one_world_at_a_time or _starts_pods(run.scenarios[cell.scenario])
    ]
    return round(3 * estimate.estimate_s(run)) + STARTS_S * len(slow) + ROOM_S + COLLECT_S + job.RESULTS_S


def _starts_pods(scenario: Scenario) -> bool:
    """Whether pods are told something, end, or are replaced in a cell of it."""
    crash = scenario.fault is not None and scenario.fault.kind == "crash"
    return crash or bool(scenario.settings) or scenario.action is not None
