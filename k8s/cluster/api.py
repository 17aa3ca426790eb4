"""The API server of one cluster, by the official client: objects as plain JSON, and what went wrong in one sentence."""

from __future__ import annotations

import json
import os
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import urllib3
import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException
from kubernetes.config.incluster_config import InClusterConfigLoader
from kubernetes.config.kube_config import KubeConfigMerger

from k8s.target import Document, TargetError

FIELD_MANAGER = "goaround"
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
TIMEOUT_S = 20.0
PATIENCE_S, PAUSE_S = 15.0, 1.0
"""For how long what may be asked twice is asked again, and how far apart, where the server has too much to do."""
TOO_MANY = 429
PLURALS = {
    "Namespace": "namespaces",
    "ServiceAccount": "serviceaccounts",
    "ConfigMap": "configmaps",
    "Secret": "secrets",
    "Service": "services",
    "Pod": "pods",
    "Event": "events",
    "Deployment": "deployments",
    "Job": "jobs",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "PodDisruptionBudget": "poddisruptionbudgets",
    "NetworkPolicy": "networkpolicies",
    "VirtualService": "virtualservices",
    "DestinationRule": "destinationrules",
    "Gateway": "gateways",
    "ServiceEntry": "serviceentries",
    "Sidecar": "sidecars",
    "PeerAuthentication": "peerauthentications",
    "AuthorizationPolicy": "authorizationpolicies",
}
"""How the kinds that a world or a bench may have are called in a path."""


class ApiError(TargetError):
    """The API server refused; `status` is its HTTP status, and `reason` its own word for it, such as NotFound.

    `retry_after_s`: how long it wants to be left alone, in seconds; 0 where it does not say.
    """

    def __init__(self, status: int, reason: str, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.status, self.reason, self.retry_after_s = status, reason, retry_after_s


@dataclass(frozen=True, slots=True)
class Access:
    """How somebody else than `Api` speaks to the API server in the user's name. None of it is ever printed.

    `tls` is None for plain HTTP; `server_name`: whom its certificate must name, where that is not who is called;
    `credentials`: the headers that say who asks, now (tokens are renewed); `proxy`: the URL of one on the way.
    """

    host: str
    context: str
    tls: ssl.SSLContext | None = field(repr=False)
    server_name: str | None
    credentials: Callable[[], dict[str, str]] = field(repr=False)
    proxy: str | None = field(repr=False)


class Api:
    """Talks to the cluster of a kubeconfig's context; calls block, so worlds make them in threads.

    `kubeconfig`: its path, else KUBECONFIG, else ~/.kube/config. `context`: its current one if left out.
    """

    def __init__(self, context: str | None = None, kubeconfig: Path | None = None) -> None:
        """Read the kubeconfig. Raises TargetError: there is none, it is none, or it has no such context."""
        # the client reads the variable when it is imported, which may be before somebody sets it
        file = str(kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config")
        names, current = _contexts(file)
        choices = ", ".join(names) or "there is none"
        if context is not None and context not in names:
            raise TargetError(f"no context {context!r} in the kubeconfig; choose from: {choices}")
        if context is None and current not in names:
            stale = f" (it names {current!r}, which is not there)" if current else ""
            raise TargetError(f"the kubeconfig has no current context{stale}; choose with --context: {choices}")
        self.context: str = context or current
        settings = client.Configuration()
        try:
            config.load_kube_config(file, self.context, settings, persist_config=False)  # type: ignore[no-untyped-call]
        except (ConfigException, OSError) as error:
            raise TargetError(f"context {self.context}: {_line(error)}") from error
        self._connect(settings)

    @classmethod
    def in_cluster(cls, secrets: Path = SERVICE_ACCOUNT) -> Self:
        """Talk to the cluster that this process runs in, as the ServiceAccount of its pod.

        The token is read again each minute: the kubelet replaces it before it expires. Raises TargetError outside of a
        pod.
        """
        settings = client.Configuration()
        try:
            InClusterConfigLoader(secrets / "token", secrets / "ca.crt").load_and_set(settings)  # type: ignore[no-untyped-call]
        except (ConfigException, OSError) as error:
            raise TargetError(f"this process runs in no pod with a ServiceAccount: {_line(error)}") from error
        own = cls.__new__(cls)
        own.context = "of this pod"
        own._connect(settings)
        own._there = True  # it started us
        return own

    def _connect(self, settings: client.Configuration) -> None:
        settings.retries = False  # a cluster that never answered is told at once; we ask again ourselves
        self._there = False
        if not settings.verify_ssl:
            # the kubeconfig says so (insecure-skip-tls-verify): one warning for each request would hide our own lines
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._client = client.ApiClient(settings)
        self._host = settings.host

    def access(self) -> Access:
        """What it takes to stream to and from the API server, which this client does not do.

        Raises TargetError for certificates that cannot be read.
        """
        settings = self._client.configuration
        try:
            tls = _tls(settings) if settings.host.startswith("https:") else None
        except (OSError, ssl.SSLError) as error:
            raise TargetError(f"context {self.context}: its certificates cannot be read: {_line(error)}") from error
        return Access(
            settings.host.rstrip("/"), self.context, tls, settings.tls_server_name, self._credentials, settings.proxy
        )

    def get(self, path: str, **query: str) -> Document:
        """GET a path under the API server's root, again while it is busy.

        Raises ApiError, or TargetError when nobody answers.
        """
        return dict(json.loads(self._patiently(lambda: self._ask("GET", path, query))))

    def find(self, path: str) -> Document | None:
        """GET a path, where there may be nothing: None then. Raises as `get` does for all else."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.status != 404:
                raise
            return None

    def text(self, path: str, **query: str) -> str:
        """GET a path whose answer is text, such as a log."""
        return self._ask("GET", path, query)

    def content(
        self, path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, **query: str
    ) -> bytes:
        """Ask for a path whose answer is bytes, such as what a pod answers behind its proxy, with `headers` for it."""
        return self._sent(method, path, query, headers=headers)

    def post(self, path: str, body: Mapping[str, Any], **query: str) -> Document:
        """POST a body, and return what the server made of it."""
        return dict(json.loads(self._ask("POST", path, query, body, "application/json")))

    def apply(self, one: Mapping[str, Any], *, dry_run: bool = False) -> Document:
        """Server-side apply an object under our field manager: created, or made so; fields of others are taken over.

        Again while the server is busy. A dry run is not: who makes many wants to know of each at once.
        """
        query = {"fieldManager": FIELD_MANAGER, "force": "true", **({"dryRun": "All"} if dry_run else {})}

        def ask() -> str:
            return self._ask("PATCH", path_of(one), query, one, "application/apply-patch+yaml")

        return dict(json.loads(ask() if dry_run else self._patiently(ask)))

    def apply_all(self, objects: Iterable[Mapping[str, Any]]) -> None:
        """Apply objects in their order. Raises TargetError naming the one that was refused."""
        for one in objects:
            try:
                self.apply(one)
            except ApiError as error:
                raise TargetError(f"{one['kind']} {one['metadata']['name']}: {error}") from error

    def delete(self, path: str, uid: str | None = None) -> None:
        """Delete an object, and what it owns; with `uid` only if it is still that very one."""
        body = {"propagationPolicy": "Foreground", **({"preconditions": {"uid": uid}} if uid else {})}
        self._ask("DELETE", path, {}, body, "application/json")

    def merge(self, path: str, change: Mapping[str, Any]) -> None:
        """Change single fields of an object, again while the server is busy."""
        query = {"fieldManager": FIELD_MANAGER}
        self._patiently(lambda: self._ask("PATCH", path, query, change, "application/merge-patch+json"))

    def _patiently(self, ask: Callable[[], str]) -> str:
        """Ask what may be asked twice, for PATIENCE_S again while a server that has ever answered is busy.

        Busy is: out of reach, too slow, a status of 429 or from 500 on.
        """
        deadline: float | None = None
        while True:
            try:
                return ask()
            except TargetError as error:
                now, pause = time.monotonic(), PAUSE_S
                if isinstance(error, ApiError):
                    if error.status < 500 and error.status != TOO_MANY:
                        raise
                    pause = max(pause, error.retry_after_s)
                # counted from the first failure, which may have taken TIMEOUT_S
                deadline = now + PATIENCE_S if deadline is None else deadline
                if not self._there or now + pause > deadline:
                    raise
                time.sleep(pause)

    def _credentials(self) -> dict[str, str]:
        auth = self._client.configuration.auth_settings().get("BearerToken")
        return {"Authorization": str(auth["value"])} if auth else {}

    def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        kind: str | None = None,
    ) -> str:
        return self._sent(method, path, query, body, kind).decode(errors="replace")

    def _sent(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        kind: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        told = {"Accept": "application/json, */*", **({"Content-Type": kind} if kind else {}), **(headers or {})}
        # apply-patch+yaml is sent as text, which JSON is too; the client sends JSON of its own for the others
        sent = json.dumps(body) if kind == "application/apply-patch+yaml" else body
        try:
            made = self._client.param_serialize(
                method, path, header_params=told, query_params=list(query.items()), auth_settings=["BearerToken"]
            )
            answer = self._client.call_api(made[0], made[1], made[2], sent, _request_timeout=TIMEOUT_S)
            content: bytes = answer.read()  # type: ignore[no-untyped-call]
        except (ApiException, urllib3.exceptions.HTTPError, OSError) as error:
            raise TargetError(f"no cluster answers at {self._host} (context {self.context}): {_line(error)}") from error
        self._there = True
        if answer.status >= 300:
            raise _refusal(answer.status, content, path, self.context, answer.headers.get("Retry-After", ""))
        return content


def _contexts(file: str) -> tuple[list[str], str]:
    """The names of a kubeconfig's contexts, and which one is current; "" where none is."""
    try:
        merged = KubeConfigMerger(file).config  # type: ignore[no-untyped-call]
        if merged is None:
            raise TargetError(
                f"no cluster: there is no kubeconfig {file}. Set KUBECONFIG to the file that says where the cluster is"
            )
        names = [str(one.value["name"]) for one in merged.value["contexts"]]
        return names, str(merged.value.get("current-context") or "")
    except (ConfigException, OSError) as error:
        raise TargetError(f"no cluster: {_line(error)}") from error
    except (TypeError, ValueError, KeyError, AttributeError, yaml.YAMLError) as error:
        raise TargetError(f"no cluster: {file} is not a kubeconfig") from error


def _tls(settings: client.Configuration) -> ssl.SSLContext:
    """The same trust and the same certificate as the client's own connections."""
    made = ssl.create_default_context(cafile=settings.ssl_ca_cert)
    if settings.cert_file:
        made.load_cert_chain(settings.cert_file, settings.key_file)
    if not settings.verify_ssl:
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    return made


def path_of(one: Mapping[str, Any]) -> str:
    """Where an object is under the API server's root. Raises TargetError for a kind that no world has."""
    metadata = one["metadata"]
    return f"{folder(one['apiVersion'], one['kind'], metadata.get('namespace'))}/{metadata['name']}"


def folder(version: str, kind: str, namespace: str | None) -> str:
    """Where the objects of a kind are: in a namespace, or of the whole cluster."""
    if kind not in PLURALS:
        raise TargetError(f"kind {kind!r}: must be one of {', '.join(PLURALS)}")
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    return f"{root}/namespaces/{namespace}/{PLURALS[kind]}" if namespace else f"{root}/{PLURALS[kind]}"


NAMESPACES = folder("v1", "Namespace", None)
"""Where the namespaces of the cluster are."""


def _refusal(status: int, content: bytes, path: str, context: str, retry_after: str) -> ApiError:
    """What the server said, which is a Status in JSON wherever it is Kubernetes itself that answers."""
    try:
        said = json.loads(content)
        message, reason = str(said["message"]), str(said.get("reason", ""))
    except (ValueError, TypeError, KeyError):
        message, reason = content.decode(errors="replace").strip()[:300] or f"HTTP status {status} at {path}", ""
    if status == 401:
        message = f"the cluster does not accept who you are (context {context}): log in again, or use --context"
    # Kubernetes gives it in seconds, never as a date
    return ApiError(status, reason, " ".join(message.split()), float(retry_after) if retry_after.isdecimal() else 0.0)


def _line(error: BaseException) -> str:
    """The cause at the bottom of an error, in one line."""
    cause = error
    while cause.__cause__ or cause.__context__:
        deeper = cause.__cause__ or cause.__context__
        if deeper is None or not str(deeper):
            break
        cause = deeper
    return " ".join(str(cause).split()) or type(cause).__name__
