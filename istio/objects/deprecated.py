"""Fields that istiod takes and ignores, with a warning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from istio.objects.document import Document
from istio.objects.refusal import Fault, Place

# (the block, its field) -> what istiod says (pkg/config/validation, validateOutlierDetection)
_IGNORED = {
    ("outlierDetection", "consecutiveErrors"): "outlier detection consecutive errors is deprecated, use consecutive "
    "gateway errors or consecutive 5xx errors instead; the field is ignored",
}


def without_deprecated(document: Document) -> tuple[Document, list[Fault]]:
    """Return the document without the fields that are ignored, and a warning for each at its place."""
    found: list[Place] = []
    data = _kept(document.data, (), found)
    warnings = [document.fault(place, _IGNORED[str(place[-2]), str(place[-1])]) for place in found]
    return (replace(document, data=data) if found else document), warnings


def _kept(value: Any, place: Place, found: list[Place]) -> Any:
    if isinstance(value, list):
        return [_kept(one, (*place, index), found) for index, one in enumerate(value)]
    if not isinstance(value, Mapping):
        return value
    kept = {}
    for key, one in value.items():
        if place and (place[-1], key) in _IGNORED:
            found.append((*place, key))
        else:
            kept[key] = _kept(one, (*place, key), found)
    return kept
