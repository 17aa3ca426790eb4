"""`goaround selftest` in a real world: it believes a sound harness, and not one that was broken on purpose."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from benchmarks import cli
from benchmarks.faults.abort import Abort
from benchmarks.faults.fault import Fault
from benchmarks.faults.in_app import InAppSpec
from benchmarks.faults.site import Site
from benchmarks.oracles import ORACLES, aborts
from benchmarks.oracles.ground import RETRIED, Ground


@pytest.fixture(autouse=True)
def one_short_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the trial in the plain world, for two thirds of its time: 200 calls, of which half are aborted."""
    first, *_ = aborts.ORACLE.trials
    monkeypatch.setattr(aborts, "DURATION_S", 5.0)
    monkeypatch.setitem(ORACLES, "aborts", replace(aborts.ORACLE, trials=(first,)))


def selftest(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and output."""
    monkeypatch.setattr(sys, "argv", ["goaround", "selftest", "--oracle", "aborts"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0), capsys.readouterr().out


def test_a_sound_harness_hits_what_is_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = selftest(monkeypatch, capsys)
    assert code == 0, said
    assert "2 checks in" in said
    assert "0 missed" in said


def test_a_client_that_retries_in_silence_is_noticed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = Ground("none", "library", RETRIED)
    trial = replace(ORACLES["aborts"].trials[0], ground=silent)
    monkeypatch.setitem(ORACLES, "aborts", replace(aborts.ORACLE, trials=(trial,)))
    code, said = selftest(monkeypatch, capsys)
    assert code == 1, said
    assert "2 missed" in said


def test_a_fault_that_strikes_less_often_than_it_says_is_noticed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def weaker(self: Abort, site: Site) -> Fault:
        return InAppSpec.at(self.model_copy(update={"rate": self.rate / 2}), site)

    monkeypatch.setattr(Abort, "at", weaker)
    code, said = selftest(monkeypatch, capsys)
    assert code == 1, said
    assert "1 missed" in said
