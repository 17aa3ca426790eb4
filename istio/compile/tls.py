"""TLS contexts of both ends (core/cluster_tls.go, security/authn/utils).

Secrets come by discovery, under istiod's names: a workload's own certificate is ``default``, the mesh's root is
``ROOTCA``, and files are ``file-cert:CERTIFICATE~KEY`` and ``file-root:CA``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from istio.compile.names import service_name_indication
from istio.objects.destination_rule import ClientTls
from istio.objects.gateway import ServerTls
from istio.registry import DOMAIN, Service

WORKLOAD_SECRET, ROOT_SECRET = "default", "ROOTCA"
_SOCKETS = "type.googleapis.com/envoy.extensions.transport_sockets"
_SDS_CLUSTER = "sds-grpc"
_VERSIONS = {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"}
_PROTOCOLS = {f"TLSV1_{number}": f"TLSv1_{number}" for number in range(4)}
_CIPHERS = [
    "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-GCM-SHA256",
]  # fmt: skip
_RAW = {
    "name": "envoy.transport_sockets.raw_buffer",
    "typed_config": {"@type": f"{_SOCKETS}.raw_buffer.v3.RawBuffer"},
}


def identity(namespace: str, service_account: str) -> str:
    """Return the SPIFFE identity of a service account."""
    return f"spiffe://{DOMAIN}/ns/{namespace}/sa/{service_account}"


def identities(service: Service) -> list[str]:
    """Return who may answer for a service: the accounts of its endpoints, or those that it names itself."""
    accounts = {
        identity(service.namespace, one.service_account)
        for endpoints in service.endpoints.values()
        for one in endpoints
        if one.service_account
    }
    return sorted(accounts | set(service.subject_alt_names))


def server_socket() -> dict[str, Any]:
    """Return the inbound end of mutual TLS: any identity of the trust domain is let in."""
    return _tls(
        "DownstreamTlsContext",
        {
            "common_tls_context": {
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_params": {**_VERSIONS, "cipher_suites": _CIPHERS},
                "tls_certificate_sds_secret_configs": [_secret(WORKLOAD_SECRET)],
                **_validated([{"prefix": f"spiffe://{DOMAIN}/"}], ROOT_SECRET),
            },
            "require_client_certificate": True,
        },
    )


def gateway_socket(tls: ServerTls) -> dict[str, Any]:
    """Return how a gateway's server proves who it is, by a secret of its namespace or as a workload of the mesh."""
    context: dict[str, Any] = {"alpn_protocols": ["h2", "http/1.1"]}
    names = [{"exact": name} for name in tls.subject_alt_names]
    if tls.mode == "ISTIO_MUTUAL":
        context["tls_certificate_sds_secret_configs"] = [_secret(WORKLOAD_SECRET)]
        context |= _validated(names, ROOT_SECRET)
    else:
        context["tls_certificate_sds_secret_configs"] = [_credential(tls.credential_name)]
        if tls.mode != "SIMPLE":
            context |= _validated_by(names, _credential(f"{tls.credential_name}-cacert"))
        params = {
            "tls_minimum_protocol_version": _PROTOCOLS.get(tls.min_protocol_version),
            "tls_maximum_protocol_version": _PROTOCOLS.get(tls.max_protocol_version),
            "cipher_suites": list(tls.cipher_suites),
        }
        said = {name: value for name, value in params.items() if value}
        context |= {"tls_params": said} if said else {}
    required = tls.mode in ("MUTUAL", "ISTIO_MUTUAL")
    return _tls("DownstreamTlsContext", {"common_tls_context": context, "require_client_certificate": required})


def automatic(service: Service, port: int, subset: str, *, http2: bool) -> dict[str, Any]:
    """Return the sockets of a cluster when nobody said how to call it: mutual TLS where the endpoint has a sidecar."""
    socket = _mutual(ClientTls(mode="ISTIO_MUTUAL"), service, port, subset, http2=http2)
    return {
        "transport_socket_matches": [
            {"name": "tlsMode-istio", "match": {"tlsMode": "istio"}, "transport_socket": socket},
            {"name": "tlsMode-disabled", "match": {}, "transport_socket": _RAW},
        ]
    }


def client_socket(tls: ClientTls, service: Service, port: int, subset: str, *, http2: bool) -> dict[str, Any]:
    """Return the socket that a rule asks for; an empty dict for plaintext."""
    if tls.mode == "DISABLE":
        return {}
    if tls.mode == "ISTIO_MUTUAL":
        return {"transport_socket": _mutual(tls, service, port, subset, http2=http2)}
    if tls.credential_name:
        return {}  # a sidecar reads no credential of its namespace: only gateways do
    context: dict[str, Any] = {"tls_params": _VERSIONS}
    if tls.mode == "MUTUAL":
        context["tls_certificate_sds_secret_configs"] = [
            _secret(f"file-cert:{tls.client_certificate}~{tls.private_key}")
        ]
    if tls.insecure_skip_verify:
        context["validation_context"] = {}
    else:
        names = [{"exact": name} for name in tls.subject_alt_names or sorted(service.subject_alt_names)]
        context |= _validated(names, f"file-root:{tls.ca_certificates or 'system'}")
    if http2:
        context["alpn_protocols"] = ["h2"]
    sni = {"sni": tls.sni} if tls.sni else {}
    return {"transport_socket": _tls("UpstreamTlsContext", {"common_tls_context": context, **sni})}


def names_by_request(tls: ClientTls | None) -> dict[str, bool]:
    """Return what is taken from each request's host when a rule names no server: SNI, and the name to verify."""
    if tls is None or tls.mode not in ("SIMPLE", "MUTUAL") or tls.sni or tls.credential_name:
        return {}
    verified = not tls.subject_alt_names and not tls.insecure_skip_verify
    return {"auto_sni": True, **({"auto_san_validation": True} if verified else {})}


def _mutual(tls: ClientTls, service: Service, port: int, subset: str, *, http2: bool) -> dict[str, Any]:
    names = [{"exact": name} for name in tls.subject_alt_names or identities(service)]
    context = {
        "alpn_protocols": ["istio", "h2"] if http2 else ["istio"],
        "tls_params": _VERSIONS,
        "tls_certificate_sds_secret_configs": [_secret(WORKLOAD_SECRET)],
        **_validated(names, ROOT_SECRET),
    }
    sni = tls.sni or service_name_indication(port, subset, service.hostname)
    return _tls("UpstreamTlsContext", {"common_tls_context": context, "sni": sni})


def _tls(message: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"name": "envoy.transport_sockets.tls", "typed_config": {"@type": f"{_SOCKETS}.tls.v3.{message}", **fields}}


def _validated(names: Sequence[dict[str, str]], root: str) -> dict[str, Any]:
    return _validated_by(names, _secret(root))


def _validated_by(names: Sequence[dict[str, str]], root: dict[str, Any]) -> dict[str, Any]:
    accepted = {"match_subject_alt_names": list(names)} if names else {}
    return {
        "combined_validation_context": {
            "default_validation_context": accepted,
            "validation_context_sds_secret_config": root,
        }
    }


def _credential(name: str) -> dict[str, Any]:
    return {"name": f"kubernetes://{name}", "sds_config": {"ads": {}, "resource_api_version": "V3"}}


def _secret(name: str) -> dict[str, Any]:
    source = {
        "api_type": "GRPC",
        "grpc_services": [{"envoy_grpc": {"cluster_name": _SDS_CLUSTER}}],
        "set_node_on_first_message_only": True,
        "transport_api_version": "V3",
    }
    return {
        "name": name,
        "sds_config": {"api_config_source": source, "initial_fetch_timeout": "0s", "resource_api_version": "V3"},
    }
