"""A cluster that cannot be asked is told in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from k8s.cluster.api import Api, ApiError, folder, path_of
from k8s.target import TargetError
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
