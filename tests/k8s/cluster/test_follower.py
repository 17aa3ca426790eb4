"""A Job is followed through the API server, and what keeps it from starting or ends it is said in one line."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from k8s.cluster import follower as followers
from k8s.cluster.api import Api, ApiError
from k8s.cluster.follower import Ended, Follower
from k8s.cluster.footprint import Footprint
from k8s.cluster.job import Harness, namespace, objects
from k8s.cluster.operated import READY_S
from k8s.target import TargetError
from tests.k8s.cluster.fake import Object
from tests.k8s.cluster.jobs import JobCluster, Ready

RUN = "20261126-quick"
OWN = namespace(RUN)
HARNESS = Harness(RUN, b"", {}, "secret", 60, 60)


class Desk:
    """Answers as a harness would: its lines come in pieces, and it is over with the last."""

    def __init__(self, *pieces: tuple[str, ...]) -> None:
        self.pieces, self.headers, self.collected = list(pieces), list[str](), asyncio.Event()

    async def __call__(self, _job: Object, ready: Ready) -> int:
        self.done = asyncio.Event()
        async with self._open() as port:
            ready(port)
            await self.done.wait()
        return 0

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[int]:
        app = web.Application()
        app.router.add_get("/news", self._news)
        app.router.add_get("/files/{name:.+}", self._file)
        app.router.add_post("/collected", self._end)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield runner.addresses[0][1]
        finally:
            await runner.cleanup()

    async def _news(self, request: web.Request) -> web.Response:
        self.headers.append(request.headers.get("x-goaround-token", ""))
        said = [line for piece in self.pieces for line in piece]
        after = int(request.query["after"])
        upto = after + len(next((piece for piece in self.pieces if said.index(piece[0]) == after), ()))
        code = 0 if upto == len(said) else None
        return web.json_response({"lines": said[after:upto], "files": f"{upto}", "code": code, "errors": []})

    async def _file(self, request: web.Request) -> web.Response:
        return web.Response(body=f"bytes of {request.match_info['name']}".encode())

    async def _end(self, _request: web.Request) -> web.Response:
        asyncio.get_running_loop().call_soon(self.done.set)
        return web.Response(status=204)


@pytest.fixture
def desk() -> Desk:
    return Desk(("one", "two"), ("three",))


@pytest.fixture
def cluster(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobCluster]:
    monkeypatch.setattr(followers, "POLL_S", 0.01)
    with JobCluster(desk) as cluster:
        yield cluster


def made(api: Api) -> None:
    footprint = Footprint(api, RUN)
    footprint.begin()
    footprint.add(objects(HARNESS))


async def started(api: Api, said: list[str] | None = None) -> Follower:
    made(api)
    follower = Follower(api, OWN, "secret", (said if said is not None else []).append)
    await follower.started()
    return follower


async def test_lines_are_told_once_and_in_order_until_it_is_over(api: Api, desk: Desk) -> None:
    follower = await started(api)
    first, second = await follower.news(), await follower.news()
    assert (first.lines, first.code) == (("one", "two"), None)
    assert (second.lines, second.code) == (("three",), 0)
    assert first.files != second.files
    assert desk.headers == ["secret"] * 2


async def test_a_file_comes_as_its_bytes(api: Api) -> None:
    assert await (await started(api)).file("cells/r1.csv.gz") == b"bytes of cells/r1.csv.gz"


async def test_who_follows_anew_is_told_everything_again(api: Api) -> None:
    await (await started(api)).news()
    again = Follower(api, OWN, "secret")
    assert await again.alive()
    await again.started()
    assert (await again.news()).lines == ("one", "two")


async def test_a_connection_that_is_lost_is_made_again_and_no_line_is_lost(api: Api, cluster: JobCluster) -> None:
    said: list[str] = []
    follower = await started(api, said)
    cluster.broken = 3
    assert (await follower.news()).lines == ("one", "two")
    assert said[-1] == "error trying to reach service; trying again for 60 s"
    assert sum("trying again" in line for line in said) == 1


@pytest.mark.parametrize("status", [408, 429])
async def test_a_server_with_too_much_to_do_is_asked_again(
    api: Api, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    follower = await started(api)
    content, refusals = api.content, [ApiError(status, "", "too many requests")]

    def busy(path: str, **how: Any) -> bytes:
        if refusals:
            raise refusals.pop()
        return content(path, **how)

    monkeypatch.setattr(api, "content", busy)
    assert (await follower.news()).lines == ("one", "two")


async def test_one_that_stays_out_of_reach_is_given_up(
    api: Api, cluster: JobCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = await started(api)
    monkeypatch.setattr(followers, "PATIENCE_S", 0.0)
    cluster.broken = 10_000
    with pytest.raises(TargetError, match="error trying to reach service"):
        await follower.news()


async def test_a_job_that_was_killed_is_told_with_its_last_words(api: Api, cluster: JobCluster) -> None:
    follower = await started(api)
    cluster.log = "some line\nthe last line\n"
    cluster.end(OWN, "OOMKilled", 137)
    with pytest.raises(Ended) as refused:
        await follower.news()
    assert refused.value.errors == [
        "the bench's Job has ended: OOMKilled, exit code 137; it said last: some line; the last line"
    ]
    assert not await follower.alive()


async def test_a_job_that_somebody_removed_is_told(api: Api) -> None:
    follower = await started(api)
    await Footprint(api, RUN).remove()
    with pytest.raises(Ended, match="the bench's Job is gone: somebody has removed it"):
        await follower.news()
    assert not await follower.alive()


async def test_a_job_that_took_too_long_is_told_as_such(api: Api, cluster: JobCluster) -> None:
    follower = await started(api)
    [job] = cluster.of_kind("jobs", OWN)
    said = {"reason": "DeadlineExceeded", "message": "Job was active longer than specified deadline"}
    job["status"] = {"conditions": [{"type": "Failed", "status": "True", **said}]}
    cluster.ports.clear()
    del cluster.objects[f"/api/v1/namespaces/{OWN}/pods/bench-0"]
    with pytest.raises(Ended, match="Job was ended: DeadlineExceeded, Job was active longer than specified deadline"):
        await follower.news()


async def test_what_was_fetched_lets_the_job_end(api: Api, cluster: JobCluster) -> None:
    follower = await started(api)
    await follower.collected()
    while await follower.alive():
        pass
    assert cluster.pod_of(OWN)["status"]["phase"] == "Succeeded"


async def test_an_image_that_cannot_be_had_is_told_at_once(api: Api, cluster: JobCluster) -> None:
    def no_image(pod: Object) -> None:
        waiting = {"reason": "ImagePullBackOff"}
        pod["status"]["containerStatuses"] = [{"name": "bench", "image": "gone:1", "state": {"waiting": waiting}}]

    cluster.trouble = no_image
    with pytest.raises(TargetError, match=r"Job has not started: its image gone:1 cannot be had \(ImagePullBackOff\)"):
        await started(api)


async def test_a_pod_that_was_refused_is_told_in_the_controllers_words(api: Api, cluster: JobCluster) -> None:
    cluster.program = None
    event = {"kind": "Event", "reason": "FailedCreate", "message": "pods is forbidden: exceeded quota: tiny"}
    cluster.objects[f"/api/v1/namespaces/{OWN}/events/one"] = {**event, "metadata": {"name": "one"}}
    with pytest.raises(TargetError, match="Job has not started: pods is forbidden: exceeded quota: tiny"):
        await started(api)


async def test_a_webhook_that_was_too_busy_for_its_pod_is_waited_for(
    api: Api, cluster: JobCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, cluster.program = cluster.program, None
    message = "Internal error occurred: failed calling webhook: context deadline exceeded"
    event = {"kind": "Event", "reason": "FailedCreate", "message": message}
    cluster.objects[f"/api/v1/namespaces/{OWN}/events/one"] = {**event, "metadata": {"name": "one"}}
    made(api)
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        cluster.program = program
        [job] = cluster.of_kind("jobs", OWN)
        cluster._loop.call_soon_threadsafe(cluster._start, job)

    await Follower(api, OWN, "secret", say).started()
    assert said[0] == f"the bench's Job: {message}"


async def test_one_that_never_starts_is_told_after_a_while(api: Api, cluster: JobCluster) -> None:
    cluster.program = None
    made(api)
    with pytest.raises(TargetError, match="Job has not started after 0 s: it has no pod yet"):
        await Follower(api, OWN, "secret").started(within_s=0)


async def test_without_a_job_nothing_is_alive(api: Api) -> None:
    assert not await Follower(api, OWN, "secret").alive()


def test_a_job_is_waited_for_as_long_as_a_world() -> None:
    assert inspect.signature(Follower.started).parameters["within_s"].default == READY_S
