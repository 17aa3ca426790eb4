"""The commands of the mesh alone: whether Istio would take objects, and what Envoy would be told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from benchmarks import parity_cli
from benchmarks.errors import BadInput
from istio.compile import ProxyConfig, compile_proxy
from istio.compile.versions import NEWEST, VERSIONS, UnknownVersion, as_of
from istio.library import objects_of
from istio.objects import Document, Fault, Objects, Refused, parse
from istio.objects.document import files_in, read_files
from istio.registry import Proxy, Registry
from resilience_lib import EdgePolicy, EndpointPolicy, PolicyError

REFUSED = 1
Files = Annotated[
    list[Path], typer.Option("-f", "--filename", help="A YAML file, or a folder of them. Repeat for several.")
]

mesh = typer.Typer(name="mesh", help="Check Istio objects, and show what Envoy is told.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    mesh.command(name="parity")(parity_cli.command)
    app.add_typer(mesh)


@mesh.command()
def validate(filename: Files) -> None:
    """Say of every Istio object whether istiod would take it; exit code 1 when one is refused."""
    documents: list[Document] = []
    faults: list[Fault] = []
    for path in _files(filename):
        try:
            documents += read_files([path])
        except Refused as refused:
            faults += refused.errors
    istio, others, unknown = _sorted(documents)
    try:
        objects = parse(istio)
    except Refused as refused:
        faults += refused.errors
        objects = Objects()
    _warn(objects)
    for fault in (*faults, *unknown):
        typer.echo(f"error: {fault}", err=True)
    if faults or unknown:
        raise typer.Exit(REFUSED)
    typer.echo(f"{len(istio)} Istio objects are valid; {len(others)} others were not looked at")


@mesh.command()
def config(
    filename: Files,
    proxy: Annotated[list[str], typer.Option(metavar="POD.NAMESPACE", help="Whose Envoy. Repeat for several.")],
    host: Annotated[
        list[str] | None, typer.Option(help="Only what leads to this service, by its short or full name.")
    ] = None,
    listeners: Annotated[bool, typer.Option(help="Listeners too, or what they lead to alone.")] = True,
    version: Annotated[str, typer.Option("--istio-version", help=f"Whose defaults: {', '.join(VERSIONS)}.")] = NEWEST,
    mtls: Annotated[bool, typer.Option(help="Mutual TLS, as Istio has it; or none in the whole mesh.")] = True,
) -> None:
    """Print the Envoy configuration of pods, for files that hold Kubernetes and Istio objects together."""
    istio, others, unknown = _sorted(read_files(_files(filename)))
    if unknown:
        raise Refused(unknown)
    objects = parse(istio)
    registry = Registry.from_kubernetes(others)
    proxies = {name: _proxy(registry, name) for name in proxy}
    _warn(objects)
    try:
        made = {name: as_of(compile_proxy(registry, objects, one, mtls=mtls), version) for name, one in proxies.items()}
    except UnknownVersion as error:
        raise BadInput([f"--istio-version: {error}"]) from None
    shown = {name: _narrowed(one, host or ()) for name, one in made.items()}
    for one in shown.values() if not listeners else ():
        one["listeners"] = {}
    typer.echo(json.dumps(shown, indent=2, sort_keys=True))


@mesh.command()
def translate(
    file: Annotated[Path, typer.Argument(help="A library's policies by callee, as POLICIES_FILE holds them.")],
    endpoints: Annotated[bool, typer.Option(help="They are of a client that sees every replica.")] = False,
    namespace: Annotated[str, typer.Option(help="Of the services, and of the objects that are made.")] = "airport",
) -> None:
    """Print a library's policies as Istio objects; what the mesh does not do of them is told on stderr."""
    made, left = objects_of(_policies(file, EndpointPolicy if endpoints else EdgePolicy), namespace)
    for one in left:
        typer.echo(f"warning: {one.object}: {one.path}: {one.why}", err=True)
    typer.echo(yaml.safe_dump_all(made.to_data(), sort_keys=False), nl=False)


def _policies(file: Path, kind: type[EdgePolicy] | type[EndpointPolicy]) -> dict[str, EdgePolicy | EndpointPolicy]:
    try:
        data = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise BadInput([f"{file}: must be a file with JSON: {error}"]) from None
    if not isinstance(data, dict):
        raise BadInput([f"{file}: must be an object of policies by callee"])
    policies: dict[str, EdgePolicy | EndpointPolicy] = {}
    errors: list[str] = []
    for callee, part in data.items():
        try:
            policies[callee] = kind.from_json(part)
        except PolicyError as error:
            errors += [f"{file}: {callee}.{sentence}" for sentence in error.errors]
    if errors:
        raise BadInput(errors)
    return policies


def _files(given: Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    for path in given:
        inside = files_in(path) if path.is_dir() else [path]
        if not inside:
            raise BadInput([f"{path}: holds no *.yaml"])
        files += inside
    return files


def _sorted(documents: Sequence[Document]) -> tuple[list[Document], list[Document], list[Fault]]:
    """Return Istio's objects, Kubernetes' own, and a fault for each that says neither whose nor what it is."""
    istio: list[Document] = []
    others: list[Document] = []
    unknown: list[Fault] = []
    for one in documents:
        missing = [field for field in ("apiVersion", "kind") if not isinstance(one.data.get(field), str)]
        unknown += [one.fault((field,), "is missing; it is required") for field in missing]
        if not missing:
            (istio if one.is_istio else others).append(one)
    return istio, others, unknown


def _warn(objects: Objects) -> None:
    for warning in objects.warnings:
        typer.echo(f"warning: {warning}", err=True)


def _proxy(registry: Registry, name: str) -> Proxy:
    pod, dot, namespace = name.rpartition(".")
    if not dot:
        raise BadInput([f"--proxy {name}: must be POD.NAMESPACE, such as collector-0.airport"])
    try:
        return registry.proxy(pod, namespace)
    except KeyError as error:
        raise BadInput([f"--proxy {name}: {error.args[0]}"]) from None


def _narrowed(config: ProxyConfig, hosts: Sequence[str]) -> dict[str, Any]:
    """Leave out clusters, endpoints and virtual hosts that lead to other services."""
    shown = asdict(config)
    if not hosts:
        return shown

    def is_wanted(name: str) -> bool:
        return name in hosts or name.partition(".")[0] in hosts

    for kind in ("clusters", "endpoints"):
        shown[kind] = {
            name: one
            for name, one in shown[kind].items()
            if not name.startswith("outbound|") or is_wanted(name.rpartition("|")[2])
        }
    for one in shown["routes"].values():
        # A gateway's hosts are those of the world outside, not of services.
        if not one["name"].startswith(("http.", "https.")):
            one["virtual_hosts"] = [each for each in one["virtual_hosts"] if is_wanted(each["name"].rpartition(":")[0])]
    return shown
