"""goaround fault list|inject|clear, as a user runs them on a small running world."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import fault_cli
from benchmarks.faults import in_app
from tests.benchmarks.conftest import Told

GOAROUND = Path(sys.executable).with_name("goaround")
WORLD = f"fault-cli-{os.getpid()}"


def goaround(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(GOAROUND), *arguments], capture_output=True, text=True, timeout=90, check=False)  # noqa: S603


@pytest.fixture(scope="module")
def world() -> Iterator[str]:
    done = goaround("up", "--mode", "none", "--name", WORLD)
    assert done.returncode == 0, done.stderr
    yield WORLD
    goaround("down", "--name", WORLD)


def test_a_fault_is_injected_proven_listed_and_cleared(world: str) -> None:
    done = goaround("fault", "inject", "abort", "image-analysis", "rate=0.5", "--ttl", "600", "--name", world)
    assert done.returncode == 0, done.stderr
    assert "proven; ends by itself within 600 s" in done.stdout
    frozen = goaround("fault", "inject", "freeze", "alerts", "--ttl", "600", "--name", world)
    assert "freeze on alerts-0: proven" in frozen.stdout
    listed = goaround("fault", "list", "--name", world).stdout
    assert "abort-1" in listed
    assert "freeze" in listed
    cleared = goaround("fault", "clear", "--name", world)
    assert cleared.returncode == 0, cleared.stderr
    assert cleared.stdout.endswith(f"no fault is active in world {world}\n")
    assert f"no fault is active in world {world}" in goaround("fault", "list", "--name", world).stdout


def test_a_stale_discovery_is_listed_and_cleared(world: str) -> None:
    injected = goaround("fault", "inject", "stale-discovery", "momentum", "down_s=0.1", "--ttl", "600", "--name", world)
    assert injected.returncode == 0, injected.stderr
    assert "stale-discovery on momentum-0: proven" in injected.stdout
    assert "stale-discovery" in goaround("fault", "list", "--name", world).stdout
    assert "stale-discovery stale-discovery on all: ended" in goaround("fault", "clear", "--name", world).stdout


def test_a_crash_is_proven_by_the_restart_that_is_waited_for(world: str, told: Told) -> None:
    code, said, _ = told("fault", "inject", "crash", "momentum", "--name", world)
    assert (code, said.splitlines()[0]) == (0, "crash on momentum-0: proven; ends by itself within 60 s")


def test_what_only_the_application_can_prove_is_awaited(
    world: str, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fault_cli, "PROOF_S", 0.0)
    code, said, _ = told("fault", "inject", "fail-first", "cpanel", "count=1", "--replicas", "all", "--name", world)
    assert code == 0
    assert [line.partition(";")[2] for line in said.splitlines()[:-1]] == 2 * [
        " the next call of the application will prove it; ends by itself within 60 s"
    ]


def test_what_is_not_seen_to_act_is_exit_code_1(world: str, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_app, "MOST_PROBES", 0)
    monkeypatch.setattr(fault_cli, "PROOF_S", 0.0)
    code, said, _ = told("fault", "inject", "abort", "section-1", "--name", world)
    assert code == 1
    assert "abort on section-1-0: set, and not seen to act" in said


def test_a_service_without_a_replica_cannot_be_struck(world: str, told: Told) -> None:
    code, _, wrong = told(
        "fault", "inject", "abort", "image-analysis", "version=v2", "--replicas", "all", "--name", world
    )
    assert (code, wrong) == (2, "goaround: service: image-analysis has no replica that could be struck\n")


def test_a_library_that_is_not_there_cannot_be_missing(world: str, told: Told) -> None:
    code, _, wrong = told("fault", "inject", "library-missing", "collector", "--name", world)
    assert code == 2
    assert wrong.startswith("goaround: no library that could be missing: collector-")


def test_all_that_is_wrong_is_said_at_once() -> None:
    done = goaround("fault", "inject", "explode", "kitchen", "rate")
    assert done.returncode == 2
    assert done.stderr.count("goaround: ") == 3


def test_a_bad_field_of_a_kind_is_named() -> None:
    done = goaround("fault", "inject", "abort", "alerts", "rate=2", "colour=red")
    assert done.returncode == 2
    assert "rate: 2 is not right" in done.stderr
    assert "colour: no such field" in done.stderr


@pytest.mark.parametrize("value", ["[", "0x_", "{2020-01-01: 1}", "{[1]: 2}", pytest.param("[" * 3000, id="deep")])
def test_a_value_that_cannot_be_read_is_named_with_its_field(value: str, told: Told) -> None:
    code, _, wrong = told("fault", "inject", "abort", "alerts", f"rate={value}")
    assert code == 2
    assert wrong.startswith("goaround: rate: ")
    assert "cannot be read" in wrong


@pytest.mark.parametrize(
    ("arguments", "field"),
    [(("rate=2020-01-01",), "rate"), (("rate=.nan",), "rate"), (("--replicas", "\u00b2"), "replicas")],
)
def test_a_value_of_no_right_kind_is_named_with_its_field(arguments: tuple[str, ...], field: str, told: Told) -> None:
    code, _, wrong = told("fault", "inject", "abort", "alerts", *arguments)
    assert code == 2
    assert wrong.startswith(f"goaround: {field}: ")


def test_what_the_mode_cannot_do_is_one_clear_line(world: str) -> None:
    done = goaround("fault", "inject", "sidecar-freeze", "alerts", "--name", world)
    assert (done.returncode, done.stderr) == (
        2,
        "goaround: pod alerts-0 has no container 'proxy'; choose from: app\n",
    )


def test_the_help_teaches_every_kind_with_its_fields() -> None:
    text = goaround("fault", "inject", "--help").stdout
    assert "hang rate=1.0 when=before" in text
    assert "partition caller how=silence" in text
