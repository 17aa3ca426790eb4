"""The measurements of goaround itself: what they report, never how fast this machine is."""

import json

import pytest
from typer.testing import CliRunner

from benchmarks.cli import app
from benchmarks.perf import load, memory, mesh, policies
from benchmarks.perf.stacks import Case
from loadtests.rows import Outcome, Row


async def test_every_stack_is_measured_against_the_naive_one_of_the_same_run() -> None:
    rows = {row.name: row for row in await policies.measure(2, calls=0.02)}
    assert {"full-stack-success", "library-success", "stamina-one-retry", "hyx-success", "bare-success"} <= rows.keys()
    assert rows["naive-success"].ratio_to_naive == rows["naive-one-retry"].ratio_to_naive == 1.0
    assert all(row.spread[0] <= row.ratio_to_naive <= row.spread[1] for row in rows.values())


async def test_a_case_named_for_one_retry_makes_two_tries_and_succeeds() -> None:
    for case in policies.cases():
        if case.ending == "one-retry":
            assert (await case.call()).status == 200, case.name


async def test_no_pipeline_holds_more_the_more_calls_it_has_made() -> None:
    for grown in await memory.measure(20_000):
        assert grown.blocks_per_thousand_calls < 5, grown  # a thing kept of each call would be 1000 and more


async def test_what_grows_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[object] = []

    async def make(call: Case, times: int) -> None:
        for _ in range(times):
            kept.append([await call()])

    monkeypatch.setattr(memory, "_make", make)
    assert all(grown.blocks_per_thousand_calls > 900 for grown in await memory.measure(2000))


def test_a_compilation_is_measured_for_every_size() -> None:
    rows = mesh.measure((2, 4), rounds=1)
    assert [row.services for row in rows] == [2, 4]
    assert rows[0].ratio_to_smallest == 1.0


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_the_exponent_is_that_of_the_power_law(power: float) -> None:
    assert mesh.exponent({n: 3e-6 * n**power for n in (10, 100, 1000)}) == pytest.approx(power)


def test_the_mesh_that_is_compiled_has_all_of_its_services() -> None:
    documents = list(mesh.kubernetes(300))
    addresses = {one.data["status"]["podIP"] for one in documents if one.data["kind"] == "Pod"}
    assert len(addresses) == 300 * mesh.ENDPOINTS
    assert len(list(mesh.istio(300))) == 2 * 300


def test_the_rows_are_printed_for_programs() -> None:
    done = CliRunner().invoke(app, ["perf", "mesh", "--json", "--rounds", "1"])
    assert done.exit_code == 0
    assert [row["services"] for row in json.loads(done.output)] == list(mesh.SIZES)


async def test_a_stall_is_counted_from_the_intended_times_whatever_the_machine() -> None:
    figures = {figure.name: figure for figure in await load.measure(1, 2.0)}
    assert figures.keys() == {*load.GOALS, "ratio to bare FastHttpUser"}
    # 100 arrivals of which 10 meet a stall of 0.2 s: the sixth of them waits about 0.1 s; a slow machine only adds
    assert figures["stall of a tenth of the run at 50/s, p95"].value > 80
    assert figures["percentiles against the rows' own, worst"].value == 0
    ratio = figures["most requests per CPU second"].value / figures["the same, bare FastHttpUser"].value
    assert figures["ratio to bare FastHttpUser"].value == pytest.approx(ratio)


def test_a_percentile_that_is_not_the_rows_own_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [Row(n, 0.0, 0.0, n + 1.0, "a:1", str(n), 200, Outcome.SUCCESS) for n in range(200)]
    assert load.percentile_error(rows) == 0
    monkeypatch.setattr(load, "percentile", lambda values, q: sorted(values)[int(q * len(values)) - 3])
    assert load.percentile_error(rows) == pytest.approx(2 / 100)
