"""The commands that break a running world: fault list, inject, clear."""

from __future__ import annotations

import asyncio
import inspect
import json
import time
from collections.abc import Sequence
from itertools import count
from typing import Annotated, Any, get_args

import aiohttp
import typer
import yaml
from pydantic import TypeAdapter, ValidationError
from rich import box
from rich.table import Table

from benchmarks.console import console as output
from benchmarks.errors import UNPROVEN, BadInput
from benchmarks.faults import AnyFault, Fault, Proof, Service, Site, Spec, as_victims, victims
from benchmarks.faults.sweep import Stale, active, sweep
from benchmarks.problems import explain
from benchmarks.targets import CLUSTER, LOCAL, Context, TargetName, options, reached
from benchmarks.world_cli import DEFAULT_WORLD, Name
from k8s.cluster.abilities import ABSENT
from k8s.target import World

ANSWER_S = 10.0
# Longer than a service takes to start again, shorter than a person's patience.
PROOF_S = 5.0
KINDS: dict[str, type[Spec]] = {
    get_args(kind.model_fields["kind"].annotation)[0]: kind for kind in get_args(get_args(AnyFault)[0])
}
LASTING_S = 3600.0


def _teach() -> str:
    """Every kind with its fields and what it does, as the help of `inject` shows them."""
    return "\n\n".join(f"{name} {_own(kind)}: {inspect.getdoc(kind)}" for name, kind in sorted(KINDS.items()))


def _own(kind: type[Spec]) -> str:
    own = [
        name if field.is_required() else f"{name}={field.default}"
        for name, field in kind.model_fields.items()
        if name not in {"kind", *Spec.model_fields} and field.default is not None
    ]
    return " ".join(own)


fault = typer.Typer(
    name="fault", help="Break a running world on purpose, see what is broken, and mend it.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.add_typer(fault)


@fault.command(name="list")
def list_(name: Name = DEFAULT_WORLD, target: TargetName = LOCAL, context: Context = None) -> None:
    """Show the faults that are active in a running world, and when each ends by itself."""
    found = _run(name, active, target, context)
    if found:
        output().print(_table(found))
    else:
        typer.echo(f"no fault is active in world {name}; `goaround fault inject --help` lists the kinds")


@fault.command(epilog=_teach())
def inject(
    kind: Annotated[str, typer.Argument(help=", ".join(sorted(KINDS)))],
    service: Annotated[str, typer.Argument(help="The service whose replicas are the victims.")],
    fields: Annotated[
        list[str] | None, typer.Argument(metavar="[FIELD=VALUE]...", help="The kind's own fields, such as rate=0.3.")
    ] = None,
    replicas: Annotated[str, typer.Option(help="How many replicas, drawn by the seed, or all.")] = "1",
    ttl: Annotated[float, typer.Option(min=0.1, max=LASTING_S, help="Seconds after which it ends by itself.")] = 60.0,
    seed: Annotated[int, typer.Option(min=0, help="Decides which replicas, and which calls.")] = 1,
    name: Name = DEFAULT_WORLD,
    target: TargetName = LOCAL,
    context: Context = None,
) -> None:
    """Inject a fault into a running world, and prove that it acts.

    What is proven by the application's own calls, or by a restart that is yet to come, is said to be awaited.

    Exit code 1: a victim was not seen to suffer from it.

    It outlives this command, and ends by itself after --ttl seconds, or with `goaround fault clear`:

    goaround fault inject abort image-analysis rate=0.3 --replicas all --ttl 120
    """
    spec = _spec(kind, service, replicas, fields or [], ttl)
    if target == CLUSTER and (absent := sorted(spec.needs & ABSENT.keys())):
        raise BadInput([f"{kind}: not on a cluster: {ABSENT[one]}" for one in absent])

    async def strike(world: World, http: aiohttp.ClientSession) -> Proof:
        pods = (await world.status()).pods
        there = as_victims((pod for pod in pods if pod.service == spec.service), spec.version)
        if not there:
            raise BadInput([f"service: {spec.service} has no replica that could be struck"])
        try:
            struck = victims(there, spec.replicas, seed)
        except ValueError as error:
            raise BadInput([str(error)]) from error
        taken = {one.id for one in await active(world, http)}
        free = next(one for one in (f"{kind}-{n}" for n in count(1)) if one not in taken)
        made: Fault = spec.at(Site(world, http, struck, free, seed, ttl))
        try:
            await made.inject()
            return await _proof(made)
        except BaseException:
            await made.remove()
            raise

    proof = _run(name, strike, target, context)
    unseen = f"set; {spec.awaited} will prove it" if spec.awaited else "set, and not seen to act"
    for pod, times in proof.fired.items():
        typer.echo(f"{kind} on {pod}: {'proven' if times else unseen}; ends by itself within {ttl:g} s")
    typer.echo(f"end it now with: goaround fault clear --name {name}{options(target, context)}")
    if not spec.awaited and not all(proof.fired.values()):
        raise typer.Exit(UNPROVEN)


@fault.command()
def clear(name: Name = DEFAULT_WORLD, target: TargetName = LOCAL, context: Context = None) -> None:
    """End every fault of a running world, and see that they are gone."""
    ended = _run(name, sweep, target, context)
    for one in ended:
        typer.echo(f"{one.kind} {one.id} on {one.pod}: ended")
    typer.echo(f"no fault is active in world {name}")


async def _proof(made: Fault) -> Proof:
    """The first proof that every victim was struck; after PROOF_S seconds, what there is."""
    deadline = time.monotonic() + PROOF_S
    while True:
        proof = await made.proof()
        if all(proof.fired.values()) or time.monotonic() > deadline:
            return proof
        await asyncio.sleep(0.05)


def _spec(kind: str, service: str, replicas: str, fields: Sequence[str], ttl: float) -> Any:
    """The fault as it would stand in a scenario. Raises BadInput with all that is wrong."""
    problems = []
    if service not in get_args(Service):
        problems.append(f"service: no service {service!r}; choose from: {', '.join(get_args(Service))}")
    if kind not in KINDS:
        problems.append(f"no fault {kind!r}; choose from: {', '.join(sorted(KINDS))}")
    own: dict[str, Any] = {}
    for each in fields:
        key, equals, value = each.partition("=")
        if not equals or not key:
            problems.append(f"{each!r}: write a field as NAME=VALUE, such as rate=0.3")
        else:
            try:
                own[key] = json.loads(json.dumps(yaml.safe_load(value), default=str))
            except (yaml.YAMLError, ValueError, TypeError, RecursionError):
                problems.append(f"{key}: {value!r} cannot be read; write a number or a text, such as rate=0.3")
    if problems:
        raise BadInput(problems)
    number = int(replicas) if replicas.isdecimal() else replicas
    document = {**own, "kind": kind, "service": service, "replicas": number}
    model = KINDS[kind]
    try:
        spec = TypeAdapter(model).validate_json(json.dumps(document))
    except ValidationError as error:
        raise BadInput(explain(error, model, document)) from None
    if wrong := list(spec.problems(ttl)):
        raise BadInput(wrong)
    return spec


def _run(name: str, what: Any, target: str, context: str | None) -> Any:
    async def run() -> Any:
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        async with (
            reached(name, target, context) as world,
            aiohttp.ClientSession(timeout=timeout, headers=world.headers) as http,
        ):
            return await what(world, http)

    return asyncio.run(run())


def _table(found: Sequence[Stale]) -> Table:
    table = Table("pod", "fault", "kind", "fields", "has acted", "ends in", box=box.SIMPLE_HEAD)
    for one in found:
        fields = " ".join(f"{name}={value}" for name, value in one.told.items())
        ends = "its ttl" if one.expires_in_s is None else f"{one.expires_in_s:.0f} s"
        acted = "-" if one.fired is None else str(one.fired)
        table.add_row(one.pod, one.id, one.kind, fields, acted, ends)
    return table
