"""The command that writes the outputs of docs/tutorial.md anew, from real runs of the demonstrations that it shows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import signals
from benchmarks.console import FILE_WIDTH
from benchmarks.console import console as output
from benchmarks.demo_cli import NOT_SHOWN, each
from benchmarks.demos import transcript
from benchmarks.demos import tutorial as document
from benchmarks.demos.show import entered, in_library, mesh, on_mesh
from benchmarks.demos.stage import local
from benchmarks.demos.tutorial import Shown
from benchmarks.errors import BadInput
from benchmarks.storage import write_whole
from k8s.local.target import LocalTarget


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(tutorial)


def tutorial(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A document that shows demonstrations.")] = document.FILE,
) -> None:
    """Run every demonstration that a document shows, and write what each printed in place of what stands there.

    Those on the mesh share a world of their own. Exit code 1: something did not show; then nothing is written.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput([f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}"]) from None
    shown, console = document.shown(text, str(file)), output()
    printed: dict[str, str] = {}
    if missed := signals.run(_run(shown, printed, console)):
        console.print(f"not shown: {', '.join(missed)}; {file} is as it was", style="bold red", soft_wrap=True)
        raise typer.Exit(NOT_SHOWN)
    write_whole(file, document.rewritten(text, printed).encode())
    console.print(f"{file}: {len(printed)} outputs written anew", soft_wrap=True)


async def _run(shown: Sequence[Shown], printed: dict[str, str], console: Console) -> list[str]:
    """Fill `printed` by command; returns the commands that did not show."""
    target, missed = LocalTarget(), []
    world = await target.up(f"tutorial-{os.getpid()}", mesh(), attached=True, seed=1)
    try:
        async with entered(await local(world), print) as airport:
            for one in shown:
                text = StringIO()
                page = Console(file=text, width=FILE_WIDTH, highlight=False, no_color=True)
                airport.say = partial(transcript.say, page)
                in_code = partial(in_library, target=target, say=airport.say)
                in_mesh = partial(on_mesh, airport=airport)
                failed = await each([one.demo], page, in_code if one.in_library else in_mesh)
                printed[one.command] = transcript.page(text.getvalue())
                console.print(f"{one.command}: {'NOT SHOWN' if failed else 'shown'}", highlight=False)
                if failed:
                    console.print(text.getvalue(), highlight=False, markup=False)
                    missed.append(one.command)
    finally:
        await world.down()
    return missed
