"""What each step adds: which arms are set against which."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.report.evidence import evidence
from benchmarks.report.html.costs import costs
from tests.benchmarks.synthetic import Effect, write_run


@pytest.mark.parametrize(
    ("arms", "steps"),
    [
        (
            ("none", "sidecar", "sidecar+plaintext", "mesh", "mesh+plaintext"),
            [
                "sidecar - none",
                "sidecar+plaintext - none",
                "mesh - sidecar",
                "mesh+plaintext - sidecar+plaintext",
            ],
        ),
        (("none", "library", "library:mine"), ["library - none", "library:mine - none"]),
        (("none", "none#2", "library", "library#2"), ["library - none", "library#2 - none#2"]),
        (("library", "mesh"), []),
    ],
)
def test_each_arm_has_its_step_above_every_arm_that_differs_in_nothing_else(
    tmp_path: Path, arms: tuple[str, ...], steps: list[str]
) -> None:
    run = write_run(
        tmp_path, scenarios=("steady",), repetitions=1, effects={arm: Effect(proxy_cpu_s=1) for arm in arms}
    )
    found = evidence(run)
    modes = {
        arm.name: arm.model_copy(update={"mode": arm.mode.split("+")[0].split(":")[0], "plaintext": "+" in arm.name})
        for arm in found.arms
    }
    picture = costs(replace(found, arms=tuple(modes.values())))
    assert picture is not None
    assert [field.text for field in picture.iter("td") if " - " in (field.text or "")] == steps
