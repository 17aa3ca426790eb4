"""`goaround up` in a real cluster, as a process: whatever ends it early, nothing of its world is left."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from k8s.cluster.api import NAMESPACES, Api
from tests.cluster.given import CLUSTER, MISSING
from tests.commands import started, until

if MISSING:
    pytest.skip(MISSING, allow_module_level=True)

NAME = "goaround-test-up"
GOAROUND = str(Path(sys.executable).with_name("goaround"))
UP = [GOAROUND, "up", *CLUSTER, "--mode", "none", "--name", NAME]
pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("cluster"), pytest.mark.usefixtures("as_before")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_waits_for_pods_removes_what_it_made(number: signal.Signals) -> None:
    with started(UP) as process:
        until(process, r"^\d+ of 15 pods are ready")
        process.send_signal(number)
        assert process.stdout is not None
        said = process.stdout.read()
        assert process.wait() == 128 + signal.SIGINT, said
    assert f"removing what was made in namespace {NAME}" in said


def test_what_a_killed_up_has_left_is_removed_by_down(api: Api) -> None:
    with started(UP) as process:
        until(process, r"^\d+ of 15 pods are ready")
        process.kill()
    assert api.find(f"{NAMESPACES}/{NAME}") is not None
    down = [GOAROUND, "down", *CLUSTER, "--name", NAME]
    done = subprocess.run(down, capture_output=True, text=True, check=False)  # noqa: S603
    assert (done.returncode, done.stdout) == (0, f"ended: {NAME}\n"), done.stderr
