"""PeerAuthentication: whether a workload takes mutual TLS only, plaintext only, or both."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from istio.objects.model import Metadata, Model
from istio.objects.selector import Selector

Mode = Literal["UNSET", "DISABLE", "PERMISSIVE", "STRICT"]


class MutualTls(Model):
    """One mode; UNSET inherits."""

    mode: Mode = "UNSET"


def _numbered(value: object) -> object:
    """Take the keys of a map as numbers: YAML gives them so, JSON cannot."""
    if not isinstance(value, dict):
        return value
    return {int(key) if isinstance(key, str) and key.isdecimal() else key: one for key, one in value.items()}


class PeerAuthenticationSpec(Model):
    """The spec of a PeerAuthentication."""

    selector: Selector | None = None
    mtls: MutualTls | None = None
    port_level_mtls: Annotated[
        dict[Annotated[int, Field(ge=1, le=65535)], MutualTls] | None, BeforeValidator(_numbered)
    ] = None

    @model_validator(mode="after")
    def _ports_are_of_a_workload(self) -> Self:
        if self.port_level_mtls is None:
            return self
        if not self.port_level_mtls:
            raise ValueError("portLevelMtls must hold a port, or be left out")
        if not self.for_workload:
            raise ValueError("portLevelMtls needs a selector: ports are those of a workload")
        return self

    @property
    def for_workload(self) -> bool:
        """Whether it is for some pods, not for a whole namespace or mesh."""
        return self.selector is not None and bool(self.selector.match_labels)


class PeerAuthentication(Model):
    """security.istio.io PeerAuthentication."""

    api_version: str
    kind: Literal["PeerAuthentication"]
    metadata: Metadata
    spec: Annotated[PeerAuthenticationSpec, Field(default_factory=PeerAuthenticationSpec)]
    status: dict[str, object] | None = None
