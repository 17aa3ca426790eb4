"""A cluster that cannot be asked is told in one line."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
import trustme
import yaml
from kubernetes.config import incluster_config

from k8s.cluster import api as apis
from k8s.cluster.api import PATIENCE_S, PAUSE_S, TIMEOUT_S, Api, ApiError, folder, path_of
from k8s.target import Document, TargetError
from tests.k8s.cluster.fake import FakeCluster


def line(refused: pytest.ExceptionInfo[TargetError]) -> str:
    [only] = refused.value.errors
    assert "\n" not in only
    return only


def test_without_a_kubeconfig_the_error_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(TargetError) as refused:
        Api(kubeconfig=tmp_path / "none")
    assert line(refused).startswith("no cluster: ")
    assert line(refused).endswith("Set KUBECONFIG to the file that says where the cluster is")


@pytest.mark.parametrize("text", ["bad", "- 1", "a: [", "contexts: 3"])
def test_a_file_that_is_no_kubeconfig_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(text)
    with pytest.raises(TargetError) as refused:
        Api(kubeconfig=file)
    assert line(refused).startswith("no cluster: ")


def test_an_unknown_context_is_told_with_the_choices(cluster: FakeCluster, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="no context 'moon' in the kubeconfig; choose from: fake, other"):
        Api("moon", cluster.kubeconfig(tmp_path, "other"))


def kubeconfig(cluster: FakeCluster, folder: Path, **changes: object) -> Path:
    """A kubeconfig with the contexts `fake` and `other`, changed."""
    file = cluster.kubeconfig(folder, "other")
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), **changes}))
    return file


@pytest.mark.parametrize("current", ["", None, "moon"])
def test_a_context_that_is_named_needs_no_current_one(
    cluster: FakeCluster, tmp_path: Path, current: str | None
) -> None:
    api = Api("other", kubeconfig(cluster, tmp_path, **{"current-context": current}))
    assert api.get("/version")
    assert api.context == "other"


@pytest.mark.parametrize(("current", "stale"), [("", ""), ("moon", r" \(it names 'moon', which is not there\)")])
def test_without_a_current_context_the_choices_are_told(
    cluster: FakeCluster, tmp_path: Path, current: str, stale: str
) -> None:
    with pytest.raises(TargetError, match=f"no current context{stale}; choose with --context: fake, other"):
        Api(kubeconfig=kubeconfig(cluster, tmp_path, **{"current-context": current}))


def test_a_kubeconfig_without_contexts_says_so(cluster: FakeCluster, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"no current context .*; choose with --context: there is none"):
        Api(kubeconfig=kubeconfig(cluster, tmp_path, contexts=None))


def test_a_cluster_that_does_not_answer_is_told_with_its_address_and_context(tmp_path: Path) -> None:
    with FakeCluster() as gone:
        file = gone.kubeconfig(tmp_path)
    with pytest.raises(TargetError) as refused:
        Api(kubeconfig=file).get("/version")
    assert line(refused).startswith(f"no cluster answers at http://127.0.0.1:{gone.port} (context fake): ")


def test_the_credential_of_the_kubeconfig_is_sent(cluster: FakeCluster, api: Api) -> None:
    assert api.get("/version") == {"gitVersion": "v1.34.4"}
    assert cluster.asked == ["GET /version"]


def test_who_is_not_accepted_is_told_what_to_do(cluster: FakeCluster, tmp_path: Path) -> None:
    api = Api(kubeconfig=cluster.kubeconfig(tmp_path, token="stale"))  # noqa: S106 - it opens nothing
    with pytest.raises(TargetError) as refused:
        api.get("/version")
    assert line(refused) == ("the cluster does not accept who you are (context fake): log in again, or use --context")
    assert "stale" not in line(refused)


def test_what_the_server_refuses_is_told_in_its_own_words(cluster: FakeCluster, api: Api) -> None:
    cluster.forbidden = {("GET", "/version")}
    with pytest.raises(ApiError, match='is forbidden: User "u" cannot GET') as refused:
        api.get("/version")
    assert (refused.value.status, refused.value.reason) == (403, "Forbidden")


class Seconds:
    """A time that passes only while somebody sleeps, or waits for an answer."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, list[float]()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    passing = Seconds()
    monkeypatch.setattr(apis, "time", passing)
    return passing


@pytest.mark.parametrize("status", [0, 429, 500, 504])
def test_a_server_that_is_busy_for_a_moment_is_asked_again(
    cluster: FakeCluster, api: Api, seconds: Seconds, status: int
) -> None:
    api.get("/version")
    cluster.busy = {("GET", ""): [status] * 3}
    assert api.find("/api/v1/namespaces/default") is not None
    assert seconds.slept == [PAUSE_S] * 3


def entry(**data: str) -> Document:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one", "namespace": "default"}, "data": data}


@pytest.mark.parametrize("status", [0, 429, 500, 504])
def test_what_may_be_made_twice_is_made_again(cluster: FakeCluster, api: Api, seconds: Seconds, status: int) -> None:
    api.get("/version")
    cluster.busy = {("PATCH", ""): [status]}
    api.apply(entry(a="1"))
    cluster.busy = {("PATCH", ""): [status]}
    api.merge(path_of(entry()), {"data": {"b": "2"}})
    assert cluster.objects[path_of(entry())]["data"] == {"a": "1", "b": "2"}
    assert seconds.slept == [PAUSE_S] * 2


def test_a_dry_run_is_told_at_once(cluster: FakeCluster, api: Api, seconds: Seconds) -> None:
    api.get("/version")
    cluster.busy = {("PATCH", ""): [500]}
    with pytest.raises(ApiError):
        api.apply(entry(), dry_run=True)
    assert not seconds.slept


def test_what_may_be_made_once_only_is_not_made_again(cluster: FakeCluster, api: Api, seconds: Seconds) -> None:
    api.get("/version")
    cluster.busy = {("POST", ""): [500]}
    with pytest.raises(ApiError):
        api.post("/api/v1/namespaces", {"metadata": {"name": "new"}})
    assert not seconds.slept


def test_one_that_stays_busy_is_told_after_a_while(cluster: FakeCluster, api: Api, seconds: Seconds) -> None:
    cluster.busy = {("GET", ""): [500] * 1000}
    with pytest.raises(ApiError, match="500: too much to do"):
        api.get("/version")
    assert PATIENCE_S - PAUSE_S <= sum(seconds.slept) <= PATIENCE_S


def test_who_took_all_of_their_time_to_say_nothing_is_asked_again(
    api: Api, seconds: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = api.get("/version")
    ask, silent = api._ask, [TargetError("no cluster answers: timed out")]

    def slow(*what: object) -> str:
        if silent:
            seconds.now += TIMEOUT_S
            raise silent.pop()
        return ask(*what)  # type: ignore[arg-type]

    monkeypatch.setattr(api, "_ask", slow)
    assert api.get("/version") == answered


def test_a_server_that_says_when_to_come_again_is_given_that_time(
    cluster: FakeCluster, api: Api, seconds: Seconds
) -> None:
    cluster.busy, cluster.retry_after = {("GET", ""): [429]}, "7"
    api.get("/version")
    assert seconds.slept == [7.0]


def test_what_is_refused_is_not_asked_again(cluster: FakeCluster, api: Api, seconds: Seconds) -> None:
    cluster.forbidden = {("GET", "/version")}
    with pytest.raises(ApiError):
        api.get("/version")
    assert cluster.asked == ["GET /version"]


def test_a_cluster_that_never_answered_is_not_asked_again(tmp_path: Path, seconds: Seconds) -> None:
    with FakeCluster() as gone:
        file = gone.kubeconfig(tmp_path)
    with pytest.raises(TargetError, match="no cluster answers"):
        Api(kubeconfig=file).get("/version")
    assert not seconds.slept


def test_paths_are_those_of_the_api() -> None:
    rule = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": "a", "namespace": "b"},
    }
    assert path_of(rule) == "/apis/networking.istio.io/v1/namespaces/b/destinationrules/a"
    assert folder("v1", "Namespace", None) == "/api/v1/namespaces"
    with pytest.raises(TargetError, match="kind 'Lease': must be one of Namespace"):
        folder("v1", "Lease", "b")


def test_what_a_pod_answers_comes_as_bytes_and_is_asked_with_headers(cluster: FakeCluster, api: Api) -> None:
    assert api.content("/version", headers={"x-own": "1"}) == b'{"gitVersion": "v1.34.4"}'


class Clock:
    """Tells a time that a test sets forward."""

    ahead = timedelta()

    @classmethod
    def now(cls) -> datetime:
        return datetime.now() + cls.ahead


@contextmanager
def api_server(folder: Path) -> Iterator[tuple[int, list[str]]]:
    """An API server by TLS that accepts everybody, and the credentials that it was shown; its CA is in the folder."""
    authority, shown = trustme.CA(), list[str]()
    authority.cert_pem.write_to_path(folder / "ca.crt")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown.append(self.headers["Authorization"])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1], shown
    server.shutdown()
    thread.join()
    server.server_close()


def test_in_a_pod_its_service_account_is_used_and_a_token_that_was_replaced_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incluster_config, "datetime", SimpleNamespace(datetime=Clock, timedelta=timedelta))
    monkeypatch.setattr(Clock, "ahead", timedelta())
    (tmp_path / "token").write_text("first")
    with api_server(tmp_path) as (port, shown):
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(port))
        api = Api.in_cluster(tmp_path)
        api.get("/version")
        (tmp_path / "token").write_text("second")
        Clock.ahead = timedelta(minutes=2)
        api.get("/version")
    assert shown == ["bearer first", "bearer second"]


def test_outside_of_a_pod_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(TargetError) as refused:
        Api.in_cluster(tmp_path)
    assert line(refused).startswith("this process runs in no pod with a ServiceAccount: ")
