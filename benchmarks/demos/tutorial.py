"""A document that shows demonstrations: the commands that it names, and what they printed, written anew."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.demos import DEMOS
from benchmarks.demos.demo import Demo
from benchmarks.errors import BadInput

FILE = Path(__file__).parents[2] / "docs" / "tutorial.md"
_BLOCK = re.compile(r"^```console\n\$ (?P<command>goaround demo [^\n]*)\n(?P<printed>.*?)^```$", re.M | re.S)
_COMMAND = re.compile(r"goaround demo (\S+)( --mode library)?")


@dataclass(frozen=True, slots=True)
class Shown:
    """A command that the document shows: the demonstration, whether it is the one in code, and what it printed then."""

    command: str
    demo: Demo
    in_library: bool
    printed: str


def shown(text: str, source: str = FILE.name) -> list[Shown]:
    """Find the commands that a document shows, in their order.

    Raises BadInput, with the line of each, for what is no demonstration; and where there is none at all.
    """
    found, wrong = [], []
    for block in _BLOCK.finditer(text):
        command = _COMMAND.fullmatch(block["command"])
        demo = DEMOS.get(command[1]) if command else None
        if command is None or demo is None:
            line = text.count("\n", 0, block.start("command")) + 1
            wrong.append(f"{source}:{line}: {block['command']}: must be `goaround demo NAME`, or that `--mode library`")
        else:
            found.append(Shown(block["command"], demo, bool(command[2]), block["printed"]))
    if wrong:
        raise BadInput(wrong)
    if not found:
        raise BadInput([f"{source}: shows no output of `goaround demo NAME` (a block that begins with ```console)"])
    return found


def rewritten(text: str, printed: Mapping[str, str]) -> str:
    """Put what commands printed in place of what stands in the document; all else of it stays."""

    def replaced(block: re.Match[str]) -> str:
        command = block["command"]
        return f"```console\n$ {command}\n{printed[command]}```" if command in printed else block[0]

    return _BLOCK.sub(replaced, text)
