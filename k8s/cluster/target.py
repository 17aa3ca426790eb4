"""The cluster target: a namespace for each world, sidecars by injection."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from k8s.cluster import mesh
from k8s.cluster.abilities import ABSENT
from k8s.cluster.api import NAMESPACES, Api, ApiError, folder
from k8s.cluster.control import SECRET, new_token, token_of
from k8s.cluster.objects import MANAGED_BY, OURS, Sent, is_ours, sent
from k8s.cluster.reach import Reach
from k8s.cluster.world import ClusterWorld, Say, quiet
from k8s.render import unchangeable
from k8s.target import Ability, Need, Rendered, TargetError
from k8s.uninterrupted import to_its_end

# Resident bytes, idle with some room: an application and its warden; an Envoy and its pilot-agent.
MIB = 2**20
POD, SIDECAR = 85 * MIB, 120 * MIB


class ClusterTarget:
    """Worlds of one cluster. `image` in place of the manifests' own; `say` is told what is waited for.

    `reach` is how we come to the ports of pods; without one, worlds can be operated, and neither measured nor broken.
    """

    def __init__(self, api: Api, image: str | None = None, say: Say = quiet, reach: Reach | None = None) -> None:
        self._api, self._image, self._say, self._reach = api, image, say, reach

    async def up(
        self, name: str, rendered: Rendered, *, attached: bool = False, seed: int, token: str | None = None
    ) -> ClusterWorld:
        """Make a namespace with a world in it, and wait until every pod is ready. It stays until `down`.

        It hangs on nobody's process, so `attached` changes nothing. `token` is what its fault control and its wardens
        ask for; a new one if it is left out. What was made is removed again when the world does not become ready.

        Raises TargetError: bad or taken name, no Istio or too old, no injection, no permission, and what keeps pods
        from being ready.
        """
        _refuse_name(name)
        token = token or new_token()
        made = sent(name, rendered, seed, self._image, token)
        await asyncio.to_thread(self._refuse, name, rendered)
        creating = asyncio.get_running_loop().run_in_executor(None, self._create, made)
        try:
            world = self._made(await to_its_end(creating), token)
            await asyncio.to_thread(self._fill, made, rendered)
            await world.wait_ready()
        except BaseException:
            if creating.exception() is None:
                await self._remove(self._made(creating.result(), token))
            raise
        return world

    def supports(self, ability: Ability, rendered: Rendered) -> str:
        """Why a world made of this could not do that; empty when it can."""
        if ability in ABSENT:
            return f"not on a cluster: {ABSENT[ability]}"
        return unchangeable(rendered) if ability is Ability.POLICIES else ""

    def need(self, rendered: Rendered) -> Need:
        """Resident memory of a world's pods once they are ready, wherever in the cluster they are."""
        deployments = [one for one in rendered.objects if one["kind"] == "Deployment"]
        pods = sum(int(one["spec"]["replicas"]) for one in deployments)
        return Need(pods, pods * (POD + (SIDECAR if rendered.mesh is not None else 0)))

    async def world(self, name: str) -> ClusterWorld:
        """Find a running world; raises TargetError with the choices."""
        found = await asyncio.to_thread(self._api.find, f"{NAMESPACES}/{name}")
        if found is None or not is_ours(found):
            running = ", ".join(await self.worlds()) or "none"
            raise TargetError(f"no world {name!r} runs in this cluster; there are: {running}")
        return self._made(found, await asyncio.to_thread(self._token, name))

    async def worlds(self) -> list[str]:
        """Names of the running worlds."""
        found = await asyncio.to_thread(self._api.get, NAMESPACES, labelSelector=f"{MANAGED_BY}={OURS}")
        return sorted(one["metadata"]["name"] for one in found["items"] if is_ours(one))

    def _made(self, namespace: Mapping[str, Any], token: str | None) -> ClusterWorld:
        return ClusterWorld(self._api, namespace, self._say, self._reach, token)

    async def _remove(self, world: ClusterWorld) -> None:
        """Remove what was made; that this fails is said, and hides nothing of why it is done."""
        self._say(f"removing what was made in namespace {world.name}")
        try:
            await to_its_end(world.down())
        except TargetError as error:
            self._say(
                f"it could not be removed: {error}; "
                f"once the cluster answers, `goaround down --target cluster --name {world.name}` does"
            )

    def _token(self, name: str) -> str | None:
        """The token of a running world; None where it has none, or where we may not read it."""
        try:
            return token_of(self._api.get(f"{folder('v1', 'Secret', name)}/{SECRET}"))
        except ApiError as error:
            if error.status in (403, 404):
                return None
            raise

    def _refuse(self, name: str, rendered: Rendered) -> None:
        """Raise TargetError where this could not work, before anything is made."""
        found = self._api.find(f"{NAMESPACES}/{name}")
        if found is not None and is_ours(found):
            raise TargetError(f"a world {name!r} runs already: end it first, or choose another name")
        if found is not None:
            raise TargetError(
                f"namespace {name} is there already, and is not goaround's: choose another name with --name"
            )
        if rendered.mesh is not None:
            mesh.require(self._api)

    def _create(self, made: Sent) -> Mapping[str, Any]:
        """Create the namespace, which fails where somebody has made it meanwhile."""
        return self._api.post(NAMESPACES, made.namespace, fieldManager="goaround")

    def _fill(self, made: Sent, rendered: Rendered) -> None:
        if rendered.mesh is not None:
            try:
                mesh.require_injection(self._api, made.namespace["metadata"]["name"])
            except ApiError as error:
                if error.status != 403:
                    raise
                # who may not make pods may make deployments, whose pods tell whether they have a sidecar
        self._say(f"{len(made.objects)} objects, {made.pods} pods")
        self._api.apply_all(made.objects)


def _refuse_name(name: str) -> None:
    """Raise TargetError for a name that no namespace may have."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name):
        raise TargetError(f"world name {name!r}: on a cluster it is a namespace's, so use a to z, 0 to 9 and '-'")
