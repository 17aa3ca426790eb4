"""exportTo: which namespaces an object is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from istio.objects.parse import Objects


def visible(objects: Objects, namespace: str) -> Objects:
    """Return the objects that the proxies of a namespace see; those that say nothing are for everybody.

    Of VirtualServices, those for this namespace alone come first, then those for some that are named: the first of a
    host speaks (push_context.go, VirtualServicesForGateway).
    """
    return replace(
        objects,
        virtual_services=tuple(
            sorted(
                (
                    one
                    for one in objects.virtual_services
                    if _is_for(one.spec.export_to, one.metadata.namespace, namespace)
                ),
                key=lambda one: _distance(one.spec.export_to, one.metadata.namespace),
            )
        ),
        destination_rules=tuple(
            one for one in objects.destination_rules if _is_for(one.spec.export_to, one.metadata.namespace, namespace)
        ),
        service_entries=tuple(
            one for one in objects.service_entries if _is_for(one.spec.export_to, one.metadata.namespace, namespace)
        ),
    )


def _distance(export_to: Sequence[str], own: str) -> int:
    if not export_to or "*" in export_to:
        return 2
    return 0 if {own if one == "." else one for one in export_to} == {own} else 1


def _is_for(export_to: Sequence[str], own: str, namespace: str) -> bool:
    wanted = {own if one == "." else one for one in export_to}
    return not wanted or "*" in wanted or namespace in wanted
