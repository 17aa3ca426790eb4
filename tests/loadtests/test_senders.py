"""Who sends a run, as its master sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

# in a process of its own: Locust replaces the standard library's sockets by gevent's
PLAYED = """
import json, sys
from types import SimpleNamespace as Made
from loadtests import senders
from loadtests.run import RunSpec

class Runner:
    def __init__(self, workers, answers):
        self.clients = Made(ready=[Made(id=f"w{n}") for n in range(workers)], spawning=[], running=[])
        self.answers, self.parts = answers, []

    def register_message(self, _name, listener):
        self.hear = listener

    def send_message(self, _name, part, client_id):
        self.parts.append(part)
        for run in self.answers.get(str(part["run"]), []):
            row = [run, 0.0, 0.0, 0.0, "a:1", "x", 200, "success"]
            report = {"run": run, "rows": [row], "cpu_s": 1.0, "interrupted": False}
            self.hear(msg=Made(data=report))

senders.REPORT_S = 0.0
told = json.loads(sys.argv[1])
master = senders.Master(Runner(told["workers"], told["answers"]))
spec = RunSpec.model_validate({
    "id": "x", "rows": "unwritten", "start_monotonic": 0.0, "load": {"rate": 1, "pattern": "constant"},
    "duration_s": 0.05, "seed": 1, "entries": ["a:1"], "timeout_s": 0.05, "capacity": 1,
})
found = [master.play(spec) for _ in range(told["runs"])]
print(json.dumps([[[row.index for row in one.rows], one.interrupted] for one in found]))
"""


def played(workers: int, answers: dict[int, list[int]], runs: int = 1) -> Any:
    """For each run the rows' indices, and whether it was an interrupted one.

    `answers`: by run, of which runs a worker tells when it is given its part of that one; the row of run n has index n.
    """
    told = json.dumps({"workers": workers, "answers": answers, "runs": runs})
    done = subprocess.run([sys.executable, "-c", PLAYED, told], capture_output=True, text=True, timeout=60, check=True)  # noqa: S603 - our own text
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("workers", "answers", "interrupted"), [(1, {1: [1]}, False), (1, {}, True), (0, {}, True)],
    ids=["all there", "lost", "none"],
)  # fmt: skip
def test_a_run_is_whole_only_when_somebody_sent_it_and_all_who_did_have_told_of_it(
    workers: int, answers: dict[int, list[int]], interrupted: bool
) -> None:
    assert played(workers, answers) == [[[1] if answers else [], interrupted]]


def test_what_a_worker_that_was_given_up_tells_of_the_run_before_is_none_of_this_one() -> None:
    assert played(1, {2: [1, 2]}, runs=2) == [[[], True], [[2], False]]
