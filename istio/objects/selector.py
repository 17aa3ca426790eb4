"""Which workloads a policy is for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from istio.objects.model import Labels, Model


def _plain(labels: Labels) -> Labels:
    """Refuse what istiod refuses: no key may be empty, and nothing stands for several labels."""
    if any(not key for key in labels):
        raise ValueError("a label's key must not be empty")
    if any("*" in key or "*" in value for key, value in labels.items()):
        raise ValueError("labels are compared as they are: * is not supported here")
    return labels


SelectorLabels = Annotated[Labels, AfterValidator(_plain), Field(default_factory=dict)]


class Selector(Model):
    """Labels that a pod must carry, all of them; none stands for every pod of the namespace."""

    match_labels: SelectorLabels

    def picks(self, labels: Mapping[str, str]) -> bool:
        """Say whether a pod with these labels is meant."""
        return self.match_labels.items() <= labels.items()
