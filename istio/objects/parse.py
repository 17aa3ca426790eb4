"""Documents -> objects, or every reason why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from istio.objects.authorization_policy import AuthorizationPolicy
from istio.objects.deprecated import without_deprecated
from istio.objects.destination_rule import DestinationRule
from istio.objects.document import Document
from istio.objects.gateway import Gateway
from istio.objects.model import Model
from istio.objects.peer_authentication import PeerAuthentication
from istio.objects.refusal import Fault, Place, Refused
from istio.objects.service_entry import ServiceEntry
from istio.objects.sidecar import Sidecar
from istio.objects.virtual_service import VirtualService

IstioObject: TypeAlias = (
    VirtualService | DestinationRule | Gateway | ServiceEntry | Sidecar | PeerAuthentication | AuthorizationPolicy
)
NETWORKING = ("networking.istio.io/v1", "networking.istio.io/v1beta1", "networking.istio.io/v1alpha3")
SECURITY = ("security.istio.io/v1", "security.istio.io/v1beta1")
KINDS: Mapping[str, tuple[type[IstioObject], Sequence[str]]] = {
    "VirtualService": (VirtualService, NETWORKING),
    "DestinationRule": (DestinationRule, NETWORKING),
    "Gateway": (Gateway, NETWORKING),
    "ServiceEntry": (ServiceEntry, NETWORKING),
    "Sidecar": (Sidecar, NETWORKING),
    "PeerAuthentication": (PeerAuthentication, SECURITY),
    "AuthorizationPolicy": (AuthorizationPolicy, SECURITY),
}
_T = TypeVar("_T", bound=IstioObject)


@dataclass(frozen=True, slots=True)
class Objects:
    """Istio objects in istiod's order: creation time, then name, then namespace.

    ``warnings`` are of fields that were ignored, as istiod ignores them.
    """

    virtual_services: tuple[VirtualService, ...] = ()
    destination_rules: tuple[DestinationRule, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    service_entries: tuple[ServiceEntry, ...] = ()
    sidecars: tuple[Sidecar, ...] = ()
    peer_authentications: tuple[PeerAuthentication, ...] = ()
    authorization_policies: tuple[AuthorizationPolicy, ...] = ()
    warnings: tuple[Fault, ...] = field(default=(), compare=False)

    def to_data(self) -> list[dict[str, Any]]:
        """Return the objects as plain data, with the fields that were set; ``parse`` reads them back as they are."""
        every: list[tuple[IstioObject, ...]] = [getattr(self, one.name) for one in fields(self) if one.compare]
        return [one.model_dump(mode="json", by_alias=True, exclude_unset=True) for kind in every for one in kind]

    @staticmethod
    def of(objects: Sequence[IstioObject]) -> Objects:
        """Sort objects by kind, and within a kind as istiod does (pilot/pkg/model/config.go)."""
        return Objects(
            _in_order(objects, VirtualService),
            _in_order(objects, DestinationRule),
            _in_order(objects, Gateway),
            _in_order(objects, ServiceEntry),
            _in_order(objects, Sidecar),
            _in_order(objects, PeerAuthentication),
            _in_order(objects, AuthorizationPolicy),
        )


def parse(documents: Sequence[Document]) -> Objects:
    """Parse Istio documents.

    Raises:
        Refused: with every fault of every document.

    """
    faults: list[Fault] = []
    objects: dict[tuple[str, str, str], IstioObject] = {}
    warnings: list[Fault] = []
    for given in documents:
        document, ignored = without_deprecated(given)
        warnings.extend(ignored)
        found = _parse_one(document)
        if not isinstance(found, Model):
            faults.extend(found)
            continue
        key = (found.kind, found.metadata.namespace, found.metadata.name)
        if key in objects:
            faults.append(document.fault(("metadata", "name"), f"{' '.join(key)} stands twice; keep one"))
        objects[key] = found
    if faults:
        raise Refused(faults)
    return replace(Objects.of(list(objects.values())), warnings=tuple(warnings))


def _in_order(objects: Sequence[IstioObject], kind: type[_T]) -> tuple[_T, ...]:
    chosen = [one for one in objects if isinstance(one, kind)]
    return tuple(
        sorted(chosen, key=lambda one: (one.metadata.creation_timestamp, one.metadata.name, one.metadata.namespace))
    )


def _parse_one(document: Document) -> IstioObject | list[Fault]:
    if document.kind not in KINDS:
        return [document.fault(("kind",), f"{document.kind or 'none'} is not supported; one of {', '.join(KINDS)}")]
    model, versions = KINDS[document.kind]
    faults: list[Fault] = []
    if document.data.get("apiVersion") not in versions:
        faults.append(document.fault(("apiVersion",), f"must be one of {', '.join(versions)}"))
    try:
        found = model.model_validate(document.data)
    except ValidationError as error:
        details = error.errors(include_url=False)
        return faults + [_fault(document, model, detail) for detail in details if not _only_an_echo(detail, details)]
    return faults or found


def _only_an_echo(detail: ErrorDetails, details: Sequence[ErrorDetails]) -> bool:
    """Return a list counts as too short when its only items were refused: their own faults say enough."""
    place = detail["loc"]
    return detail["type"] == "too_short" and any(
        len(other["loc"]) > len(place) and other["loc"][: len(place)] == place for other in details
    )


def _fault(document: Document, model: type[BaseModel], detail: ErrorDetails) -> Fault:
    place: Place = detail["loc"]
    kind, given = detail["type"], detail["input"]
    context: Mapping[str, Any] = detail.get("ctx", {})
    if kind == "extra_forbidden":
        message = _unknown(model, place)
    elif kind == "missing":
        message = "is missing; it is required"
    elif kind == "value_error":
        message = str(context["error"])
    elif kind in ("greater_than_equal", "less_than_equal"):
        bound = f"at least {context['ge']}" if "ge" in context else f"at most {context['le']}"
        message = f"must be {bound}, not {given}"
    elif kind in ("too_short", "string_too_short"):
        message = "must not be empty"
    elif kind == "literal_error":
        message = f"must be one of {context['expected'].replace(' or ', ', ')}, not {given!r}"
    else:
        message = f"{detail['msg'].replace('Input should be', 'must be')}, not {given!r}"
    return document.fault(place, message)


def _unknown(model: type[BaseModel], place: Place) -> str:
    parent = _model_at(model, place[:-1])
    names = sorted(one.alias or name for name, one in parent.model_fields.items())
    if issubclass(parent, Model) and place[-1] in parent.not_carried:
        return f"is Istio's, but goaround does not support it; supported here: {', '.join(names)}"
    return f"is no field; one of {', '.join(names)}"


def _model_at(model: type[BaseModel], place: Place) -> type[BaseModel]:
    """Return the model whose fields stand at a place: list indices and keys of free maps do not change the model."""
    for step in place:
        for name, one in model.model_fields.items():
            if step == (one.alias or name):
                model = next(_models(one.annotation), model)
                break
    return model


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """Return the models inside an annotation such as ``Many[X]``, ``X | None`` or ``dict[str, X]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models(inner)
