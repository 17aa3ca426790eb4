"""A world of a cluster that is measured, and broken on purpose: through its wardens, its Deployments, and Istio."""

from __future__ import annotations

import asyncio
import json
import math
import re
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from istio import stats
from istio.admin import parse_stats
from istio.ejections import Ejection, parse_ejections
from k8s.cluster import revision
from k8s.cluster.abilities import ABSENT
from k8s.cluster.accounts import Accounts
from k8s.cluster.api import ApiError, folder, path_of
from k8s.cluster.control import KEPT
from k8s.cluster.operated import OperatedNamespace, Say, is_ending, quiet
from k8s.cluster.readiness import APP, PROXY, containers, deployment_of, is_ready
from k8s.cluster.wardens import UNTOLD, Wardens, read_frozen, read_usage
from k8s.target import Ability, Document, Pace, Pod, TargetError, Usage

__all__ = ["ClusterWorld", "Say", "quiet"]

RULES = "destination-rules"
"""The entry of the ConfigMap KEPT that holds DestinationRules while they are deleted."""
PACE = Pace(look_s=1.0, restart_s=90.0)
"""A kubelet gives an application up whose startup probe has failed for 30 s, waits for 10 s, and starts it anew."""
FOLLOWED_S = 30.0
LOOK_S = 0.1
OVERLAP_S = 5.0
"""By how much a log is read anew from before the last reading: a line may have been on its way, or half written."""
EJECTING = r"outlier_detection\.ejections_(active|enforced_total)$"
DETECTOR = re.compile(r"^(outbound\|[^:]*)::outlier::", re.MULTILINE)
"""A line of Envoy's `/clusters` that a cluster has when outlier detection acts on it."""


@dataclass(eq=False, repr=False)
class ClusterWorld(OperatedNamespace):
    """One world of a cluster; what needs a warden raises TargetError where there is none, or no way to it."""

    pace: Pace = field(init=False, default=PACE)
    _accounts: Accounts = field(init=False, default_factory=Accounts)
    _turns: defaultdict[str, asyncio.Lock] = field(init=False, default_factory=lambda: defaultdict(asyncio.Lock))
    _ejected: Mapping[str, int] = field(init=False, default_factory=dict)
    _flush_s: float | None = field(init=False, default=None)
    _logged: dict[str, tuple[list[Ejection], float | None]] = field(init=False, default_factory=dict)

    async def look(self, pods: Collection[str]) -> list[Pod]:
        """List those of these pods that are there; their wardens, and no others, are asked who stands still."""
        found = [one for one in await self._pods() if one["metadata"]["name"] in pods]
        wardens = self._wardens()
        said = (await wardens.ask(found, "frozen")).said if wardens else {}
        told = {pod: read_frozen(text) for pod, text in said.items()}
        return [self._pod(one, (), told.get(one["metadata"]["name"], UNTOLD)) for one in found]

    async def scale(self, deployment: str, replicas: int) -> None:
        """Set a deployment's replicas; returns when the new ones are ready and the old ones are gone."""
        await self._note()
        await super().scale(deployment, replicas)

    async def restart(self, pod: str, env: Mapping[str, str] | None = None, ttl_s: float = 0) -> None:
        """Replace a pod by a new one of the same Deployment; returns when all pods are ready, and it is gone.

        With `env`, or without it where its Deployment has been told some, that is a rollout: the Deployment is changed,
        and all its replicas are replaced as its strategy says. A pod that such a rollout has replaced already is not
        there any more, and nothing more is done for it. Nobody in the cluster watches the clock, so `ttl_s` ends
        nothing: `mend` does.
        """
        deployment = deployment_of(pod)
        async with self._turns[deployment]:
            found = await self._deployment(deployment)
            await self._note()
            if not await self._change(found, replace(revision.read(found), env=dict(env or {}))):
                await self._remove([pod])
            await self.wait_ready()

    async def probe(self, deployment: str, probes: Mapping[str, Any]) -> None:
        """Merge other probes into a deployment's, in a rollout; none at all: those that `up` gave it."""
        async with self._turns[deployment]:
            found = await self._deployment(deployment)
            await self._note()
            await self._change(found, replace(revision.read(found), probes=dict(probes)))
            await self.wait_ready()

    async def mend(self) -> None:
        """Undo what somebody who died has left; replace pods whose application was started again.

        A kubelet starts a container again at once the first time, and 10 s, 20 s, ... after its end the next times.
        """
        rules = await self._kept_rules()
        if rules:
            await self.apply(rules)
            await self._keep_rules(None)
        changed = False
        for one in await self._deployments():
            changed |= await self._change(one, revision.Revision(revision.read(one).manifest))
        if changed:
            await self._settle(await self._worn())
        worn = await self._worn()
        while worn:
            # one after the other: many that start at once starve each other on a small node, and are killed for it
            await self._note()
            await self._remove([worn.pop(0)])
            await self._settle(worn)

    async def config(self, name: str) -> dict[str, str]:
        """Read a ConfigMap: its entries by file name."""
        found = await asyncio.to_thread(self._api.get, self._config_path(name))
        return dict(found.get("data") or {})

    async def configure(self, name: str, entries: Mapping[str, str]) -> None:
        """Replace the entries of a ConfigMap; pods that are made from now on read them."""
        gone = dict.fromkeys((await self.config(name)).keys() - entries.keys())
        await asyncio.to_thread(self._api.merge, self._config_path(name), {"data": {**gone, **entries}})

    async def kill(self, pod: str, container: str = "app", ttl_s: float = 0) -> None:
        """SIGKILL the application; what the kubelet starts in its place is held down for `ttl_s` seconds."""
        await self._order(pod, "kill", container, ttl_s=ttl_s)

    async def freeze(self, pod: str, container: str = "app", ttl_s: float = 1.0) -> None:
        """Stop the application for `ttl_s` seconds, which its warden counts."""
        await self._order(pod, "freeze", container, ttl_s=ttl_s)

    async def thaw(self, pod: str, container: str = "app") -> None:
        """Let a frozen application go on."""
        await self._order(pod, "thaw", container)

    async def usage(self) -> Usage:
        """Add up what the wardens tell; Envoy and pilot-agent are the proxy. Pods that are gone count with their last.

        Raises TargetError when the warden of a pod that is ready does not tell.
        """
        pods = await self._note(strict=True)
        return self._accounts.total([one["metadata"]["uid"] for one in pods])

    async def proxy_stats(self) -> dict[str, dict[str, int]]:
        """Envoy's counters and gauges by pod; what was never touched is left out and means 0."""
        return await self._envoys(usedonly="", histogram_buckets="none")

    async def ejections(self) -> dict[str, list[Ejection]]:
        """When which sidecar ejected a host and let it return, by pod, on the clock of its node.

        They stand in the sidecar's log, since `up` has Envoy write them there (`k8s.cluster.control`); Envoy is given
        the time to do so.
        """
        if await self._has_ejected():
            await asyncio.sleep(await self._flush())
        pods = await self._injected()
        found = await asyncio.gather(*map(self._ejections, pods))
        return {one["metadata"]["name"]: told for one, told in zip(pods, found, strict=True) if told is not None}

    async def proxy_calls(self, _request_ids: Collection[str], _since: float) -> list[Document]:
        """Nothing: an access log is the mesh's own setting, and its lines are not in our words.

        What the applications kept of their calls is asked of them.
        """
        return []

    async def reset_mesh(self) -> None:
        """Forget every ejection: outlier detection is deleted and applied again, where any host was ejected since.

        Of both it is seen that every sidecar has followed, and at last that no host is ejected. Should we die between
        them, `mend` applies what was deleted: it is kept in the world.

        Raises TargetError: a sidecar does not follow in time.
        """
        if not await self._has_ejected():
            return
        rules = [one for one in await self.get() if "outlierDetection" in json.dumps(one["spec"])]
        detectors = await self._detectors()
        await self._keep_rules(rules)
        try:
            await self.delete(rules)
            await self._until("still detect outliers", lambda: self._detectors_but({pod: set() for pod in detectors}))
        finally:
            await asyncio.shield(self.apply(rules))
        await self._until("do not detect outliers again", lambda: self._detectors_but(detectors))
        await self._keep_rules(None)
        await self._until("still eject a host", self._with_ejected)
        self._ejected = _by_pod(_enforced, await self._ejecting())

    async def withdraw(self, _ttl_s: float) -> None:
        """Not on a cluster."""
        raise _absent(Ability.WITHDRAWAL)

    async def restore(self) -> None:
        """Not on a cluster, where nothing is withdrawn."""
        raise _absent(Ability.WITHDRAWAL)

    async def hold_discovery(self, _ttl_s: float) -> None:
        """Not on a cluster."""
        raise _absent(Ability.DISCOVERY)

    async def release_discovery(self) -> int:
        """Not on a cluster, where nothing is held back."""
        raise _absent(Ability.DISCOVERY)

    async def expire(self, _pod: str, _ttl_s: float) -> None:
        """Not on a cluster."""
        raise _absent(Ability.CERTIFICATES)

    async def renew(self) -> None:
        """Not on a cluster, where nothing is expired."""
        raise _absent(Ability.CERTIFICATES)

    async def _change(self, deployment: Mapping[str, Any], wanted: revision.Revision) -> bool:
        """Tell a deployment's application something else; whether that was anything new."""
        patch = revision.change(deployment, wanted)
        if patch is not None:
            await asyncio.to_thread(self._api.merge, path_of(deployment), patch)
        return patch is not None

    async def _remove(self, pods: Sequence[str]) -> None:
        """Delete pods; their Deployments make others. One that is gone already stays so."""
        for name in pods:
            try:
                await asyncio.to_thread(self._api.delete, f"{folder('v1', 'Pod', self.name)}/{name}")
            except ApiError as error:
                if error.status != 404:
                    raise

    async def _worn(self) -> list[str]:
        """The pods whose application was started again."""
        return [one["metadata"]["name"] for one in await self._pods() if _restarts(one)]

    def _config_path(self, name: str) -> str:
        return f"{folder('v1', 'ConfigMap', self.name)}/{name}"

    async def _ejections(self, pod: Mapping[str, Any]) -> list[Ejection] | None:
        """All that a sidecar has logged of ejections; None when the pod is gone. What is known is not read again.

        How long ago is asked for, and no time of day, since the node's clock is not ours.
        """
        name, uid, now = pod["metadata"]["name"], pod["metadata"]["uid"], time.monotonic()
        known, read = self._logged.get(uid, ([], None))
        since = {} if read is None else {"sinceSeconds": str(math.ceil(now - read + OVERLAP_S))}
        try:
            text = await self._log(name, "proxy", **since)
        except ApiError as error:
            if error.status != 404:
                raise
            return None
        found = list(dict.fromkeys([*known, *parse_ejections(text)]))
        self._logged[uid] = (found, now)
        return found

    async def _kept_rules(self) -> list[Document]:
        """The DestinationRules that a reset has deleted and not applied again."""
        found = await asyncio.to_thread(self._api.find, self._config_path(KEPT)) or {}
        kept = (found.get("data") or {}).get(RULES)
        rules: list[Document] = json.loads(kept) if kept else []
        return rules

    async def _keep_rules(self, rules: Sequence[Document] | None) -> None:
        entry = json.dumps(list(rules)) if rules is not None else None
        await asyncio.to_thread(self._api.merge, self._config_path(KEPT), {"data": {RULES: entry}})

    def _required(self) -> Wardens:
        """The wardens. Raises TargetError where there are none, or no way to them."""
        if self._token is None:
            raise TargetError(f"world {self.name} has no wardens: only one that `goaround up` or a bench made has them")
        wardens = self._wardens()
        if wardens is None:
            raise TargetError(f"the pods of world {self.name} cannot be reached from here")
        return wardens

    async def _order(self, pod: str, what: str, container: str, **fields: object) -> None:
        if container != "app":
            raise _absent(Ability.SIDECARS)
        wardens = self._required()
        pods = {one["metadata"]["name"]: one for one in await self._pods()}
        if pod not in pods:
            raise TargetError(f"no pod {pod!r}; choose from: {', '.join(pods)}")
        await wardens.order(pods[pod], what, container=container, **fields)

    async def _note(self, *, strict: bool = False) -> list[Document]:
        """Take down what the pods have used, and return them.

        `strict`: raises TargetError when one that is ready does not tell; else what it told last stands for it.
        """
        wardens = self._required() if strict else self._wardens()
        pods = await self._pods()
        if wardens is None:
            return pods
        answers = await wardens.ask(pods, "usage")
        for one in pods:
            if text := answers.said.get(one["metadata"]["name"]):
                told = read_usage(text)
                self._accounts.note(one["metadata"]["uid"], told.usage, told.began)
        if strict and answers.silent:
            await self._excuse(answers.silent)
        return pods

    async def _excuse(self, silent: Mapping[str, str]) -> None:
        """Raise TargetError for wardens that said nothing, though their pods are neither ending nor starting."""
        there = {one["metadata"]["name"] for one in await self._pods() if is_ready(one) and not is_ending(one)}
        found = [f"the warden of {pod} does not answer: {why}" for pod, why in silent.items() if pod in there]
        if found:
            raise TargetError(found)

    async def _injected(self) -> list[Document]:
        """The pods whose sidecars have started."""
        return [
            one
            for one in await self._pods()
            if any(each["name"] == PROXY and each.get("started") for each in containers(one))
        ]

    async def _asked(self, path: str, **query: str) -> dict[str, str]:
        """What every sidecar's Envoy says, by pod; empty without sidecars."""
        pods = await self._injected()
        if not pods:
            return {}
        answers = await self._required().ask(pods, f"proxy/{path}", **query)
        if answers.silent:
            await self._excuse(answers.silent)
        return dict(answers.said)

    async def _envoys(self, **query: str) -> dict[str, dict[str, int]]:
        """Numbers of every sidecar, by pod."""
        return {pod: parse_stats(text) for pod, text in (await self._asked("stats", **query)).items()}

    async def _ejecting(self) -> dict[str, dict[str, int]]:
        return await self._envoys(filter=EJECTING)

    async def _has_ejected(self) -> bool:
        """Whether any sidecar has ejected a host since the last reset."""
        now = _by_pod(_enforced, await self._ejecting())
        return any(n != self._ejected.get(pod, 0) for pod, n in now.items())

    async def _with_ejected(self) -> list[str]:
        """The pods whose sidecars eject a host now."""
        return list(_by_pod(_active, await self._ejecting()))

    async def _detectors(self) -> dict[str, set[str]]:
        """The clusters of this world on which each sidecar detects outliers, by pod."""
        own = f".{self.name}.svc."
        texts = await self._asked("clusters")
        return {pod: {one for one in DETECTOR.findall(text) if own in one} for pod, text in texts.items()}

    async def _detectors_but(self, wanted: Mapping[str, set[str]]) -> list[str]:
        """The pods whose sidecars detect outliers on other clusters than these."""
        now = await self._detectors()
        return [pod for pod, clusters in wanted.items() if now.get(pod, clusters) != clusters]

    async def _until(self, what: str, late: Callable[[], Awaitable[list[str]]]) -> None:
        """Wait until nobody is late. Raises TargetError naming who is after FOLLOWED_S seconds."""
        deadline = time.monotonic() + FOLLOWED_S
        while pods := await late():
            if time.monotonic() > deadline:
                raise TargetError(f"after {FOLLOWED_S:g} s sidecars {what}: {', '.join(pods)}")
            await asyncio.sleep(LOOK_S)

    async def _flush(self) -> float:
        """Seconds until a sidecar has written what it has to log, as it says itself; the same for all."""
        if self._flush_s is None:
            info = json.loads(next(iter((await self._asked("server_info")).values())))
            self._flush_s = float(info["command_line_options"]["file_flush_interval"].rstrip("s")) + LOOK_S
        return self._flush_s


def _restarts(pod: Mapping[str, Any]) -> int:
    """How often a pod's application was started again."""
    return sum(int(one.get("restartCount", 0)) for one in containers(pod) if one["name"] == APP)


def _by_pod(count: Callable[[Mapping[str, int]], int], flat: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """What is counted, of the pods where it is not 0."""
    return {pod: n for pod, each in flat.items() if (n := count(each))}


def _enforced(flat: Mapping[str, int]) -> int:
    return sum(edge.ejections for edge in stats.edges(flat).values())


def _active(flat: Mapping[str, int]) -> int:
    return sum(edge.active_ejections for edge in stats.edges(flat).values())


def _absent(ability: Ability) -> TargetError:
    return TargetError(f"not on a cluster: {ABSENT[ability]}")
