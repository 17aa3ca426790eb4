"""goaround fault list|inject|clear, as a user runs them on a small running world."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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
    assert "stale-discovery" in goaround("fault", "list", "--name", world).stdout
    assert "stale-discovery stale-discovery on all: ended" in goaround("fault", "clear", "--name", world).stdout


def test_all_that_is_wrong_is_said_at_once() -> None:
    done = goaround("fault", "inject", "explode", "kitchen", "rate")
    assert done.returncode == 2
    assert done.stderr.count("goaround: ") == 3


def test_a_bad_field_of_a_kind_is_named() -> None:
    done = goaround("fault", "inject", "abort", "alerts", "rate=2", "colour=red")
    assert done.returncode == 2
    assert "rate: 2 is not right" in done.stderr
    assert "colour: no such field" in done.stderr


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
