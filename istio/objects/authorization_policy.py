"""AuthorizationPolicy: which requests a workload takes, by who asks and by what is asked."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from istio.objects.model import Many, Metadata, Model
from istio.objects.selector import Selector

HEADER_KEY = re.compile(r"request\.headers\[(.+)\]")
CONDITIONS = (
    "request.headers[NAME]", "source.ip", "remote.ip", "source.namespace", "source.principal",
    "source.serviceAccount", "destination.ip", "destination.port", "connection.sni",
)  # fmt: skip
_ADDRESSES = ("source.ip", "remote.ip", "destination.ip")
DRY_RUN = "istio.io/dry-run"
_LONGEST_ACCOUNT = 320
_TEMPLATE = re.compile(r"\{\*{1,2}\}")


def _not_empty(value: str) -> str:
    if not value:
        raise ValueError("must not be empty")
    return value


def _block(value: str) -> str:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise ValueError(f"must be an address or a CIDR block such as 10.0.0.0/8, not {value!r}") from None
    return value


def _port(value: str) -> str:
    if not value.isdecimal() or not 1 <= int(value) <= 65535:
        raise ValueError(f"must be a port in quotes between '1' and '65535', not {value!r}")
    return value


def _account(value: str) -> str:
    if not value or "*" in value or value.count("/") > 1 or len(value) > _LONGEST_ACCOUNT:
        raise ValueError(f"must be SERVICE_ACCOUNT or NAMESPACE/SERVICE_ACCOUNT, without *, not {value!r}")
    return value


def _path(value: str) -> str:
    """A path, or a template in which ``{*}`` is one segment and ``{**}``, at the end, all that follow."""
    rest = _TEMPLATE.sub("", value)
    if rest != value and ("{" in rest or "}" in rest or "*" in rest):
        raise ValueError(f"holds {{*}} or {{**}}, beside which no * and no other braces may stand: {value!r}")
    if value.count("{**}") > 1 or ("{**}" in value and "{" in value.partition("{**}")[2]):
        raise ValueError(f"{{**}} must be the last of a path's templates: {value!r}")
    return _not_empty(value)


Account = Annotated[str, AfterValidator(_account)]
Text = Annotated[str, AfterValidator(_not_empty)]
Block = Annotated[str, AfterValidator(_block)]
Port = Annotated[str, AfterValidator(_port)]
Path = Annotated[str, AfterValidator(_path)]


class Source(Model):
    """Who asks; every list that is set must have a value that fits."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"requestPrincipals", "notRequestPrincipals"})
    principals: Many[Text] = ()
    not_principals: Many[Text] = ()
    namespaces: Many[Text] = ()
    not_namespaces: Many[Text] = ()
    service_accounts: Many[Account] = ()
    not_service_accounts: Many[Account] = ()
    ip_blocks: Many[Block] = ()
    not_ip_blocks: Many[Block] = ()
    remote_ip_blocks: Many[Block] = ()
    not_remote_ip_blocks: Many[Block] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not any(value for value in dict(self).values()):
            raise ValueError(f"must hold one of {_aliases(self)}")
        by_account = self.service_accounts or self.not_service_accounts
        if by_account and (self.principals or self.not_principals or self.namespaces or self.not_namespaces):
            raise ValueError("serviceAccounts do not go with principals or namespaces")
        return self


class Operation(Model):
    """What is asked; every list that is set must have a value that fits."""

    hosts: Many[Text] = ()
    not_hosts: Many[Text] = ()
    ports: Many[Port] = ()
    not_ports: Many[Port] = ()
    methods: Many[Text] = ()
    not_methods: Many[Text] = ()
    paths: Many[Path] = ()
    not_paths: Many[Path] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not any(value for value in dict(self).values()):
            raise ValueError(f"must hold one of {_aliases(self)}")
        return self


class From(Model):
    """One group of callers."""

    source: Source


class To(Model):
    """One group of requests."""

    operation: Operation


class Condition(Model):
    """One attribute of a request, and what it must or must not be."""

    key: str
    values: Many[Text] = ()
    not_values: Many[Text] = ()

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if self.key not in CONDITIONS and not HEADER_KEY.fullmatch(self.key):
            raise ValueError(f"key: {self.key!r} is not supported; one of {', '.join(CONDITIONS)}")
        if not self.values and not self.not_values:
            raise ValueError("must hold values, notValues or both")
        checks = {
            **dict.fromkeys(_ADDRESSES, _block),
            "destination.port": _port,
            "source.serviceAccount": _account,
        }
        for value in (*self.values, *self.not_values):
            if self.key in checks:
                checks[self.key](value)
        return self


class Rule(Model):
    """Requests that one of ``from`` makes, one of ``to`` describes, and every ``when`` holds for."""

    callers: Annotated[Many[From] | None, Field(alias="from", min_length=1)] = None
    requests: Annotated[Many[To] | None, Field(alias="to", min_length=1)] = None
    when: Many[Condition] = ()


class AuthorizationPolicySpec(Model):
    """The spec of an AuthorizationPolicy."""

    not_carried: ClassVar[frozenset[str]] = frozenset({"targetRef", "targetRefs", "provider"})
    selector: Selector | None = None
    action: Literal["ALLOW", "DENY", "AUDIT"] = "ALLOW"
    rules: Many[Rule] = ()

    @model_validator(mode="after")
    def _has_rules_to_deny_by(self) -> Self:
        if self.action != "ALLOW" and not self.rules:
            raise ValueError(f"rules: action {self.action} needs rules: without any it says nothing")
        return self


class PolicyMetadata(Metadata):
    """Metadata, with the one annotation that would change what a policy does."""

    annotations: dict[str, str] = Field(default_factory=dict)

    @field_validator("annotations")
    @classmethod
    def _is_enforced(cls, annotations: dict[str, str]) -> dict[str, str]:
        if annotations.get(DRY_RUN, "false") != "false":
            raise ValueError(f"{DRY_RUN} is Istio's, but goaround does not support it: a policy is enforced or absent")
        return annotations


class AuthorizationPolicy(Model):
    """security.istio.io AuthorizationPolicy."""

    api_version: str
    kind: Literal["AuthorizationPolicy"]
    metadata: PolicyMetadata
    spec: Annotated[AuthorizationPolicySpec, Field(default_factory=AuthorizationPolicySpec)]
    status: dict[str, object] | None = None


def _aliases(model: Model) -> str:
    fields: Sequence[str | None] = [field.alias for field in type(model).model_fields.values()]
    return ", ".join(one for one in fields if one)
