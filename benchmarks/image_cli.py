"""The command that makes the images for a cluster: image."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from k8s import image as images


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(image)


def image(
    options: Annotated[
        list[str] | None, typer.Argument(metavar="[-- OPTION...]", help="Given to the engine's build as they are.")
    ] = None,
    tag: Annotated[
        str,
        typer.Option(
            help="Of the services; the manifests run the default. The harness's has -bench behind its name: "
            f"{images.bench_of(images.TAG)}."
        ),
    ] = images.TAG,
    base: Annotated[
        str | None, typer.Option(help="The image that both stand on: Python 3.11 or newer as `python3`, with venv.")
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help=f"{', '.join(images.ENGINES)}; the first that answers if left out.")
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            help="Write them to archives too, to load both into a cluster: the services' to this file, the harness's "
            "beside it with -bench in its name (goaround.tar and goaround-bench.tar)."
        ),
    ] = None,
) -> None:
    """Build the images for the cluster target: of the services, and of the harness that benches them there."""
    chosen = images.choose(engine)
    made = {
        tag: (images.DOCKERFILE, save),
        images.bench_of(tag): (images.BENCH_DOCKERFILE, save and images.bench_file(save)),
    }
    for _, file in made.values():
        if file:
            images.require_free(file)
    for name, (dockerfile, file) in made.items():
        images.build(chosen, name, base, options or [], dockerfile)
        typer.echo(f"built {name} with {chosen.name}")
        if file:
            images.save(chosen, name, file)
            typer.echo(f"wrote {file}")
