"""What cannot be done to a world of a cluster, and why: told before a run, never found out in it."""

from __future__ import annotations

from collections.abc import Mapping

from k8s.target import Ability

OTHER_USER = "a sidecar's processes are another user's, and a pod without rights may neither kill nor stop them"
ABSENT: Mapping[Ability, str] = {
    Ability.SIDECARS: OTHER_USER,
    Ability.DISCOVERY: "who is ready is told by the cluster's own control plane, which goaround does not hold back",
    Ability.WITHDRAWAL: "nobody in the cluster would put Istio's objects back, should the harness die meanwhile",
    Ability.LIBRARY: "a Deployment keeps what it is told, and nobody in the cluster would take that back, should the "
    "harness die meanwhile; a scenario's `settings` do it for the length of a cell",
    Ability.CERTIFICATES: "certificates are made by the cluster's own istiod, which goaround does not command",
}
"""What no cluster does, whatever the mode."""
WHAT: Mapping[Ability, str] = {
    Ability.SIDECARS: "killing and freezing sidecars",
    Ability.DISCOVERY: "holding back discovery",
    Ability.WITHDRAWAL: "withdrawing Istio's objects",
    Ability.LIBRARY: "leaving a library out for a phase",
    Ability.CERTIFICATES: "expiring certificates",
}
"""The same in the words of faults."""
