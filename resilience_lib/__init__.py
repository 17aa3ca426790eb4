"""Client-side resilience for asyncio: the library arm.

    pipeline = Pipeline(EdgePolicy(retry=RetryPolicy(2, "5xx"), breaker=BreakerPolicy(5, 30.0)))
    outcome = await pipeline.call(one_try)

It knows nothing of HTTP clients, of Istio, or of the application.
"""

from resilience_lib.events import Event, Listener
from resilience_lib.outcome import Flag, Outcome, Verdict
from resilience_lib.pipeline import Pipeline
from resilience_lib.policies import (
    BreakerPolicy,
    EdgePolicy,
    LimitsPolicy,
    RetryPolicy,
    TimeoutPolicy,
)
from resilience_lib.validation import PolicyError

__all__ = [
    "BreakerPolicy",
    "EdgePolicy",
    "Event",
    "Flag",
    "LimitsPolicy",
    "Listener",
    "Outcome",
    "Pipeline",
    "PolicyError",
    "RetryPolicy",
    "TimeoutPolicy",
    "Verdict",
]
