"""Which cell is run when: interleaved, in an order that a seed decides."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cell:
    """One scenario in one arm, once. `seed` is equal in all arms of a repetition, so that they pair."""

    scenario: str
    arm: str
    repetition: int
    seed: int

    @property
    def id(self) -> str:
        """`r2-bad-replica-mesh`: also the name of the cell's files."""
        return f"r{self.repetition}-{self.scenario}-{file_safe(self.arm)}"


def file_safe(text: str) -> str:
    """An arm's name as a part of a file's name: its policy set may be the path of a folder."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", text)


def cell_seed(seed: int, scenario: str, repetition: int) -> int:
    """A seed for one scenario of one repetition, whatever else is in the plan (31 bits of SHA-256)."""
    digest = hashlib.sha256(f"{seed}/{scenario}/{repetition}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def plan(
    scenarios: Sequence[str],
    arms: Sequence[str],
    repetitions: int,
    seed: int,
    only: Mapping[str, Sequence[str]] | None = None,
    *,
    by_arm: bool = False,
) -> list[Cell]:
    """Repetition by repetition, scenarios in random order, the arms of a scenario side by side in random order.

    `only`: the arms of a scenario that does not run in all of them.
    Arms of a block run within the same half minute, so that a slow drift of the machine meets all of them.
    `by_arm` gives that up where one world at a time has room: in a repetition, arms take turns in random order, and
    each runs the scenarios in the same order. Seeds are those of the other order.
    """
    rng = random.Random(f"plan/{seed}")
    cells: list[Cell] = []
    for repetition in range(1, repetitions + 1):
        block: list[Cell] = []
        for scenario in rng.sample(list(scenarios), len(scenarios)):
            # the points of a sweep meet the same arrivals, so that they differ in what is swept alone
            block_seed = cell_seed(seed, scenario.partition("@")[0], repetition)
            its = (only or {}).get(scenario, arms)
            block += [Cell(scenario, arm, repetition, block_seed) for arm in rng.sample(list(its), len(its))]
        if by_arm:
            turns = rng.sample(list(arms), len(arms))
            block.sort(key=lambda cell: turns.index(cell.arm))
        cells += block
    return cells
