"""The command that makes the image of the services: image."""

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
    tag: Annotated[str, typer.Option(help="Its name; the manifests run the default.")] = images.TAG,
    base: Annotated[
        str | None, typer.Option(help="The image that it stands on: Python 3.11 or newer as `python3`, with venv.")
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help=f"{', '.join(images.ENGINES)}; the first that answers if left out.")
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Write it to this archive too, to load it into a cluster.")] = None,
) -> None:
    """Build the image of the services, for the cluster target."""
    chosen = images.choose(engine)
    images.build(chosen, tag, base, options or [])
    typer.echo(f"built {tag} with {chosen.name}")
    if save:
        images.save(chosen, tag, save)
        typer.echo(f"wrote {save}")
