"""A pod that is not ready says why, from what the API server lists of it."""

from __future__ import annotations

from typing import Any

import pytest

from k8s.cluster.readiness import Obstacle, is_ready, obstacles, reason

RUNNING: dict[str, Any] = {"running": {}}
STARTING = "it is starting"


def pod(state: dict[str, Any] = RUNNING, *, ready: bool = False, **status: Any) -> dict[str, Any]:
    container = {"name": "app", "image": "goaround:dev", "restartCount": 0, "state": state}
    return {
        "metadata": {"name": "alerts-0", "uid": "1", "labels": {}},
        "spec": {"containers": [{"name": "app"}]},
        "status": {
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{**container, **status.pop("container", {})}],
            **status,
        },
    }


def waiting(why: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": why, "message": message}}


def warning(message: str, at: str, uid: str = "1", kind: str = "Warning") -> dict[str, Any]:
    return {"type": kind, "message": message, "lastTimestamp": at, "involvedObject": {"uid": uid}}


def test_a_ready_pod_has_no_reason() -> None:
    assert is_ready(pod(ready=True))
    assert reason(pod(ready=True), []) is None


@pytest.mark.parametrize("why", ["ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"])
def test_a_missing_image_is_named_and_not_waited_for(why: str) -> None:
    found = reason(pod(waiting(why)), [])
    assert found == (
        f"its image goaround:dev cannot be had ({why}): load it into the cluster, or push it to a registry",
        True,
    )


def test_the_first_pull_that_fails_is_told_in_its_words_and_waited_for() -> None:
    found = reason(pod(waiting("ErrImagePull", "registry.example: connection reset by peer")), [])
    assert found == ("its image goaround:dev could not be pulled: registry.example: connection reset by peer", False)


@pytest.mark.parametrize(
    "message",
    [
        'failed to pull and unpack image "registry.example/goaround:dev": registry.example/goaround:dev: not found',
        "pull access denied, repository does not exist or may require authorization",
        "failed to authorize: unexpected status: 401 Unauthorized",
        "unexpected status from HEAD request: 403 Forbidden",
    ],
)
def test_an_image_that_its_registry_refuses_is_not_waited_for(message: str) -> None:
    found = reason(pod(waiting("ErrImagePull", message)), [])
    assert found == (f"its image goaround:dev could not be pulled: {message}", True)


def test_pulls_that_fail_for_one_cause_are_told_in_the_same_words() -> None:
    told = [
        reason(pod(waiting("ErrImagePull", f"lookup registry.example: read udp {own}->10.96.0.10:53: timed out")), [])
        for own in ("127.0.0.1:45822", "[::1]:39121")
    ]
    said = "its image goaround:dev could not be pulled: lookup registry.example: read udp ADDRESS:53: timed out"
    assert told[0] == told[1] == (said, False)


@pytest.mark.parametrize("why", ["CreateContainerConfigError", "CreateContainerError", "RunContainerError"])
@pytest.mark.parametrize(
    "message",
    [
        "failed to sync secret cache: timed out waiting for the condition",
        "failed to sync configmap cache: timed out waiting for the condition",
        "context deadline exceeded",
        'failed to reserve container name "app_alerts-0": name is reserved for "1f"',
    ],
)
def test_a_node_with_too_much_to_do_for_a_container_is_waited_for(why: str, message: str) -> None:
    assert reason(pod(waiting(why, message)), []) == (f"container app cannot be started: {message}", False)


def refused(name: str, **status: str) -> dict[str, Any]:
    made = pod()
    made["metadata"] |= {"name": name, "labels": {"sidecar.istio.io/inject": "true"}}
    made["status"] = {"phase": "Failed", **status}
    return made


def test_a_pod_that_was_evicted_says_so_and_another_is_waited_for() -> None:
    evicted = refused("alerts-0-1", reason="Evicted", message="The node was low on resource: memory.")
    assert reason(evicted, []) == ("it has ended: Evicted: The node was low on resource: memory.", False)


def test_a_pod_that_has_ended_is_told_of_only_while_none_is_there_in_its_place() -> None:
    gone = refused("alerts-0-1", reason="OutOfcpu")
    other = pod()
    other["metadata"]["name"] = "alerts-0-2"
    deployment = {"metadata": {"name": "alerts"}, "spec": {"replicas": 1}}
    assert [str(one) for one in obstacles([deployment], [gone], [])] == ["pod alerts-0-1: it has ended: OutOfcpu"]
    assert [str(one) for one in obstacles([deployment], [gone, other], [])] == ["pod alerts-0-2: it is starting"]
    at_rest = {**deployment, "spec": {"replicas": 0}}
    assert list(obstacles([at_rest], [gone], [])) == []


def test_a_container_that_cannot_be_made_is_not_waited_for() -> None:
    found = reason(pod(waiting("CreateContainerConfigError", 'configmap "policies" not found')), [])
    assert found == ('container app cannot be started: configmap "policies" not found', True)


@pytest.mark.parametrize(("restarts", "fatal"), [(1, False), (2, True)])
def test_a_container_that_ends_is_given_another_chance_and_then_none(restarts: int, fatal: bool) -> None:
    ended = {"restartCount": restarts, "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}
    found = reason(pod(waiting("CrashLoopBackOff"), container=ended), [])
    assert found == ("container app ends again and again: OOMKilled, exit code 137", fatal)


def test_a_proxy_that_cannot_start_is_told_before_the_application_that_waits_for_it() -> None:
    proxy = {"name": "istio-proxy", "image": "proxyv2", "state": waiting("ImagePullBackOff")}
    found = reason(pod(waiting("PodInitializing"), initContainerStatuses=[proxy]), [])
    assert found is not None
    assert found[0].startswith("its image proxyv2 cannot be had")


def test_a_failing_probe_is_told_by_the_newest_warning_about_this_very_pod() -> None:
    events = [
        warning("Readiness probe failed: old", "2026-11-26T10:00:00Z"),
        warning("Readiness probe failed: HTTP probe failed with\nstatuscode: 503", "2026-11-26T10:00:09Z"),
        warning("of another pod of this name", "2026-11-26T10:00:30Z", uid="2"),
        warning("Started container", "2026-11-26T10:00:40Z", kind="Normal"),
    ]
    assert reason(pod(), events) == ("Readiness probe failed: HTTP probe failed with statuscode: 503", False)


def test_the_same_failure_of_two_pods_is_told_in_the_same_words() -> None:
    told = [
        reason(pod(), [warning(f'Startup probe failed: Get "http://10.251.0.{n}:8080/startupz": refused', "1")])
        for n in (7, 18)
    ]
    assert told[0] == told[1] == ('Startup probe failed: Get "http://ADDRESS:8080/startupz": refused', False)


def test_a_pod_of_which_nothing_is_known_is_starting() -> None:
    assert reason(pod(), []) == (STARTING, False)


def test_a_pod_that_no_node_takes_is_told_in_the_schedulers_words_and_waited_for() -> None:
    made = pod()
    made["status"] = {"conditions": [{"type": "PodScheduled", "status": "False", "message": "Insufficient cpu."}]}
    assert reason(made, []) == ("no node takes it: Insufficient cpu.", False)


def test_a_pod_that_ends_is_waited_for() -> None:
    made = pod()
    made["metadata"]["deletionTimestamp"] = "2026-11-26T10:00:00Z"
    assert reason(made, []) == ("it is ending", False)


def test_a_pod_that_wants_a_sidecar_and_has_none_is_told_though_it_is_ready() -> None:
    made = pod(ready=True)
    made["metadata"]["labels"] = {"sidecar.istio.io/inject": "true"}
    assert reason(made, []) == ("it got no sidecar: Istio's injection does not act on it", True)
    for place in ("containers", "initContainers"):
        made["spec"] = {"containers": [{"name": "app"}], place: [{"name": "istio-proxy"}]}
        assert reason(made, []) is None


def test_a_deployment_that_may_not_make_pods_says_why() -> None:
    failed = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: small"}
    deployment = {"metadata": {"name": "alerts"}, "spec": {"replicas": 1}, "status": {"conditions": [failed]}}
    assert list(obstacles([deployment], [pod(ready=True)], [])) == [
        Obstacle("deployment alerts", "exceeded quota: small (a quota, or a policy)", True)
    ]


def test_a_webhook_that_did_not_answer_in_time_is_waited_for_as_the_cluster_tries_again() -> None:
    message = 'Internal error occurred: failed calling webhook "namespace.sidecar-injector.istio.io": timeout'
    failed = {"type": "ReplicaFailure", "status": "True", "message": message}
    deployment = {"metadata": {"name": "alerts"}, "spec": {"replicas": 1}, "status": {"conditions": [failed]}}
    [found] = obstacles([deployment], [], [])
    assert (found.why, found.fatal) == (f"{message} (the cluster tries again)", False)
