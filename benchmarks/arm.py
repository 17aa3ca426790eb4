"""What is compared: a mode of the application together with a policy set."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import sweep
from benchmarks.errors import BadInput
from benchmarks.sweep import Axes, Value
from k8s.render import DEFAULT_POLICIES, LIBRARIES, MODES, WITH_SIDECARS

PLAINTEXT = "+plaintext"
TWIN = "#2"
WITH_POLICIES = frozenset({*LIBRARIES, "mesh"})


@dataclass(frozen=True, slots=True)
class Arm:
    """A mode and its policy set; `policies` is None in the modes that have none.

    `plaintext`: its sidecars do not speak mutual TLS to each other, as Istio's would. `settings`: what of its policies
    is changed, at a point of a sweep (`istio.settings`). `twin`: the same arm once more, in a world of its own.
    """

    mode: str
    policies: str | None = None
    plaintext: bool = False
    settings: tuple[tuple[str, Value], ...] = ()
    twin: bool = False

    @property
    def name(self) -> str:
        """The mode alone under the default policy set, else `mode:policies`; with `+plaintext` where that is so.

        A policy set that is a folder is called by the folder's own name. At a point of a sweep with that point behind
        it: `mesh@retries.attempts=2`.
        """
        return self._written(self.policies_name) + (TWIN if self.twin else "") + sweep.name(dict(self.settings))

    @property
    def policies_name(self) -> str:
        """The name of the policy set, of a folder its own; empty in the modes that have none."""
        return Path(self.policies).resolve().name if self.policies else ""

    @property
    def text(self) -> str:
        """What `parse` makes this arm of, its settings and its twin apart."""
        return self._written(self.policies or "")

    def _written(self, policies: str) -> str:
        name = self.mode if policies in ("", DEFAULT_POLICIES) else f"{self.mode}:{policies}"
        return name + (PLAINTEXT if self.plaintext else "")

    def swept(self, axes: Axes) -> list[Arm]:
        """The arm at every point of the axes; as it is in a mode without policies."""
        if not axes or self.mode not in WITH_POLICIES:
            return [self]
        return [replace(self, settings=tuple(point.items())) for point in sweep.points(axes.items())]

    @classmethod
    def parse(cls, text: str, policies: str = DEFAULT_POLICIES) -> Arm:
        """`MODE` or `MODE:POLICIES`, and `+plaintext` behind it for sidecars without mutual TLS.

        Raises:
            BadInput: the mode is unknown, or it takes no policies, or has no sidecars, and is given some.

        """
        plaintext = text.endswith(PLAINTEXT)
        mode, colon, own = text.removesuffix(PLAINTEXT).partition(":")
        if mode not in MODES:
            raise BadInput([f"unknown mode {mode!r}; choose from: {', '.join(MODES)}"])
        if plaintext and mode not in WITH_SIDECARS:
            raise BadInput([f"mode {mode!r} has no sidecars: leave {PLAINTEXT!r} out"])
        if mode not in WITH_POLICIES:
            if colon:
                raise BadInput([f"mode {mode!r} takes no policy set: write {mode!r} alone"])
            return cls(mode, plaintext=plaintext)
        if colon and not own:
            raise BadInput([f"{text!r} names no policy set after the colon: write {mode!r} or '{mode}:{policies}'"])
        return cls(mode, own or policies, plaintext)


def parse_arms(texts: list[str], policies: str = DEFAULT_POLICIES) -> tuple[Arm, ...]:
    """Parse every arm; all that is wrong with them is in one BadInput."""
    arms: list[Arm] = []
    errors: list[str] = []
    for text in texts:
        try:
            arm = Arm.parse(text, policies)
        except BadInput as bad:
            errors.extend(bad.problems)
            continue
        if arm in arms:
            errors.append(f"arm {arm.name!r} is named twice: name each once")
        elif arm.name in {each.name for each in arms}:
            errors.append(f"two arms would be called {arm.name!r}: give one of their folders another name")
        arms.append(arm)
    if errors:
        raise BadInput(errors)
    return tuple(arms)
