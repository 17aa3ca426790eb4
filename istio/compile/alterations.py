"""Rewrites, redirects, direct answers, mirrors and CORS (core/route/route.go)."""

from __future__ import annotations

from typing import Any

from istio.compile.faults import share
from istio.compile.matches import string_match
from istio.objects.model import Percent
from istio.objects.route_actions import CorsPolicy, DirectResponse, Redirect, Rewrite

CORS_FILTER = "envoy.filters.http.cors"
_CODES = {
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}
_IMPLIED_PORTS = {("http", 80), ("https", 443)}


def path_rewrite(rewrite: Rewrite) -> dict[str, Any]:
    """Return what a route's action says of the path."""
    if rewrite.uri_regex_rewrite is not None:
        pattern = {"regex": rewrite.uri_regex_rewrite.match}
        return {"regex_rewrite": {"pattern": pattern, "substitution": rewrite.uri_regex_rewrite.rewrite}}
    return {"prefix_rewrite": rewrite.uri} if rewrite.uri else {}


def redirect(to: Redirect, port: int) -> dict[str, Any]:
    """Translate a redirect; the port that a scheme implies is not written, nor is 301, Envoy's zero value."""
    chosen = port if to.derive_port == "FROM_REQUEST_PORT" else to.port
    fields = {
        "host_redirect": to.authority,
        "path_redirect": to.uri,
        "scheme_redirect": to.scheme,
        "port_redirect": None if (to.scheme or "http", chosen) in _IMPLIED_PORTS else chosen,
        "response_code": _CODES.get(to.redirect_code),
    }
    return {name: value for name, value in fields.items() if value}


def direct_response(answer: DirectResponse) -> dict[str, Any]:
    """Translate an answer; its body is part of it."""
    if answer.body is None:
        return {"status": answer.status}
    text, data = answer.body.string, answer.body.bytes
    return {"status": answer.status, "body": {"inline_bytes": data} if text is None else {"inline_string": text}}


def mirror(cluster: str, percent: Percent | None) -> dict[str, Any]:
    """Copy a share of the requests (all, without a percentage) to a cluster, under their own host (since 1.28)."""
    return {
        "cluster": cluster,
        "runtime_fraction": {"default_value": {"numerator": 100} if percent is None else share(percent)},
        "trace_sampled": False,
        "disable_shadow_host_suffix_append": True,
    }


def cors_filter(policy: CorsPolicy) -> dict[str, Any]:
    """Return what a route tells the CORS filter."""
    out: dict[str, Any] = {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy",
        "filter_enabled": {"default_value": {"numerator": 100}},
        "forward_not_matching_preflights": policy.unmatched_preflights != "IGNORE",
    }
    origins = [compared for one in policy.allow_origins if (compared := string_match(one)) is not None]
    if origins:
        out["allow_origin_string_match"] = origins
    lists = {
        "allow_methods": policy.allow_methods,
        "allow_headers": policy.allow_headers,
        "expose_headers": policy.expose_headers,
    }
    out.update({name: ",".join(values) for name, values in lists.items() if values})
    if policy.max_age is not None:
        out["max_age"] = str(int(policy.max_age.total_seconds()))
    if policy.allow_credentials is not None:
        out["allow_credentials"] = policy.allow_credentials
    return out
