from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from k8s.local.record import DISCOVERY_SOCKET, SOCKET, ProcessId, WorldRecord, note_process, read, sweep

NOBODY = ProcessId(2**22 + 1, 1.0)


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def world(folder: Path, supervisor: ProcessId, *children: ProcessId, socket: str = "") -> Path:
    directory = folder / "w"
    directory.mkdir()
    WorldRecord("w", "none", supervisor, socket, 20000).write(directory)
    for one in children:
        note_process(directory, one)
    return directory


def test_a_dead_worlds_children_are_ended_and_its_folder_removed(
    tmp_path: Path, child: subprocess.Popen[bytes]
) -> None:
    directory = world(tmp_path, NOBODY, ProcessId.of(child.pid))
    assert sweep(tmp_path) == ["w"]
    assert child.wait(5) == -9
    assert not directory.exists()


def test_a_process_with_the_number_of_a_dead_child_is_left_alone(
    tmp_path: Path, child: subprocess.Popen[bytes]
) -> None:
    stranger = ProcessId(child.pid, ProcessId.of(child.pid).create_time - 100)
    world(tmp_path, NOBODY, stranger)
    sweep(tmp_path)
    assert child.poll() is None


def test_a_running_world_is_left_alone(tmp_path: Path, child: subprocess.Popen[bytes]) -> None:
    directory = world(tmp_path, ProcessId.of(os.getpid()), ProcessId.of(child.pid))
    assert sweep(tmp_path) == []
    assert child.poll() is None
    assert read(directory) is not None


def test_a_world_that_died_before_it_had_a_socket_costs_no_other_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "precious").touch()
    monkeypatch.chdir(here)
    worlds = tmp_path / "worlds"
    worlds.mkdir()
    world(worlds, NOBODY, socket="")
    sweep(worlds)
    assert (here / "precious").exists()


def test_the_socket_of_a_dead_world_is_removed(tmp_path: Path) -> None:
    sockets = tmp_path / "goaround-socket-x"
    sockets.mkdir()
    for name in (SOCKET, DISCOVERY_SOCKET):
        (sockets / name).touch()
    worlds = tmp_path / "worlds"
    worlds.mkdir()
    world(worlds, NOBODY, socket=str(sockets / SOCKET))
    sweep(worlds)
    assert not sockets.exists()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"name": 1}', "not json"])
def test_an_unreadable_record_is_no_running_world(tmp_path: Path, text: str) -> None:
    (tmp_path / "world.json").write_text(text)
    assert read(tmp_path) is None
