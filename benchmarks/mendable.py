"""What a user can cause and mend; anything else is a defect of ours, and shows its traceback."""

from __future__ import annotations

from benchmarks.errors import BadInput
from benchmarks.faults import FaultFailed
from benchmarks.pods import PodUnreachable
from benchmarks.reset import NotClean
from istio.envoy import NoEnvoy
from istio.objects import Refused
from istio.policies import UnknownPolicies
from k8s.target import TargetError
from loadtests.client import GeneratorError, RunRefusedError

MENDABLE = (
    BadInput,
    FaultFailed,
    GeneratorError,
    NotClean,
    RunRefusedError,
    NoEnvoy,
    PodUnreachable,
    Refused,
    TargetError,
    UnknownPolicies,
)


def sentences(error: Exception) -> list[str]:
    """All that an error says is wrong, a line each."""
    problems = getattr(error, "problems", None) or getattr(error, "errors", None) or [error]
    return [str(problem) for problem in problems]
