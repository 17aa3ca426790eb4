"""What a person who knows Locust can ask for: arguments of its command line, and fields of its web UI."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from locust.argument_parser import LocustArgumentParser
from pydantic import ValidationError

from loadtests.run import ALL, OWN, RunSpec, sentences
from loadtests.running_world import NoWorldError, running_world

ROOT = Path(__file__).parents[1]
HERE = "http://collector"
"""Stands in the web UI's field for the host: frames go to the collectors of the world that is chosen."""
NO_SCENARIO = "no scenario"
LEAD_S = 0.25


class RefusedError(ValueError):
    """What was asked for cannot be run; `problems` has a sentence for each thing that is wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


class Choices(list[str]):
    """Makes a dropdown of a field; argparse lets every value pass, so that all that is wrong can be said at once."""

    def __contains__(self, value: object) -> bool:
        return True


def _names(pattern: str) -> Choices:
    return Choices(sorted(path.stem for path in ROOT.glob(pattern)))


MODES = _names("k8s/overlays/*")
SCENARIOS = _names("benchmarks/scenarios/*.yaml")
PATTERNS = Choices(["poisson", "constant"])


def declare(parser: LocustArgumentParser, **_: Any) -> None:
    """Add the arguments, all as text: the web UI answers a number that is none with an error 500 otherwise."""
    for flag, choices, meaning in (
        ("--mode", ["library", *(mode for mode in MODES if mode != "library")], "where resilience is"),
        ("--scenario", ["steady", *(s for s in SCENARIOS if s != "steady"), NO_SCENARIO], "load, fault and phases"),
        ("--rate", None, "frames per second; the scenario's own if empty (30 without one)"),
        ("--pattern", [OWN, *PATTERNS], "gaps between frames"),
        ("--seed", None, "the same seed gives the same schedule, frames and fault"),
        ("--entry", [ALL, "collector-0", "collector-1", "cpanel-v1-0", "cpanel-v2-0"], "where the load enters"),
        ("--stretch", None, "every phase so many times as long"),
    ):
        default = "1" if flag in ("--seed", "--stretch") else None
        parser.add_argument(flag, default=default, choices=Choices(choices) if choices else None, help=meaning)
    # Locust shows no argument of a group in its web UI, which is for runs
    load = parser.add_argument_group("load alone, open loop, on what runs already: one of --host, --world, --entries")
    for flag, default, meaning in (
        ("--world", None, "a world that `goaround up` has started"),
        ("--entries", None, "host:port of each replica that takes frames, separated by commas"),
        ("--duration-s", None, "length of the load in seconds; -t says the same (10)"),
        ("--timeout-s", "5", "seconds to wait for an answer"),
        ("--capacity", "200", "most requests in flight; a frame beyond it is dropped, and counted"),
        ("--rows", None, "keep a row per frame in this file, .csv.gz"),
        ("--results", None, "where runs are kept that have a world started for them"),
    ):
        load.add_argument(flag, default=default, help=meaning)
    load.add_argument("--warm", action="store_true", help="with a web UI: start the world of --mode at once")


def load_alone(options: Mapping[str, Any]) -> bool:
    """Whether something that runs already is to be loaded."""
    return any(options.get(name) for name in ("world", "entries")) or options.get("host") not in (None, "", HERE)


def spec_of(options: Mapping[str, Any], rows: Path, lead_s: float = LEAD_S) -> RunSpec:
    """Read the load that Locust's options ask for, to begin `lead_s` from now. Raises RefusedError."""
    problems: list[str] = []
    entries: Sequence[str] = ()
    try:
        entries = _entries(options)
    except RefusedError as refused:
        problems += refused.problems
    pattern, run_time = options.get("pattern"), options.get("run_time")
    seed, now = options["seed"], time.time_ns()
    try:
        spec = RunSpec.model_validate(
            {
                "id": "locust",
                "rows": rows,
                "start_monotonic": time.monotonic() + lead_s,
                "load": {
                    "rate": options.get("rate") or 30,
                    "pattern": PATTERNS[0] if pattern in (None, "", OWN) else pattern,
                },
                "duration_s": options.get("duration_s") or run_time or 10,
                "seed": seed,
                "entries": entries or ("unknown:1",),
                "timeout_s": options["timeout_s"],
                "capacity": options["capacity"],
                # a world outlives a test, and stores a frame id once: the same seed again must not be the same frames
                "frames": f"{seed}.{now:x}",
            }
        )
    except ValidationError as error:
        raise RefusedError([*problems, *(each.removeprefix("load.") for each in sentences(error))]) from None
    if problems:
        raise RefusedError(problems)
    return spec


def _entries(options: Mapping[str, Any]) -> Sequence[str]:
    """Find out where frames go. Raises RefusedError."""
    if (scenario := options.get("scenario")) not in (None, "", NO_SCENARIO):
        wanted = "leave --host, --world and --entries out: its fault needs a world that is started for it"
        raise RefusedError([f"scenario: {scenario!r} comes with a fault; {wanted}, or choose {NO_SCENARIO!r}"])
    if entries := options.get("entries"):
        return [entry.strip() for entry in str(entries).split(",") if entry.strip()]
    if not options.get("world"):
        return [str(options["host"]).removeprefix("http://").rstrip("/")]
    try:
        world = running_world(str(options["world"]))
        if options.get("mode") not in (None, "", world.mode):
            raise NoWorldError(f"mode: world {options['world']!r} runs in mode {world.mode!r}, not {options['mode']!r}")
        return world.at(str(options.get("entry") or ALL))
    except NoWorldError as error:
        raise RefusedError([str(error)]) from None
