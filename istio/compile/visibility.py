"""exportTo: which namespaces an object is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from istio.objects.parse import Objects


def visible(objects: Objects, namespace: str) -> Objects:
    """Return the objects that the proxies of a namespace see; those that say nothing are for everybody."""
    return replace(
        objects,
        virtual_services=tuple(
            one for one in objects.virtual_services if _is_for(one.spec.export_to, one.metadata.namespace, namespace)
        ),
        destination_rules=tuple(
            one for one in objects.destination_rules if _is_for(one.spec.export_to, one.metadata.namespace, namespace)
        ),
        service_entries=tuple(
            one for one in objects.service_entries if _is_for(one.spec.export_to, one.metadata.namespace, namespace)
        ),
    )


def _is_for(export_to: Sequence[str], own: str, namespace: str) -> bool:
    wanted = {own if one == "." else one for one in export_to}
    return not wanted or "*" in wanted or namespace in wanted
