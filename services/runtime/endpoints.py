"""The shared transport behind the engine that chooses replicas: one set of them for each callee."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

from resilience_lib import Address, EndpointPipeline, EndpointPolicy, Event, Outcome, time_left
from services.runtime.clients import EdgeClient, Recorder, Reply, Request
from services.runtime.context import deadline
from services.runtime.discovery import DiscoveryFile, DnsReplicas, Replicas
from services.runtime.library import outcome_of, read_policies, reply_of
from services.runtime.plain import PORT, Transport
from services.runtime.settings import BadSettings, Settings


class EndpointsClient(EdgeClient):
    """Calls the replicas of one service under its policy."""

    def __init__(
        self,
        callee: str,
        recorder: Recorder,
        transport: Transport,
        policy: EndpointPolicy,
        discovery: Replicas,
        pod: str,
        seed: int,
    ) -> None:
        super().__init__(callee, recorder)
        self._transport, self._policy, self._discovery = transport, policy, discovery
        self._pod = pod
        self.reset(seed)

    def reset(self, seed: int) -> None:
        """Start again with nobody ejected and free slots; choices and back-offs are drawn from `seed`."""
        rng = Random(f"{seed}/{self._pod}/{self.callee}")
        self._pipeline = EndpointPipeline(self._policy, listener=self._heard, rng=rng)
        self._known: list[Address] = []

    async def _call(self, request: Request) -> Reply:
        try:
            replicas = await self._discovery.replicas(self.callee, PORT)
        except OSError:
            replicas = self._known  # who was there when discovery could last be read
        if replicas is not self._known:
            self._known = replicas
            self._pipeline.endpoints.update(replicas)
        attempt = partial(self._attempt, request)
        return reply_of(await self._pipeline.call(attempt, question=request.question, deadline=deadline()))

    async def _attempt(self, request: Request, replica: Address) -> Outcome[bytes]:
        return outcome_of(await self._transport.send(self.callee, request, replica, timeout_s=time_left()))

    def _heard(self, event: Event) -> None:
        if event is not Event.ATTEMPT:  # the transport counts attempts itself, in every mode
            self._recorder.event(self.callee, event)


def maker(settings: Settings, recorder: Recorder, transport: Transport) -> Callable[[str], EdgeClient]:
    """Return what makes the client of a callee; a callee that POLICIES_FILE does not name has no policy.

    Raises BadSettings with every error in POLICIES_FILE at once.
    """
    if settings.policies_file is None:
        raise BadSettings(["POLICIES_FILE: must be set when RESILIENCE_MODE=endpoints"])
    policies = read_policies(settings.policies_file, EndpointPolicy.from_json)
    discovery = _discovery(settings)
    none = EndpointPolicy()

    def make(callee: str) -> EdgeClient:
        policy = policies.get(callee, none)
        return EndpointsClient(callee, recorder, transport, policy, discovery, settings.pod_name, settings.seed)

    return make


def _discovery(settings: Settings) -> Replicas:
    """The file where there is one, since it says more than DNS can; else headless Services."""
    if settings.discovery_file is not None:
        return DiscoveryFile(settings.discovery_file)
    if settings.replicas_suffix is not None:
        return DnsReplicas(settings.replicas_suffix)
    raise BadSettings(["DISCOVERY_FILE or REPLICAS_SUFFIX: must be set when RESILIENCE_MODE=endpoints"])
