"""The application and what lets calls in; and the way back to both."""

from __future__ import annotations

from benchmarks.demos.airport import Airport, alike
from benchmarks.demos.demo import Check, Counterpart, Demo, same

HEALTH = (
    "/status",
    "/collector/status",
    "/momentum/status",
    "/sections/1/status",
    "/sections/2/status",
    "/alerts/status",
    "/cameras/1/state",
    "/cameras/2/state",
)
OK = 200
NOT_IN_A_LIBRARY = "a library has no objects in a control plane: its policies are part of the deployment"


async def health_of(airport: Airport, paths: tuple[str, ...] = HEALTH) -> list[Check]:
    """Ask each service for its state, by the way in. What is not as it should be is shown with its words."""
    answers = [(path, *await airport.ask(path)) for path in paths]
    return [same(f"GET {path}", OK, status if status == OK else f"{status}: {said}") for path, status, said in answers]


async def application(airport: Airport) -> list[Check]:
    """Every deployment has its pods, and every pod its sidecar where there are any."""
    first = airport.beginning.replicas
    pods = (await airport.world.status()).pods
    checks = [
        same(f"ready pods of {name}", n, len(await airport.ready(name))) for name, n in sorted(first.items()) if n
    ]
    sidecars = sum(pod.proxy_admin is not None for pod in pods)
    return [*checks, same("pods with a sidecar", len(pods) if airport.meshed else 0, sidecars)]


async def way_in(airport: Airport) -> list[Check]:
    """Without the objects of the edge nobody answers; with them the control panel does."""
    edge = [
        one
        for one in airport.beginning.istio
        if one["metadata"]["name"] in ("airport-gateway", "cpanel") and one["kind"] != "PeerAuthentication"
    ]
    await airport.remove(edge)
    without = await airport.ask_until("/status", lambda status: status != OK)
    await airport.put(edge, "istio/manifests/base")
    await airport.ask_until("/status", lambda status: status == OK)
    status, text = await airport.ask("/status")
    name = (await airport.pod("cpanel-v1-0")).name
    return [
        Check("GET /status before", "no 200", str(without or "refused"), without != OK),
        same(
            "GET /status after", (OK, "CPanel v1 : Online - cpanel-v1-0"), (status, text.replace(name, "cpanel-v1-0"))
        ),
    ]


async def default_reset(airport: Airport) -> list[Check]:
    """A change of the routes is undone by a reset of the objects."""
    await airport.apply("cpanel-v2")
    changed = await airport.who(10)
    await airport.reset_objects()
    back = await airport.who(10)
    first = airport.beginning.istio
    differ = [one for one in await airport.world.get() if not any(alike(one, other) for other in first)]
    return [
        same("who answered under cpanel-v2", {"cpanel-v2-0": 10}, dict(changed)),
        same("who answered after the reset", {"cpanel-v1-0": 10}, dict(back)),
        same("objects that are not as in the beginning", 0, len(differ)),
    ]


async def all_reset(airport: Airport) -> list[Check]:
    """Objects, replicas and faults all go back at once."""
    await airport.apply("cpanel-v2")
    await airport.scale({"collector": 3})
    await airport.toggle("collector-0")
    await airport.reset()
    # a connection from before may break once more: its listener was replaced, and ends what idles when it has drained
    for path in HEALTH:
        await airport.ask_until(path, lambda status: status == OK)
    return [*await application(airport), *await health_of(airport)]


DEMOS = (
    Demo(
        "deploy-app-default",
        "the application is there, each pod with its sidecar",
        application,
        Counterpart(application),
    ),
    Demo(
        "deploy-istio-default",
        "a Gateway and a VirtualService let calls in",
        way_in,
        "there is no gateway without a mesh",
    ),
    Demo("health", "every service answers through the control panel", health_of, Counterpart(health_of)),
)
RESETS = (
    Demo("default-reset", "the Istio objects go back to the first ones", default_reset, NOT_IN_A_LIBRARY),
    Demo("all-reset", "objects, replicas, faults and streams go back", all_reset, NOT_IN_A_LIBRARY),
)
