"""What to do after a bench: the few commands that its result asks for, most urgent first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from shlex import join

from benchmarks import results, stopping
from benchmarks.arm import Arm
from benchmarks.errors import BadInput
from benchmarks.order import ISTIO
from benchmarks.record import Header
from benchmarks.results import Run
from benchmarks.scenario import Scenario, load_scenario
from benchmarks.verdict import ENOUGH, Comparison, Verdict
from istio.compile.versions import NEWEST
from k8s.image import TAG

MOST = 5


def next_steps(
    run: Run, compared: Sequence[Comparison], control: bool, context: str | None = None
) -> list[tuple[str, str]]:
    """At most MOST pairs of (what to run or open, why). `control`: the run is an A/A control.

    `context`: the kubeconfig's context, where the user named one.
    """
    return list(_steps(run, compared, control, context))[:MOST]


def onward(run: Run, context: str | None = None) -> str:
    """The command that goes on with a run."""
    return join(["goaround", "bench", "--resume", run.name, *_target(run.header, context), *_where(run)])


def removal(run: Run, context: str | None = None) -> str:
    """The command that removes what a run has in a cluster."""
    return join(["goaround", "down", *_target(run.header, context), "--run", run.name])


def _where(run: Run) -> tuple[str, ...]:
    """Where the results are, if not where they are by default."""
    return () if run.folder.parent == results.FOLDER else ("--results", str(run.folder.parent))


def _target(header: Header, context: str | None) -> tuple[str, ...]:
    """Where the run is measured, if not on this machine."""
    if header.environment.get("target") != "cluster":
        return ()
    return ("--target", "cluster", *(("--context", context) if context else ()))


def _steps(run: Run, compared: Sequence[Comparison], control: bool, context: str | None) -> Iterator[tuple[str, str]]:
    def anew(repetitions: int, arm: str | None = None, *, aa: bool = False) -> str:
        return again(run.header, repetitions, where, arm, aa=aa, context=context)

    where = _where(run)
    if missing := len(run.missing()):
        yield (
            onward(run, context),
            f"{missing} of {len(run.plan)} cells have no good try: again, with nothing else on the machine",
        )
    yield str(run.folder / "report.html"), "the whole report as one page"
    kept = [record for record in run.records() if record.traced]
    if kept:
        # of those that count, where there is one
        one = next((record for record in kept if not record.void), kept[0])
        many = sum(len(record.traced) for record in kept)
        yield (
            join(["goaround", "trace", one.traced[0], "--run", run.name, "--cell", one.cell, *where]),
            f"a failed request, call by call; those of {many} failed requests are kept",
        )
    planned = max((cell.repetition for cell in run.plan), default=0)
    unsure = [one for one in compared if one.verdict is Verdict.INCONCLUSIVE]
    if planned < ENOUGH:
        yield anew(ENOUGH), f"verdicts need {ENOUGH} repetitions; this run has {planned}"
    elif unsure:
        yield anew(2 * planned), f"{len(unsure)} of {len(compared)} comparisons are inconclusive"
    modes = {arm.mode for arm in run.header.arms}
    if "none" not in modes and not control:
        yield anew(max(planned, ENOUGH), "none"), "without the control, `neither` cannot be told"
    if any(one.verdict in (Verdict.BETTER, Verdict.WORSE) for one in compared) and not control:
        yield anew(planned, aa=True), "how far an arm differs from itself here: the noise floor"


def again(
    header: Header,
    repetitions: int,
    where: Sequence[str] = (),
    arm: str | None = None,
    *,
    aa: bool = False,
    context: str | None = None,
) -> str:
    """The command that runs the same arms and scenarios anew, under the same settings."""
    families = list(dict.fromkeys(each.family for each in header.scenarios.values()))
    arms = list(dict.fromkeys(Arm(each.mode, each.policies, each.plaintext).text for each in header.arms))
    words = ["goaround", "bench", *(["--aa"] if aa else []), *(["--profile", header.profile] if header.profile else [])]
    for each in [*([arm] if arm else []), *arms]:
        words += ["--arm", each]
    for each in families:
        words += ["--scenario", header.files.get(each, each)]
    if (rate := _rate(header)) is not None:
        words += ["--rate", f"{rate:.12g}"]
    words += [*_target(header, context), *(["--one-world-at-a-time"] if header.one_world_at_a_time else [])]
    istio, image = header.versions.get(ISTIO, NEWEST), header.environment.get("image", TAG)
    # a cluster has the Istio that it has, and only there is anything run from an image
    if header.environment.get("target") == "cluster":
        words += ["--image", image] if image != TAG else []
    elif istio != NEWEST:
        words += ["--istio-version", istio]
    if header.until_narrow and repetitions > stopping.LEAST:
        words.append("--until-narrow")
    return join([*words, "--repetitions", str(repetitions), "--seed", str(header.seed), *where])


def _rate(header: Header) -> float | None:
    """The rate of every scenario, where one has another in its file; None where each has its own."""
    fixed = [each for each in header.scenarios.values() if "load.rate" not in each.point]
    rates = {each.load.rate for each in fixed}
    if len(rates) != 1 or all(each.load.rate == _written(header, each) for each in fixed):
        return None
    return rates.pop()


def _written(header: Header, scenario: Scenario) -> float:
    """The rate in a scenario's file; that of the run where the file cannot be read any more."""
    try:
        return load_scenario(header.files.get(scenario.family, scenario.family)).load.rate
    except BadInput:
        return scenario.load.rate
