"""Client-side resilience for asyncio.

By tenacity and pybreaker, a breaker for each dependency:

    pipeline = Pipeline(EdgePolicy(retry=RetryPolicy(2, "5xx"), breaker=BreakerPolicy(5, 30.0)))
    outcome = await pipeline.call(one_try)

By its own engine, where the client sees the replicas of a dependency, chooses among them, and ejects the bad ones:

    pipeline = EndpointPipeline(EndpointPolicy(retry=RetryPolicy(2, "5xx"), outlier=OutlierPolicy()), addresses)
    outcome = await pipeline.call(one_try_at_an_address)

It knows nothing of Istio or of the application, and of HTTP clients in one module that is imported by name alone:
`resilience_lib.aiohttp_middleware`.
"""

from resilience_lib.deadline import time_left
from resilience_lib.endpoint import Address
from resilience_lib.endpoint_pipeline import EndpointPipeline
from resilience_lib.endpoint_policies import BalancerPolicy, BudgetPolicy, EndpointPolicy, OutlierPolicy
from resilience_lib.endpoints import EndpointSet
from resilience_lib.events import Event, Listener
from resilience_lib.order import OrderError
from resilience_lib.outcome import Flag, Outcome, Verdict
from resilience_lib.pipeline import Pipeline
from resilience_lib.policies import (
    BreakerPolicy,
    EdgePolicy,
    LimitsPolicy,
    RetryPolicy,
    TimeoutPolicy,
)
from resilience_lib.retry_after import parse_retry_after
from resilience_lib.strengths import FallbackPolicy, HedgePolicy
from resilience_lib.validation import PolicyError

__all__ = [
    "Address",
    "BalancerPolicy",
    "BreakerPolicy",
    "BudgetPolicy",
    "EdgePolicy",
    "EndpointPipeline",
    "EndpointPolicy",
    "EndpointSet",
    "Event",
    "FallbackPolicy",
    "Flag",
    "HedgePolicy",
    "LimitsPolicy",
    "Listener",
    "OrderError",
    "Outcome",
    "OutlierPolicy",
    "Pipeline",
    "PolicyError",
    "RetryPolicy",
    "TimeoutPolicy",
    "Verdict",
    "parse_retry_after",
    "time_left",
]
