"""What follows for an edge: the library, the mesh, both or neither, from verdicts alone and never from points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from benchmarks.verdict import Comparison, Verdict

Where = Literal["library", "mesh", "either", "both", "neither", "undecided"]
LIBRARIES, MESHES, STACKED = ("library", "library-endpoints"), ("mesh",), ("both",)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """For one scenario, which stands for an edge and a kind of fault: `where`, and the comparisons it rests on.

    `p`: the largest adjusted p-value of the differences that it rests on; None where it rests on none (equivalence,
    or nothing decided). `limits`: what would have to be known before relying on more than is said.
    `point`: where on a sweep of policies it holds; empty without one.
    """

    scenario: str
    edge: str
    fault: str
    where: Where
    arm: str | None
    because: tuple[str, ...]
    p: float | None
    pairs: int
    limits: tuple[str, ...]
    rests_on: tuple[Comparison, ...] = ()
    point: str = ""


def tipping(one: Comparison) -> float | None:
    """The margin at which a verdict would be another: above it a difference matters no more, below it equality ends.

    On the scale of a scenario's margin (absolute for differences, relative for ratios); None without a verdict.
    """
    interval = one.interval
    if interval is None or one.verdict in (Verdict.NONE, Verdict.INCONCLUSIVE):
        return None
    values = [interval.low, interval.high] if one.verdict is Verdict.EQUIVALENT else [interval.estimate]
    if one.measure.scale == "ratio":
        return max(max(value, 1 / value) for value in values) - 1
    return max(abs(value) for value in values)


def recommend(
    scenario: str,
    edge: str,
    fault: str,
    compared: Iterable[Comparison],
    modes: Mapping[str, str],
    *,
    controllable: bool = True,
) -> Recommendation:
    """Weigh the comparisons of a scenario's primary measure, in which the control is nobody's `arm`.

    `modes`: the mode of each arm that may be chosen, and of the controls; comparisons with any other are left out.
    `controllable`: the scenario makes sense in the control, which has neither sidecars nor policies.

    An arm is a candidate when it is better than the control `none`, and a rival when that is not known. A candidate is
    recommended only if it is better than each other candidate and each rival: one that nobody has told from the
    control may yet be the best. Candidates that are equivalent, and better than each rival: either will do. Else it is
    undecided. Two arms that were never compared are not told apart.
    """
    verdicts = {
        (one.arm, one.base): one for one in compared if one.scenario == scenario and {one.arm, one.base} <= modes.keys()
    }
    controls = [arm for arm, mode in modes.items() if mode == "none"]
    # the sidecar alone is a control too, never a choice
    against = [one for (arm, base), one in verdicts.items() if base in controls and modes[arm] != "sidecar"]
    limits: list[str] = []
    if not against:
        why = "add `--arm none`" if controllable else "the scenario makes no sense in it"
        limits.append(f"no arm was compared with the control: {why}")
    unsure = [one.arm for one in against if one.verdict in (Verdict.INCONCLUSIVE, Verdict.NONE)]
    if unsure:
        limits.append(f"undecided against none: {', '.join(unsure)}; more repetitions narrow it")
    helping = [one for one in against if one.verdict is Verdict.BETTER]
    if not helping:
        settled = bool(against) and not unsure
        where: Where = "neither" if settled else "undecided"
        shown = tuple(against) if settled else ()
        return Recommendation(scenario, edge, fault, where, None, _said(shown), None, _n(against), tuple(limits), shown)
    contest = _Contest(tuple(one.arm for one in helping), tuple(unsure), tuple(verdicts.values()))
    best = contest.winner()
    if best is not None:
        where, used = _side(modes[best]), [one for one in helping if one.arm == best] + contest.of(best)
    else:
        where, used = "either" if contest.tied() else "undecided", [*helping, *contest.between]
        limits.append(f"not told apart: {', '.join(contest.candidates + contest.unbeaten())}")
    said, p, n = _said(used), _p(used), _n(used)
    return Recommendation(scenario, edge, fault, where, best, said, p, n, tuple(limits), tuple(used))


@dataclass(frozen=True, slots=True)
class _Contest:
    """The arms that may be recommended, those that might be better still, and what was said between them."""

    candidates: tuple[str, ...]
    rivals: tuple[str, ...]
    compared: tuple[Comparison, ...]

    @property
    def between(self) -> list[Comparison]:
        """The comparisons that a candidate takes part in, of candidates and rivals alone."""
        entered = {*self.candidates, *self.rivals}
        return [
            one for one in self.compared if {one.arm, one.base} <= entered and not {one.arm, one.base} <= {*self.rivals}
        ]

    def of(self, arm: str) -> list[Comparison]:
        """The comparisons of one arm."""
        return [one for one in self.between if arm in (one.arm, one.base)]

    def met(self, arm: str, other: str) -> Comparison | None:
        """What was said between two arms; None where they were never compared."""
        return next((one for one in self.compared if {one.arm, one.base} == {arm, other}), None)

    def beats(self, arm: str, other: str) -> bool:
        """Whether one is known to be better than the other."""
        met = self.met(arm, other)
        return met is not None and _winner(met) == arm

    def equal(self, arm: str, other: str) -> bool:
        """Whether the two are known to be equivalent."""
        met = self.met(arm, other)
        return met is not None and met.verdict is Verdict.EQUIVALENT

    def winner(self) -> str | None:
        """The candidate that is better than every other and than every rival."""
        entered = (*self.candidates, *self.rivals)
        return next(
            (arm for arm in self.candidates if all(self.beats(arm, other) for other in entered if other != arm)), None
        )

    def unbeaten(self) -> tuple[str, ...]:
        """The rivals that some candidate is not known to be better than."""
        return tuple(rival for rival in self.rivals if not all(self.beats(arm, rival) for arm in self.candidates))

    def tied(self) -> bool:
        """Whether the candidates are equivalent, and each is better than every rival."""
        return not self.unbeaten() and all(self.equal(one, other) for one, other in combinations(self.candidates, 2))


def _winner(one: Comparison) -> str | None:
    return {Verdict.BETTER: one.arm, Verdict.WORSE: one.base}.get(one.verdict)


def _side(mode: str) -> Where:
    return "library" if mode in LIBRARIES else "mesh" if mode in MESHES else "both"


def _said(used: Iterable[Comparison]) -> tuple[str, ...]:
    return tuple(f"{one.arm} {_VERBS.get(one.verdict, f'{one.verdict} than')} {one.base}" for one in used)


_VERBS = {
    Verdict.EQUIVALENT: "equivalent to",
    Verdict.INCONCLUSIVE: "not told apart from",
    Verdict.NONE: "not judged against",
}


def _p(used: Iterable[Comparison]) -> float | None:
    return max((one.p for one in used if one.p is not None and one.verdict is not Verdict.EQUIVALENT), default=None)


def _n(used: Sequence[Comparison]) -> int:
    return min((len(one.pairs) for one in used), default=0)
