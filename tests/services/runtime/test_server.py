"""The app port: counting, context and faults around business code, in that order; probes untouched."""

from __future__ import annotations

import asyncio
import errno
import time
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from services.airport.messages import InvalidError
from services.runtime.context import outgoing_headers
from services.runtime.pod import Application, Build, Pod, StoreError
from services.runtime.probes import Phase
from tests.services.scripted import serving, settings_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def build(_pod: Pod) -> Application:
    """Make a service that shows its context, and fails in each of the ways that business code may."""

    async def show(_request: web.Request) -> web.Response:
        return web.json_response(outgoing_headers())

    async def fail(request: web.Request) -> web.Response:
        how: dict[str, Exception] = {
            "invalid": InvalidError(["a: must be b"]),
            "store": StoreError("disk is full"),
            "bug": ZeroDivisionError(),
        }
        raise how[request.match_info["how"]]

    return Application([web.get("/", show), web.get("/{how:invalid|store|bug}", fail)])


async def test_a_faulted_request_has_been_received_and_business_code_does_not_see_it(tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path)) as served:
        served.faults.add({"id": "f", "kind": "abort", "status": 503, "rate": 1, "ttl_s": 9})
        answer = await served.http.get("/bug", headers={"x-goaround-source": "cpanel"})
        assert answer.status == 503
        assert served.telemetry.counters()["received"] == {"cpanel": 1}
        assert served.faults.fired == {"f": 1}
        assert {series.flag for series in served.telemetry.durations} == {"FI"}


async def test_probes_see_no_fault_and_are_not_counted(tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path)) as served:
        served.faults.add({"id": "f", "kind": "abort", "status": 503, "rate": 1, "ttl_s": 9})
        for path in ("/livez", "/readyz", "/startupz"):
            assert (await served.http.get(path)).status == 200
        assert served.telemetry.counters()["received"] == {}
        assert served.faults.fired == {"f": 0}


@pytest.mark.parametrize(
    ("phase", "statuses"),
    [(Phase.STARTING, (200, 503, 503)), (Phase.READY, (200,) * 3), (Phase.DRAINING, (200, 200, 503))],
)
async def test_each_phase_answers_its_probes(phase: Phase, statuses: tuple[int, ...], tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path)) as served:
        served.probes.phase = phase
        found = [(await served.http.get(path)).status for path in ("/livez", "/startupz", "/readyz")]
        assert tuple(found) == statuses


async def test_ids_of_the_request_are_what_its_calls_pass_on(tmp_path: Path) -> None:
    sent = {"x-request-id": "r-1", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    async with serving(build, settings_of(tmp_path)) as served:
        answer = await served.http.get("/", headers=sent)
        passed_on = await answer.json()
    assert answer.headers["x-request-id"] == passed_on["x-request-id"] == "r-1"
    assert TRACE in passed_on["traceparent"]


@pytest.mark.parametrize(
    ("how", "status", "said"),
    [("invalid", 400, "a: must be b"), ("store", 503, "disk is full"), ("bug", 500, "defect"), ("nowhere", 404, "Not")],
)
async def test_what_went_wrong_is_answered_in_json(how: str, status: int, said: str, tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path)) as served:
        answer = await served.http.get(f"/{how}")
        assert answer.status == status
        assert answer.content_type == "application/json"
        assert said in await answer.text()
        assert served.telemetry.in_flight == 0
        assert [series.status for series in served.telemetry.durations] == [status]


@pytest.mark.parametrize(("leaves", "wasted"), [(True, {"cpanel": 1}), (False, {})])
async def test_work_that_ends_when_the_caller_has_gone_is_counted_as_wasted(
    leaves: bool, wasted: dict[str, int], tmp_path: Path
) -> None:
    begun, gone = asyncio.Event(), asyncio.Event()

    async def work(request: web.Request) -> web.Response:
        begun.set()
        await gone.wait()
        while leaves and request.transport is not None:  # noqa: ASYNC110 - aiohttp tells nobody when a caller leaves
            await asyncio.sleep(0)
        return web.Response()

    async with serving(lambda _pod: Application([web.get("/", work)]), settings_of(tmp_path)) as served:
        # a pod works on to the end, as aiohttp does by default; its test server would cancel the handler
        runner = served.http.server.runner
        assert runner is not None
        assert runner.server is not None
        runner.server.handler_cancellation = False
        call = asyncio.ensure_future(served.http.get("/", headers={"x-goaround-source": "cpanel"}))
        await begun.wait()
        if leaves:
            call.cancel()
        gone.set()
        await asyncio.wait([call])
        while served.telemetry.in_flight:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)
        assert served.telemetry.counters()["wasted"] == wasted


async def test_work_that_nobody_waits_for_is_not_begun(tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path)) as served:
        answer = await served.http.get("/bug", headers={"x-goaround-timeout-ms": "0"})  # with it, 500 and a log entry
        assert answer.status == 504
        assert "stopped waiting" in await answer.text()
        assert (await served.http.get("/", headers={"x-goaround-timeout-ms": "9000"})).status == 200


@pytest.mark.parametrize("delay_ms", [0, 30])
async def test_work_is_dropped_when_the_caller_stops_waiting_and_is_not_counted_as_wasted(
    delay_ms: int, tmp_path: Path
) -> None:
    begun, finished = [], []

    async def work(_request: web.Request) -> web.Response:
        begun.append(1)
        await asyncio.Event().wait()
        finished.append(1)
        return web.Response()

    async with serving(lambda _pod: Application([web.get("/", work)]), settings_of(tmp_path)) as served:
        if delay_ms:  # the caller has left before the work begins
            served.faults.add({"id": "f", "kind": "delay", "delay_ms": delay_ms, "rate": 1, "ttl_s": 9})
        answer = await served.http.get("/", headers={"x-goaround-timeout-ms": "20"})
        assert answer.status == 504
        assert (len(begun), finished) == (0 if delay_ms else 1, [])
        assert served.telemetry.counters()["wasted"] == {}
        assert served.telemetry.in_flight == 0


async def test_a_draining_pod_asks_its_callers_to_leave(tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path)) as served:
        assert (await served.http.get("/")).headers.get("connection") is None
        served.probes.phase = Phase.DRAINING
        assert (await served.http.get("/")).headers["connection"] == "close"


async def test_a_delay_is_waited_before_business_code_answers(tmp_path: Path) -> None:
    async with serving(build, settings_of(tmp_path)) as served:
        served.faults.add({"id": "f", "kind": "delay", "delay_ms": 30, "rate": 1, "ttl_s": 9})
        assert (await served.http.get("/")).status == 200
        ((series, histogram),) = served.telemetry.durations.items()
        assert series.flag == "DI"
        assert histogram.total >= 30


async def test_a_reset_ends_the_connection_before_or_after_the_work(tmp_path: Path) -> None:
    worked: list[str] = []
    async with serving(worker(worked), settings_of(tmp_path)) as served:
        for when, work in (("before", 0), ("after", 1)):
            served.faults.add({"id": when, "kind": "reset", "rate": 1, "when": when, "ttl_s": 9})
            with pytest.raises(aiohttp.ClientOSError) as broken:
                await served.http.get("/work")
            assert (broken.value.errno, len(worked)) == (errno.ECONNRESET, work)
            await served.faults.clear()
        assert served.telemetry.counters()["wasted"] == {}
        assert served.telemetry.in_flight == 0


async def test_a_hanging_request_is_never_answered_and_let_go_when_the_fault_is_over(tmp_path: Path) -> None:
    async with serving(worker([]), settings_of(tmp_path)) as served:
        served.faults.add({"id": "h", "kind": "hang", "rate": 1, "ttl_s": 9})
        call = asyncio.ensure_future(served.http.get("/work"))
        done, _ = await asyncio.wait([call], timeout=0.1)
        assert not done
        await served.faults.remove("h")
        with pytest.raises(aiohttp.ClientError):
            await call
        assert (await served.http.get("/work")).status == 200


async def test_a_truncated_body_breaks_off_under_its_promised_length(tmp_path: Path) -> None:
    async with serving(worker([]), settings_of(tmp_path)) as served:
        served.faults.add({"id": "t", "kind": "truncated-body", "share": 0.5, "rate": 1, "ttl_s": 9})
        answer = await served.http.get("/work")
        assert (answer.status, answer.headers["content-length"]) == (200, "100")
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_a_slow_body_is_whole_and_takes_its_time(tmp_path: Path) -> None:
    async with serving(worker([]), settings_of(tmp_path)) as served:
        served.faults.add({"id": "s", "kind": "slow-body", "bytes_per_s": 1000, "rate": 1, "ttl_s": 9})
        began = time.monotonic()
        assert len(await (await served.http.get("/work")).read()) == 100
        assert time.monotonic() - began >= 0.08  # 100 bytes, the last piece not waited for


def worker(worked: list[str]) -> Build:
    """A service with one path, which notes that it worked."""

    async def work(_request: web.Request) -> web.Response:
        worked.append("work")
        return web.Response(text="x" * 100)

    return lambda _pod: Application([web.get("/work", work)])
