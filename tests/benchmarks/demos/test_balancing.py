"""What the demonstrations of balancing make of what they see."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import cast

import pytest

from benchmarks.demos.airport import Airport
from benchmarks.demos.balancing import MANY, MESH
from k8s.target import Pod


class InACluster:
    """An airport whose pods are not called by their places; `answers` of each, by its place."""

    meshed = True

    def __init__(self, *answers: int) -> None:
        self.answers, self.struck, self.said = answers, "", ""

    async def apply(self, *_: str) -> None:
        """Nothing."""

    async def pod(self, place: str) -> Pod:
        return cast("Pod", SimpleNamespace(name=f"{place}-6bc9-zz"))

    async def strike(self, pod: Pod, *_: str, **__: float) -> None:
        self.struck = pod.name

    def say(self, line: str) -> None:
        self.said = line

    async def who(self, *_: object, **__: object) -> Counter[str]:
        return Counter(dict(zip(MESH.pods, self.answers, strict=True)))


@pytest.mark.parametrize(("answers", "shown"), [((150, 150, 150), False), ((20, 215, 215), True)])
async def test_a_slow_replica_is_told_by_its_place_wherever_its_pod_has_another_name(
    answers: tuple[int, int, int], shown: bool
) -> None:
    airport = InACluster(*answers)
    _, check = await MESH.less_busy(cast("Airport", airport))
    assert (check.what, check.seen, check.shown) == (f"answers of {MESH.pods[0]}", f"{answers[0]} of {MANY}", shown)
    assert airport.struck == "cpanel-v2-0-6bc9-zz"
    assert "into cpanel-v2-0;" in airport.said
