"""PeerAuthentications -> the mode of a workload's port (security/authn/policy_applier.go)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

from istio.compile.names import ROOT_NAMESPACE
from istio.objects.parse import Objects
from istio.objects.peer_authentication import MutualTls, PeerAuthentication

Mode: TypeAlias = Literal["DISABLE", "PERMISSIVE", "STRICT"]


class Authentication:
    """What every workload asks of its callers.

    Mesh, namespace, workload, port: the narrower one speaks, UNSET inherits, and the oldest wins within a level.
    With ``mtls`` off nobody asks for anything, whatever the objects say.
    """

    def __init__(self, objects: Objects, *, mtls: bool):
        self.mtls = mtls
        self._policies = objects.peer_authentications

    def of_namespace(self, namespace: str) -> Mode:
        """Return the mode of a namespace, which is all that a caller knows of a service."""
        if not self.mtls:
            return "DISABLE"
        found: Mode = "PERMISSIVE"
        for space in dict.fromkeys((ROOT_NAMESPACE, namespace)):
            broad = [one for one in self._policies if one.metadata.namespace == space and not one.spec.for_workload]
            found = _over(found, broad[0].spec.mtls if broad else None)
        return found

    def of_port(self, namespace: str, labels: Mapping[str, str], port: int) -> Mode:
        """Return the mode of one port of a workload; port 0 stands for those that nothing is said of."""
        mode = self.of_namespace(namespace)
        chosen = self._of_workload(namespace, labels)
        if chosen is None or not self.mtls:
            return mode
        return _over(_over(mode, chosen.spec.mtls), (chosen.spec.port_level_mtls or {}).get(port))

    def ports(self, namespace: str, labels: Mapping[str, str]) -> Iterable[int]:
        """Return the ports of a workload that have a mode of their own, in order."""
        chosen = self._of_workload(namespace, labels)
        return sorted(chosen.spec.port_level_mtls or ()) if chosen and self.mtls else ()

    def _of_workload(self, namespace: str, labels: Mapping[str, str]) -> PeerAuthentication | None:
        """A selector in the root namespace chooses nobody."""
        if namespace == ROOT_NAMESPACE:
            return None
        for one in self._policies:
            selector = one.spec.selector
            if one.metadata.namespace == namespace and one.spec.for_workload and selector and selector.picks(labels):
                return one
        return None


def _over(mode: Mode, own: MutualTls | None) -> Mode:
    return mode if own is None or own.mode == "UNSET" else own.mode
