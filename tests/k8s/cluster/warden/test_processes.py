"""Who of a pod's processes is the application, who the sidecar, and who is neither."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from k8s.cluster.warden.processes import Processes
from tests.k8s.cluster.warden.children import IDLE, Children, until

WITH_A_CHILD = f"import subprocess; print(subprocess.Popen(['/bin/sleep', '600']).pid, flush=True); {IDLE}"
BURNING = "import time; t = time.process_time\nwhile t() < 0.3: pass\nprint('done', flush=True); time.sleep(600)"


def test_the_application_and_the_sidecar_are_told_apart_and_others_are_left_out(children: Children) -> None:
    app, envoy, _ = children.application(), children.envoy(), children.stranger()
    children.show(os.getpid())
    found = children.processes.now()
    assert {pid: one.kind for pid, one in found.items()} == {app.pid: "app", envoy.pid: "proxy"}
    assert all(one.main for one in found.values())


def test_an_application_of_another_user_is_not_ours(children: Children, monkeypatch: pytest.MonkeyPatch) -> None:
    app = children.application()
    monkeypatch.setattr(os, "getuid", lambda: Path(f"/proc/{app.pid}").stat().st_uid + 1)
    assert Processes(children.proc).now() == {}


def test_a_child_is_what_its_parent_is_and_no_main_process(children: Children) -> None:
    app = children.application(WITH_A_CHILD)
    assert app.stdout
    child = int(app.stdout.readline())
    children.show(child)
    found = children.processes.now()
    assert {pid: (one.kind, one.main) for pid, one in found.items()} == {app.pid: ("app", True), child: ("app", False)}
    os.kill(child, 9)


def test_a_probe_in_the_applications_container_is_no_main_process(children: Children) -> None:
    probe = children.application(module="services.healthy")
    assert [(one.kind, one.main) for one in children.processes.now().values()] == [("app", False)]
    assert probe.poll() is None


def test_a_program_that_becomes_another_is_seen_as_what_it_has_become(children: Children) -> None:
    """As a container's first process does, which is the runtime's own before it is the application."""
    become = f"import os, sys; input(); os.execv(sys.executable, [sys.executable, '-c', {IDLE!r}, '-m', 'services.x'])"
    process = subprocess.Popen([sys.executable, "-c", become], stdin=subprocess.PIPE)  # noqa: S603 - of this test
    try:
        children.show(process.pid)
        assert children.processes.now() == {}
        assert process.stdin
        process.stdin.write(b"\n")
        process.stdin.flush()
        until(lambda: process.pid in children.processes.now())
        assert children.one("app").main
    finally:
        process.kill()
        process.communicate()


def test_cpu_and_memory_are_those_of_the_process(children: Children) -> None:
    app = children.application(BURNING)
    assert app.stdout
    app.stdout.readline()
    one = children.one("app")
    assert one.cpu_s >= 0.25
    rss, pss = children.processes.memory([one])
    assert rss > 2**20
    assert pss is not None
    assert 0 < pss <= rss


def test_where_the_shared_pages_may_not_be_read_they_are_not_told(
    children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: Path, *args: Any, **more: Any) -> str:
        if file.name == "smaps_rollup":
            raise PermissionError
        return read(file, *args, **more)

    children.application()
    one, read = children.one("app"), Path.read_text
    until(lambda: children.processes.memory([one])[0] > 2**20)  # a process that has just begun has a few pages
    monkeypatch.setattr(Path, "read_text", refuse)
    rss, pss = children.processes.memory([one])
    assert rss > 2**20
    assert pss is None


def test_a_process_that_has_ended_is_no_main_process_and_uses_no_memory(children: Children) -> None:
    app = children.application()
    one = children.one("app")
    app.kill()
    until(lambda: children.state(app.pid) == "Z")
    assert not children.one("app").main
    assert children.processes.memory([one])[0] == 0
    app.wait()
    assert children.processes.now() == {}
    assert children.processes.memory([one]) == (0, 0)
