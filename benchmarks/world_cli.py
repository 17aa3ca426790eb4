"""The commands that handle one world: up, status, scale, logs, down."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from benchmarks import signals
from benchmarks.arm import Arm
from benchmarks.console import console as output
from benchmarks.errors import BadInput
from benchmarks.targets import CLUSTER, LOCAL, Context, TargetName, choose
from benchmarks.worlds import gib, prepare
from istio.compile.versions import NEWEST, VERSIONS
from k8s.local.target import LocalTarget
from k8s.render import DEFAULT_POLICIES, NAMESPACE, Rendered, render
from k8s.target import Gateway, KindUsage, MeshOptions, OperatedTarget, Pod, WorldStatus

DEFAULT_WORLD = "airport"
Name = Annotated[str, typer.Option("--name", help="The world's name.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (up, status, scale, logs, down):
        app.command()(command)


def up(
    command: typer.Context,
    mode: Annotated[str, typer.Option(help="none, library, library-endpoints, sidecar, mesh or both.")] = "library",
    name: Name = DEFAULT_WORLD,
    policies: Annotated[
        str, typer.Option(help="A policy set's name, or a folder of Istio objects.")
    ] = DEFAULT_POLICIES,
    seed: Annotated[int, typer.Option(min=0, help="Decides every random choice of the world.")] = 1,
    mtls: Annotated[bool, typer.Option(help="Sidecars speak mutual TLS to each other, as Istio's do.")] = True,
    gateway: Annotated[
        bool, typer.Option(help="With sidecars: an ingress gateway in front, where calls from outside enter.")
    ] = True,
    call_log: Annotated[bool, typer.Option(help="Every call is a line in a log, for `goaround trace`.")] = True,
    namespace: Annotated[str, typer.Option(help="The application's Kubernetes namespace.")] = NAMESPACE,
    istio_version: Annotated[str, typer.Option(help=f"Whose defaults: {', '.join(VERSIONS)}.")] = NEWEST,
    base_port: Annotated[
        int | None, typer.Option(help="First port of the world's block; chosen for you if left out.")
    ] = None,
    target: TargetName = LOCAL,
    context: Context = None,
    image: Annotated[
        str | None, typer.Option(help="With --target cluster: an image in place of the manifests' goaround:dev.")
    ] = None,
) -> None:
    """Start a world of 15 pods that stays until `goaround down`.

    On a cluster it is a namespace of that name, with injected sidecars where the mode has them:

    goaround up --target cluster --mode mesh
    """
    console = output()
    arm = Arm.parse(mode, policies)
    mesh = MeshOptions(mtls=mtls, telemetry=True, istio_version=istio_version, gateway=gateway)
    _refuse_strange(command, target)
    chosen = choose(target, context, lambda: LocalTarget(base_port=base_port), image, _tell)
    if isinstance(chosen, LocalTarget):
        prepared = prepare(chosen, [arm], None, mesh, namespace, calls="all" if call_log else "none")
        console.print(prepared.memory)
        rendered = prepared.rendered[arm.name]
    else:
        env = {"*": {"CALL_LOG": "on"}} if call_log else {}
        rendered = render(arm.mode, arm.policies, {"env": env}, mesh, name)
    status = signals.run(_start(chosen, name, rendered, seed))
    console.print(pods_table(status))
    if target == CLUSTER:
        _say_how_to_reach(name, context)
        return
    entry = {pod.service: pod.entry for pod in reversed(status.pods)}
    if status.gateway:
        console.print(f"gateway:       http://{status.gateway.http}/")
    console.print(f"control panel: http://{entry['cpanel']}/\ncollector:     http://{entry['collector']}/status")
    console.print(f"end it with: goaround down --name {name}")


async def _start(target: OperatedTarget, name: str, rendered: Rendered, seed: int) -> WorldStatus:
    world = await target.up(name, rendered, attached=False, seed=seed)
    return await world.status()


def _refuse_strange(command: typer.Context, target: str) -> None:
    """Raise BadInput for options that mean nothing on this target, rather than ignore them."""
    why = {
        CLUSTER: {
            "namespace": "on a cluster a world's namespace is its name: use --name instead",
            "istio_version": "a cluster has the Istio that it has; leave it out",
            "base_port": "pods of a cluster have addresses of their own; leave it out",
        },
        LOCAL: {"image": f"is for --target {CLUSTER}; leave it out"},
    }
    problems = [
        f"--{option.replace('_', '-')}: {reason}"
        for option, reason in why.get(target, {}).items()
        if str(command.get_parameter_source(option)).endswith("COMMANDLINE")
    ]
    if problems:
        raise BadInput(problems)


def _tell(line: str) -> None:
    typer.echo(line, err=True)


def _say_how_to_reach(name: str, context: str | None) -> None:
    with_context = f" --context {context}" if context else ""
    typer.echo(
        f"control panel: kubectl{with_context} -n {name} port-forward deploy/cpanel-v1 8080, then localhost:8080"
    )
    typer.echo(f"end it with: goaround down --target cluster{with_context} --name {name}")


def status(
    name: Annotated[str | None, typer.Option("--name", help="One world; all if left out.")] = None,
    target: TargetName = LOCAL,
    context: Context = None,
) -> None:
    """Show the pods of the running worlds."""
    console, chosen = output(), choose(target, context, LocalTarget)

    async def ask() -> list[WorldStatus]:
        names = [name] if name else await chosen.worlds()
        return [await (await chosen.world(each)).status() for each in names]

    found = asyncio.run(ask())
    for each in found:
        console.print(pods_table(each))
    if not found:
        where = "" if target == LOCAL else f" --target {target}"
        console.print(f"no world is running; start one with: goaround up{where} --mode library")


def scale(
    deployment: Annotated[str, typer.Argument(help="A deployment, such as image-analysis.")],
    replicas: Annotated[int, typer.Argument(min=0)],
    name: Name = DEFAULT_WORLD,
    target: TargetName = LOCAL,
    context: Context = None,
) -> None:
    """Set the replicas of a deployment, and wait until they are ready."""
    chosen = choose(target, context, LocalTarget, say=_tell)

    async def run() -> WorldStatus:
        world = await chosen.world(name)
        await world.scale(deployment, replicas)
        return await world.status()

    output().print(pods_table(asyncio.run(run())))


def logs(
    pod: Annotated[str, typer.Argument(help="A pod of `goaround status`, such as collector-0.")],
    container: Annotated[str, typer.Option(help="app or proxy.")] = "app",
    name: Name = DEFAULT_WORLD,
    target: TargetName = LOCAL,
    context: Context = None,
) -> None:
    """Print what a container has logged."""
    typer.echo(asyncio.run(_logs(choose(target, context, LocalTarget), name, pod, container)), nl=False)


async def _logs(target: OperatedTarget, name: str, pod: str, container: str) -> str:
    world = await target.world(name)
    pods = {each.name: each for each in (await world.status()).pods}
    if pod not in pods:
        raise BadInput([f"no pod {pod!r} in world {name!r}; choose from: {', '.join(pods)}"])
    containers = ["app"] if pods[pod].proxy_admin is None else ["app", "proxy"]
    if container not in containers:
        raise BadInput([f"no container {container!r} in {pod}; choose from: {', '.join(containers)}"])
    return await world.log(pod, container)


def down(
    name: Annotated[
        str | None,
        typer.Option("--name", help="One world; all that stay if left out, which a cluster wants to be told."),
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(help="With --target cluster: what the bench of this run has left there, its Job and its worlds."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="With --target cluster: the worlds and the benches of everybody.")
    ] = False,
    target: TargetName = LOCAL,
    context: Context = None,
) -> None:
    """Drain and end worlds, and remove what they left behind.

    Worlds of a bench, a demonstration or a tutorial on this machine end with their command, also when it is killed:
    only --name ends one before.

    A cluster may be shared: say there which by --name, --run or --all.
    """
    problems = [f"--run {run!r}: is for --target {CLUSTER}; leave it out"] if run and target == LOCAL else []
    problems += [f"--all: is for --target {CLUSTER}; leave it out"] if everything and target == LOCAL else []
    given = [option for option, each in (("--name", name), ("--run", run), ("--all", everything)) if each]
    if len(given) > 1:
        problems.append(f"{' and '.join(given)}: give one of them")
    if target == CLUSTER and not given:
        problems.append(
            "say what is to end: --name NAME for a world, --run RUN for what a bench has made, or --all for the "
            "worlds and the benches of everybody"
        )
    if problems:
        raise BadInput(problems)
    console, chosen = output(), choose(target, context, LocalTarget, say=_tell)

    async def end() -> tuple[list[str], list[str]]:
        ended = await _end_runs(run, context) if target == CLUSTER and not name else []
        names = [name] if name else [] if run else await _staying(chosen)
        for each in names:
            await (await chosen.world(each)).down()
        return [*ended, *names], [] if given else await chosen.worlds()

    ended, others = asyncio.run(end())
    nothing = f"the run {run} has left nothing there" if run else "no world that stays is running"
    console.print(f"ended: {', '.join(ended)}" if ended else nothing)
    if others:
        console.print(f"left to the commands that run on them: {', '.join(others)}; --name ends one now")


async def _staying(target: OperatedTarget) -> list[str]:
    """Worlds that end by nothing but `down`: all of a cluster's, and here those that hang on no other command."""
    return await (target.staying() if isinstance(target, LocalTarget) else target.worlds())


async def _end_runs(run: str | None, context: str | None) -> list[str]:
    """Remove what one run's bench has made in a cluster, or everybody's; gives the namespaces."""
    # imported when first asked for, as in benchmarks.targets
    from k8s.cluster.api import Api
    from k8s.cluster.footprint import Footprint, runs

    api = Api(context)
    found = [run] if run else await asyncio.to_thread(runs, api)
    return [each for one in found for each in await Footprint(api, one, _tell).remove()]


def pods_table(status: WorldStatus) -> Table:
    """The pods of a world, application and proxy apart."""
    table = Table(
        title=f"world {status.name}, mode {status.mode}",
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("pod", no_wrap=True)
    table.add_column("ready", overflow="fold")
    for heading in ("restarts", "age", "app CPU", "app memory", "proxy CPU", "proxy memory"):
        table.add_column(heading, justify="right")
    table.add_column("entry", no_wrap=True)
    for pod in status.pods:
        used = (*_used(pod.app_usage), *_used(pod.proxy_usage))
        table.add_row(pod.name, _ready(pod), str(pod.restarts), f"{pod.age_s:.0f} s", *used, pod.entry)
    apps = [pod.app_usage for pod in status.pods]
    proxies = [pod.proxy_usage for pod in status.pods if pod.proxy_usage]
    if edge := status.gateway:
        used = (*_used(None), *_used(edge.usage))
        table.add_row(edge.name, _ready(edge), str(edge.restarts), f"{edge.age_s:.0f} s", *used, edge.http)
        proxies.append(edge.usage)
    table.add_section()
    table.add_row(
        "all", "", str(sum(pod.restarts for pod in status.pods)), "", *_used(_sum(apps)), *_used(_sum(proxies)), ""
    )
    table.caption = "\n".join(status.notes) or None
    return table


def _ready(one: Pod | Gateway) -> str:
    return "[green]yes[/green]" if one.ready else f"[red]no[/red]: {escape(one.reason)}"


def _used(usage: KindUsage | None) -> tuple[str, str]:
    if usage is None or usage == KindUsage():
        return "-", "-"
    memory = gib(usage.rss) if usage.rss >= 2**30 else f"{usage.rss / 2**20:.0f} MiB"
    return f"{usage.cpu_s:.1f} s", memory


def _sum(usages: list[KindUsage]) -> KindUsage:
    return KindUsage(cpu_s=sum(usage.cpu_s for usage in usages), rss=sum(usage.rss for usage in usages))
