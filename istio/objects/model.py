"""What every model shares: strict, immutable, camelCase, and the names that Istio has but goaround does not carry."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, model_validator
from pydantic.alias_generators import to_camel

# Python's own: looking around, references back, atomic groups, conditions, comments, long and possessive repeats.
_NOT_IN_RE2 = re.compile(r"\(\?(?:[=!>(#]|<[=!]|P=)|\{\d{4,}|[*+?}]\+|\\[1-9Z]")
_LITERAL = re.compile(r"\\[^1-9Z]|\[\^?\]?(?:\\.|[^\]\\])*\]")  # an escaped character, or a class of them
_LABEL = re.compile(r"[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?")


class Model(BaseModel):
    """A part of an Istio object."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=to_camel)
    not_carried: ClassVar[frozenset[str]] = frozenset()


class Metadata(Model):
    """Kubernetes' metadata; only what orders and selects objects is kept apart."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, alias_generator=to_camel)
    name: Annotated[str, Field(min_length=1)]
    namespace: str = "default"
    creation_timestamp: str = ""


def host(value: str) -> str:
    """Return a DNS name, possibly with ``*`` as its first label (pkg/config/validation, ValidateWildcardDomain)."""
    if not value:
        raise ValueError("must not be empty: a host such as section-1 or section-1.airport.svc.cluster.local")
    labels = value.removesuffix(".").split(".")
    plain = labels[1:] if labels[0] == "*" else [labels[0].removeprefix("*"), *labels[1:]]
    if len(value) > 255 or not all(_LABEL.fullmatch(label) for label in plain):
        raise ValueError(f"must be a host such as section-1 or *.airport.svc.cluster.local, not {value!r}")
    return value


def is_within(one: str, other: str) -> bool:
    """Whether every name that a host covers is covered by another (pkg/config/host, Name.SubsetOf)."""
    if not other.startswith("*"):
        return one == other
    return one.removeprefix("*").endswith(other[1:])


def _label(value: str) -> str:
    if value and not _LABEL.fullmatch(value):
        raise ValueError(f"must be made of letters, digits and -, at most 63, such as v1, not {value!r}")
    return value


Label = Annotated[str, AfterValidator(_label)]
Host = Annotated[str, AfterValidator(host)]
_T = TypeVar("_T")
Many = Annotated[tuple[_T, ...], Strict(False)]


def _visibility(value: str) -> str:
    if value not in (".", "*") and not _LABEL.fullmatch(value):
        raise ValueError(f"must be . (this namespace), * (all) or the name of a namespace, not {value!r}")
    return value


def _not_all_and_more(values: tuple[str, ...]) -> tuple[str, ...]:
    if "*" in values and len(values) > 1:
        raise ValueError("* stands for all namespaces: leave the others out")
    return values


def _none_alone(values: tuple[str, ...]) -> tuple[str, ...]:
    if "~" in values and len(values) > 1:
        raise ValueError("~ stands for no namespace: leave the others out")
    for one in values if values != ("~",) else ():
        _visibility(one)
    return values


EntryExportTo = Annotated[
    Many[str],
    AfterValidator(_none_alone),
    AfterValidator(_not_all_and_more),
]
"""A ServiceEntry's: ~ makes it nobody's."""
ExportTo = Annotated[Many[Annotated[str, AfterValidator(_visibility)]], AfterValidator(_not_all_and_more)]
UInt32 = Annotated[int, Field(ge=0, le=4294967295)]
Int32 = Annotated[int, Field(ge=0, le=2147483647)]
Percentage = Annotated[int, Field(ge=0, le=100)]
Labels = dict[str, str]


class PortSelector(Model):
    """A port by its number."""

    number: Annotated[int, Field(ge=1, le=65535)]


def _percent(value: float) -> float:
    if value and not 0.0001 <= value <= 100:
        raise ValueError(f"must be 0 or between 0.0001 and 100, not {value:g}")
    return value


def _regex(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"must be a regular expression as RE2 reads it: {error}") from None
    found = _NOT_IN_RE2.search(_LITERAL.sub("x", value))
    if found:
        raise ValueError(f"must be a regular expression as RE2 reads it, which has no {found[0]}")
    return value


Regex = Annotated[str, AfterValidator(_regex)]


class Percent(Model):
    """A share in percent."""

    value: Annotated[float, AfterValidator(_percent)] = 0.0


class StringMatch(Model):
    """One way to compare a text; an empty match asks only that the text is there."""

    exact: str | None = None
    prefix: str | None = None
    regex: Regex | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(way is not None for way in (self.exact, self.prefix, self.regex)) > 1:
            raise ValueError("must hold one of exact, prefix, regex")
        return self
