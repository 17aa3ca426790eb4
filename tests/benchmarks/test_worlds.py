"""What is made sure of before the first cell: memory, and worlds that have calmed down."""

from typing import cast

import pytest

from benchmarks import worlds
from benchmarks.errors import BadInput
from benchmarks.worlds import require_memory
from k8s.target import KindUsage, Usage, World

GIB = 2**30


def test_the_need_is_said_for_each_arm_and_in_sum() -> None:
    line = require_memory({"none": GIB // 2, "mesh": GIB}, 4 * GIB)
    assert line == "memory: 1.5 GiB needed (none 0.5 GiB, mesh 1.0 GiB), 4.0 GiB available"


def test_too_little_memory_is_refused_with_what_to_do() -> None:
    with pytest.raises(BadInput, match=r"1.0 GiB needed .* 0.5 GiB available; end other programs, or run fewer arms"):
        require_memory({"mesh": GIB}, GIB // 2)


class Busy:
    """A world that used so many CPU seconds when it was asked, one answer after the other."""

    def __init__(self, *cpu_s: float) -> None:
        self._cpu_s = list(cpu_s)
        self.asked = 0

    async def usage(self) -> Usage:
        self.asked += 1
        return Usage(app=KindUsage(self._cpu_s.pop(0) if len(self._cpu_s) > 1 else self._cpu_s[0]))


async def test_a_bench_waits_until_its_worlds_have_calmed_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worlds, "IDLE_SAMPLE_S", 0.01)
    settling, calm = Busy(0.0, 5.0, 5.0, 9.0, 9.0, 9.0), Busy(3.0)
    await worlds.until_idle(cast("list[World]", [settling, calm]))
    assert settling.asked == calm.asked == 6


async def test_a_world_that_never_calms_down_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worlds, "IDLE_SAMPLE_S", 0.001)
    monkeypatch.setattr(worlds, "IDLE_DEADLINE_S", 0.05)
    await worlds.until_idle(cast("list[World]", [Busy(*(float(n) for n in range(10_000)))]))
