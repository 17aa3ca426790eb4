"""CPU time that never goes down: by hand, and with processes that end."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from k8s.cluster.warden.ledger import Ledger
from k8s.cluster.warden.processes import Process
from tests.k8s.cluster.warden.children import Children

BURNING = "import time; t = time.process_time\nwhile t() < 0.3: pass\nprint('done', flush=True); time.sleep(600)"


def process(pid: int, cpu_s: float, **more: Any) -> Process:
    told = {"started": pid, "parent": 0, "kind": "app", "main": True, "stopped": False, "children_s": 0.0, **more}
    return Process(pid=pid, cpu_s=cpu_s, **told)


def after(*notes: list[Process]) -> float:
    ledger = Ledger()
    for one in notes:
        ledger.note({each.pid: each for each in one})
    return ledger.cpu_s("app")


def test_a_container_that_is_started_again_counts_on() -> None:
    assert after([process(7, 2.0)], [], [process(8, 0.5)]) == 2.5


def test_a_number_that_is_used_again_is_another_process() -> None:
    assert after([process(7, 2.0)], [process(7, 0.5, started=99)]) == 2.5


def test_a_child_that_was_waited_for_is_counted_once() -> None:
    parent, child = process(7, 1.0), process(8, 3.0, parent=7, main=False)
    assert after([parent, child], [process(7, 1.0, children_s=3.5)]) == 4.5


def test_what_a_child_used_is_kept_when_both_are_gone() -> None:
    assert after([process(7, 1.0), process(8, 3.0, parent=7, main=False)], []) == 4.0


def test_a_child_whose_parent_never_waits_does_not_take_its_time_away() -> None:
    assert after([process(7, 1.0), process(8, 3.0, parent=7, main=False)], [process(7, 1.5)]) == 4.0


def test_application_and_sidecar_have_an_account_each() -> None:
    ledger = Ledger()
    ledger.note({7: process(7, 1.0), 9: process(9, 2.0, kind="proxy")})
    assert (ledger.cpu_s("app"), ledger.cpu_s("proxy"), ledger.seen) == (1.0, 2.0, {"app", "proxy"})


@given(st.lists(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 1), st.integers(0, 50)), max_size=4), max_size=8))
def test_it_never_goes_down(notes: list[list[tuple[int, int, int]]]) -> None:
    ledger, before = Ledger(), 0.0
    for note in notes:
        ledger.note({pid: process(pid, tenths / 10, started=started) for pid, started, tenths in note})
        assert ledger.cpu_s("app") >= before
        before = ledger.cpu_s("app")


def test_what_a_real_process_used_is_kept_when_it_is_gone(children: Children) -> None:
    app, ledger = children.application(BURNING), Ledger()
    assert app.stdout
    app.stdout.readline()
    ledger.note(children.processes.now())
    used = ledger.cpu_s("app")
    app.kill()
    app.wait()
    children.application()
    ledger.note(children.processes.now())
    assert ledger.cpu_s("app") >= used >= 0.25
