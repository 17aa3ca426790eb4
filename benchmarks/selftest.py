"""The self-test: every oracle in real worlds, under real load, with real faults, before any figure is believed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import aiohttp

from benchmarks.errors import BadInput
from benchmarks.oracles import ORACLES, Check, Oracle, Trial
from benchmarks.oracles.ground import Ground
from benchmarks.oracles.stage import WorldStage
from k8s.target import Target
from loadtests.client import Generator

FALSE_ALARMS = 0.01
"""The probability that a correct harness fails a whole self-test, at most. Source: Bonferroni's inequality."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check of one oracle, in the world of that name."""

    oracle: str
    world: str
    check: Check


def choose(names: Sequence[str] | None) -> tuple[Oracle, ...]:
    """The oracles of these names, all for None. Raises BadInput with every unknown name and the choices."""
    unknown = [name for name in names or () if name not in ORACLES]
    if unknown:
        raise BadInput(f"no oracle {name!r}; choose one of: {', '.join(ORACLES)}" for name in unknown)
    return tuple(each for each in ORACLES.values() if not names or each.name in names)


def level(oracles: Sequence[Oracle]) -> float:
    """The level of each interval, so that all checks by chance together miss with FALSE_ALARMS at most."""
    chances = sum(trial.chances for oracle in oracles for trial in oracle.trials)
    return 1 - FALSE_ALARMS / max(1, chances)


async def selftest(oracles: Sequence[Oracle], target: Target, seed: int, say: Callable[[str], None]) -> list[Finding]:
    """Try oracles, world after world, and return what each check came to, in the order of the oracles.

    Raises TargetError, FaultFailed, NotClean, PodUnreachable and GeneratorError when they could not be tried.
    """
    each = level(oracles)
    found: dict[tuple[str, str], list[Finding]] = {}
    async with (
        await Generator.start() as generator,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http,
    ):
        for ground, tried in _by_world(oracles):
            began = time.monotonic()
            world = await target.up(
                f"selftest-{os.getpid()}-{ground.mode}", ground.rendered(), attached=True, seed=seed
            )
            try:
                stage = WorldStage(world, http, generator, seed)
                for oracle, trial in tried:
                    checks = await trial.run(stage, each)
                    found[oracle.name, ground.name] = [Finding(oracle.name, ground.name, check) for check in checks]
            finally:
                await world.down()
            names = ", ".join(oracle.name for oracle, _ in tried)
            say(f"world {ground.name}: {names} in {time.monotonic() - began:.0f} s")
    return [
        finding for oracle in oracles for trial in oracle.trials for finding in found[oracle.name, trial.ground.name]
    ]


def _by_world(oracles: Sequence[Oracle]) -> Iterator[tuple[Ground, list[tuple[Oracle, Trial]]]]:
    """Trials that need the same world share one."""
    grounds = {trial.ground.name: trial.ground for oracle in oracles for trial in oracle.trials}
    for ground in grounds.values():
        yield (
            ground,
            [(oracle, trial) for oracle in oracles for trial in oracle.trials if trial.ground.name == ground.name],
        )
