"""Processes of this machine are killed, held down, stopped, and let go on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import pytest

from k8s.cluster.warden import signals as module
from k8s.cluster.warden.ledger import Ledger
from k8s.cluster.warden.processes import Kind
from k8s.cluster.warden.signals import Refused, Signals
from tests.k8s.cluster.warden.children import Children

SOON, LATE = 0.2, 60.0


@pytest.fixture
def signals(children: Children) -> Signals:
    return Signals(children.processes, Ledger())


async def until(what: Callable[[], bool]) -> None:
    while not what():  # noqa: ASYNC110 - the system tells nobody
        await asyncio.sleep(0.001)


async def test_the_application_is_killed_and_the_sidecar_lives(children: Children, signals: Signals) -> None:
    app, envoy = children.application(), children.envoy()
    assert signals.kill("app", 0) == 1
    assert app.wait() == -9
    assert envoy.poll() is None


async def test_what_is_started_after_a_kill_is_held_down_until_its_time_is_over(
    children: Children, signals: Signals
) -> None:
    children.application()
    signals.kill("app", SOON)
    again = children.application()
    await until(lambda: children.state(again.pid) == "T")
    assert signals.frozen() == ["app"]
    await until(lambda: children.state(again.pid) != "T")
    assert signals.frozen() == []


async def test_after_a_kill_without_a_time_nothing_is_held_down(children: Children, signals: Signals) -> None:
    children.application()
    signals.kill("app", 0)
    assert not [one for one in asyncio.all_tasks() if one.get_name() == "hold app"]


async def test_what_is_held_down_and_then_frozen_stands_still_for_as_long_as_it_is_frozen(
    children: Children, signals: Signals
) -> None:
    children.application()
    signals.kill("app", LATE)
    again = children.application()
    await until(lambda: children.state(again.pid) == "T")
    [hold] = [one for one in asyncio.all_tasks() if one.get_name() == "hold app"]
    signals.freeze("app", LATE)
    await asyncio.wait([hold])
    assert (hold.cancelled(), children.state(again.pid)) == (True, "T")
    signals.thaw("app")
    await until(lambda: children.state(again.pid) != "T")


async def test_an_order_that_is_refused_leaves_what_was_ordered_before(
    children: Children, signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_pid: int, _number: int) -> None:
        raise PermissionError

    app = children.application()
    signals.freeze("app", SOON)
    with monkeypatch.context() as patch:
        patch.setattr(os, "kill", refuse)
        with pytest.raises(Refused):
            signals.freeze("app", LATE)
    await until(lambda: children.state(app.pid) == "T")
    await until(lambda: children.state(app.pid) != "T")


async def test_each_that_is_started_while_it_is_held_down_is_stopped(
    children: Children, signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_AGAIN_S", module.LOOK_S)
    children.application()
    signals.kill("app", LATE)
    first = children.application()
    await until(lambda: children.state(first.pid) == "T")
    first.kill()
    second = children.application()
    await until(lambda: children.state(second.pid) == "T")
    signals.thaw("app")
    await until(lambda: children.state(second.pid) != "T")


async def test_a_sidecar_that_is_started_meanwhile_is_not_held_down(children: Children, signals: Signals) -> None:
    children.application()
    signals.kill("app", LATE)
    envoy, app = children.envoy(), children.application()
    await until(lambda: children.state(app.pid) == "T")
    assert children.state(envoy.pid) != "T"
    signals.thaw_all()


async def test_a_frozen_process_goes_on_when_its_time_is_over(children: Children, signals: Signals) -> None:
    app = children.application()
    assert signals.freeze("app", SOON) == 1
    await until(lambda: children.state(app.pid) == "T")
    assert signals.frozen() == ["app"]
    await until(lambda: children.state(app.pid) != "T")
    assert signals.frozen() == []


async def test_a_frozen_process_goes_on_when_it_is_thawed_and_a_second_thaw_does_nothing(
    children: Children, signals: Signals
) -> None:
    app = children.application()
    signals.freeze("app", LATE)
    await until(lambda: children.state(app.pid) == "T")
    assert [signals.thaw("app"), signals.thaw("app")] == [1, 0]
    await until(lambda: children.state(app.pid) != "T")


async def test_a_second_freeze_replaces_the_time_of_the_first(children: Children, signals: Signals) -> None:
    app, envoy = children.application(), children.envoy()
    signals.freeze("app", SOON)
    signals.freeze("app", LATE)
    signals.freeze("proxy", 2 * SOON)
    await until(lambda: children.state(envoy.pid) == "T")
    await until(lambda: children.state(envoy.pid) != "T")
    assert children.state(app.pid) == "T"


async def test_a_frozen_process_can_be_killed(children: Children, signals: Signals) -> None:
    app = children.application()
    signals.freeze("app", LATE)
    signals.kill("app", 0)
    assert app.wait() == -9


async def test_what_another_warden_left_stopped_goes_on(children: Children, signals: Signals) -> None:
    app = children.application()
    Signals(children.processes, Ledger()).freeze("app", LATE)
    await until(lambda: children.state(app.pid) == "T")
    signals.thaw_all()
    await until(lambda: children.state(app.pid) != "T")


async def test_the_cpu_time_of_a_killed_process_is_noted_before(children: Children) -> None:
    ledger = Ledger()
    children.application("t = __import__('time').process_time\nwhile t() < 600: pass")
    await until(lambda: children.one("app").cpu_s >= 0.1)
    Signals(children.processes, ledger).kill("app", 0)
    assert ledger.cpu_s("app") >= 0.1


@pytest.mark.parametrize("kind", ["app", "proxy"])
async def test_where_nothing_runs_nothing_is_signalled(kind: Kind, signals: Signals) -> None:
    for act in (signals.kill, signals.freeze):
        with pytest.raises(Refused, match=f"no process of {kind} runs"):
            act(kind, 1.0)


async def test_processes_of_another_user_are_told_to_be_that(
    children: Children, signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_pid: int, _number: int) -> None:
        raise PermissionError

    children.envoy()
    monkeypatch.setattr(os, "kill", refuse)
    with pytest.raises(Refused, match="the processes of proxy are another user's"):
        signals.kill("proxy", 0)
    monkeypatch.undo()
