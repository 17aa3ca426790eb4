"""Which target a command speaks to: this machine, or the cluster of a kubeconfig's context."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated

import typer

from benchmarks.errors import BadInput
from k8s.local.target import LocalTarget
from k8s.target import OperatedTarget, TargetError, World

LOCAL, CLUSTER = "local", "cluster"
TargetName = Annotated[
    str, typer.Option("--target", help="Where the world runs: local (this machine) or cluster (Kubernetes).")
]
Context = Annotated[
    str | None,
    typer.Option("--context", help="With --target cluster: a context of the kubeconfig; its current one if left out."),
]


def options(target: str, context: str | None) -> str:
    """What a command that names a world must say besides, to find it again: a space before it, or nothing at all."""
    if target == LOCAL:
        return ""
    return f" --target {target}" + (f" --context {context}" if context else "")


@asynccontextmanager
async def reached(name: str, target: str, context: str | None) -> AsyncIterator[World]:
    """Find a running world whose pods can be asked from here: those of a cluster, through its API server.

    Raises:
        BadInput: no such target, or a context for this machine.
        TargetError: no such world, no such context, or a world that does not let itself be measured or broken.

    """
    if target == LOCAL and context is None:
        yield await LocalTarget().world(name)
        return
    choose(target, context)
    from k8s.cluster.api import Api
    from k8s.cluster.relay import Relay
    from k8s.cluster.target import ClusterTarget

    api = Api(context)
    async with Relay(api.access()) as relay:
        world = await ClusterTarget(api, reach=relay).world(name)
        if not world.headers:
            raise TargetError(
                f"world {name} has no token by which its pods would take orders (or you may not read its Secret "
                "goaround-control): start it with `goaround up --target cluster`"
            )
        yield world


def choose(
    name: str,
    context: str | None,
    local: Callable[[], LocalTarget] = LocalTarget,
    image: str | None = None,
    say: Callable[[str], None] | None = None,
) -> OperatedTarget:
    """The target of this name. `local` makes the local one.

    Raises:
        BadInput: no such target, or a context for this machine.
        TargetError: the kubeconfig is not there or has no such context.

    """
    problems = []
    if name not in (LOCAL, CLUSTER):
        problems.append(f"--target {name!r}: must be {LOCAL} or {CLUSTER}")
    elif name == LOCAL and context is not None:
        problems.append(f"--context {context!r}: is for --target {CLUSTER}; leave it out")
    if problems:
        raise BadInput(problems)
    if name == LOCAL:
        return local()
    # imported when first asked for: the client takes most of a second, and 40 MB
    from k8s.cluster.api import Api
    from k8s.cluster.target import ClusterTarget
    from k8s.cluster.world import quiet

    return ClusterTarget(Api(context), image, say or quiet)
