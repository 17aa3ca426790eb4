"""Everything that a run has made in a cluster, which its name alone finds: the Job's namespace, and those of worlds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from k8s.cluster.api import NAMESPACES, Api, folder
from k8s.cluster.control import SECRET
from k8s.cluster.job import RUN, label, made_by, namespace, own_namespace
from k8s.cluster.objects import MANAGED_BY, OURS, is_ours
from k8s.cluster.operated import OperatedNamespace, Say, quiet
from k8s.target import Document, TargetError


class Footprint:
    """What the run of this name has made; nothing is remembered here, so that another process finds the same."""

    def __init__(self, api: Api, run: str, say: Say = quiet) -> None:
        self._api, self._run, self._say = api, run, say

    def begin(self) -> None:
        """Make the namespace of the Job. Raises TargetError: it is there already, or may not be made."""
        self._api.post(NAMESPACES, own_namespace(self._run), fieldManager="goaround")

    def add(self, objects: Sequence[Document]) -> None:
        """Make objects, in their order. Raises TargetError naming the one that was refused."""
        self._api.apply_all(objects)

    def guard(self) -> Document | None:
        """The Secret with which the run begins; None when there is none, or it is being removed."""
        own = namespace(self._run)
        found = self._api.find(f"{NAMESPACES}/{own}")
        if found is None or "deletionTimestamp" in found["metadata"]:
            return None
        return self._api.find(f"{folder('v1', 'Secret', own)}/{SECRET}")

    async def remove(self) -> list[str]:
        """Delete all of it, and wait until it is gone; gives the namespaces that were there.

        Raises TargetError for all that could not be removed, when everything else is.
        """
        there = [one for one in await asyncio.to_thread(managed, self._api) if self._made(one)]
        if there:
            self._say(f"removing {', '.join(map(name_of, there))}")
        ends = (OperatedNamespace(self._api, one, self._say).down() for one in there)
        failed = [one for one in await asyncio.gather(*ends, return_exceptions=True) if one is not None]
        if strange := [one for one in failed if not isinstance(one, TargetError)]:
            raise strange[0]
        if failed:
            raise TargetError(list(dict.fromkeys(map(str, failed))))
        return [name_of(one) for one in there]

    def _made(self, namespace: Document) -> bool:
        """Whether this run has made it: by its name, and by the labels that it and its worlds are given."""
        ours = namespace["metadata"]["labels"].get(RUN) == label(self._run) or is_ours(namespace)
        return ours and made_by(self._run, name_of(namespace))


def managed(api: Api) -> list[Document]:
    """All namespaces that goaround has made in a cluster."""
    return sorted(api.get(NAMESPACES, labelSelector=f"{MANAGED_BY}={OURS}")["items"], key=name_of)


def name_of(namespace: Document) -> str:
    """A namespace's name."""
    return str(namespace["metadata"]["name"])


def runs(api: Api) -> list[str]:
    """Names of the runs whose Jobs have a namespace there."""
    annotated = (one["metadata"].get("annotations") or {} for one in managed(api))
    return [said[RUN] for said in annotated if RUN in said]
