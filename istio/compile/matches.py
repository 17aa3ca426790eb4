"""Match rules -> Envoy's route matches, and whether a rule speaks to this proxy at all (TranslateRouteMatch)."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from istio.compile.names import MESH
from istio.objects.model import StringMatch
from istio.objects.virtual_service import Match
from istio.registry import Proxy


def speaks_to(match: Match, proxy: Proxy, port: int, heard: Set[str] = frozenset({MESH})) -> bool:
    """Say what istiod decides beforehand: the listener's port, the caller's labels and namespace, the gateway.

    ``heard`` are the names under which the match may mean this proxy: ``mesh`` for a sidecar.
    """
    if match.port is not None and match.port != port:
        return False
    if match.gateways:
        return not heard.isdisjoint(match.gateways)
    in_namespace = not match.source_namespace or match.source_namespace == proxy.namespace
    return in_namespace and match.source_labels.items() <= proxy.labels.items()


def route_match(match: Match | None) -> dict[str, Any]:
    """Envoy's match of one rule; everything when there is none."""
    if match is None:
        return {"prefix": "/"}
    headers = [_header(name, one) for name, one in match.headers.items()]
    headers += [_absent(name, one) for name, one in match.without_headers.items()]
    headers.sort(key=lambda header: str(header["name"]))
    for name, one in ((":method", match.method), (":authority", match.authority), (":scheme", match.scheme)):
        if one is not None:
            headers.append(_header(name, one))
    out: dict[str, Any] = {**_path(match.uri), "case_sensitive": not match.ignore_uri_case}
    if headers:
        out["headers"] = headers
    if match.query_params:
        out["query_parameters"] = [_query(name, one) for name, one in sorted(match.query_params.items())]
    return out


def is_catch_all(match: dict[str, Any]) -> bool:
    """Whether nothing can come after this match."""
    everything = match.get("prefix") == "/" or match.get("safe_regex", {}).get("regex") in (".*", "*")
    return everything and not match.get("headers") and not match.get("query_parameters")


def _path(uri: StringMatch | None) -> dict[str, Any]:
    if uri is None:
        return {"prefix": "/"}
    if uri.exact is not None:
        return {"path": uri.exact}
    if uri.regex is not None:
        return {"safe_regex": {"regex": uri.regex}}
    return {"prefix": uri.prefix or "/"}


def string_match(match: StringMatch) -> dict[str, Any] | None:
    """Envoy's string match; None when only presence is asked."""
    if match.exact is not None:
        return {"exact": match.exact}
    if match.prefix is not None:
        return {"prefix": match.prefix}
    if match.regex is not None and match.regex != "*":
        return {"safe_regex": {"regex": match.regex}}
    return None


def _header(name: str, match: StringMatch) -> dict[str, Any]:
    compared = string_match(match)
    return {"name": name, **({"present_match": True} if compared is None else {"string_match": compared})}


def _absent(name: str, match: StringMatch) -> dict[str, Any]:
    out = {**_header(name, match), "invert_match": True}
    if "string_match" in out:
        out["treat_missing_header_as_empty"] = True
    return out


def _query(name: str, match: StringMatch) -> dict[str, Any]:
    return _header(name, match)
