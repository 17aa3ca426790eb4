"""The generator's handle for asyncio: starts the process, hands it runs, and never outlives or loses it in silence.

Nothing here imports gevent or Locust: they would replace the standard library of the process that measures.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, Self, cast

from loadtests.audit import Audit
from loadtests.run import Progress, RunSpec

__all__ = ["Audit", "Generator", "GeneratorError", "Player", "Progress", "RunRefusedError", "RunSpec"]

END_S = 5.0
LAST_LINES = 20


class GeneratorError(RuntimeError):
    """The generator is not there any more; the text has its exit code and its last lines on stderr."""


class RunRefusedError(ValueError):
    """The generator cannot play this run, and says why; it takes the next one all the same."""


class Player(Protocol):
    """Plays one run at a time: a Generator, or who stands in for it."""

    async def run(self, spec: RunSpec, on_progress: Callable[[Progress], None] | None = None) -> Audit:
        """Play one run and return its audit; its rows are then complete in `spec.rows`."""


class Generator:
    """One generator process. Use it from one event loop, one run at a time, as `async with await Generator.start()`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        # there are streams: `start` asked for the three pipes
        self._stdin = cast(asyncio.StreamWriter, process.stdin)
        self._stdout = cast(asyncio.StreamReader, process.stdout)
        self._stderr = cast(asyncio.StreamReader, process.stderr)
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._listening = asyncio.create_task(self._listen())
        self._ended = False

    @classmethod
    async def start(cls) -> Self:
        """Start the process and wait (about half a second) until it can take a run without being late for it.

        Raises GeneratorError with its reason when it does not get that far.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "loadtests.generator"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # Ctrl-C in a terminal reaches a whole process group: the parent decides when the generator ends
            start_new_session=True,
        )
        generator = cls(process)
        try:
            await generator._answer()
        except BaseException:
            await generator.close()
            raise
        return generator

    @property
    def pid(self) -> int:
        """The process's id, for those who account for its CPU and memory."""
        return self._process.pid

    async def run(self, spec: RunSpec, on_progress: Callable[[Progress], None] | None = None) -> Audit:
        """Play one run and return its audit; its rows are then complete in `spec.rows`.

        `on_progress` is called about twice a second. A run that is cancelled ends the generator, which keeps the rows
        made so far. Raises RunRefusedError (the run cannot be played) and GeneratorError (the process is gone).
        """
        if self._ended:
            raise GeneratorError("the generator was ended: start another")
        try:
            await self._ask(spec)
            while True:
                match await self._answer():
                    case {"done": report}:
                        return Audit(**report)
                    case {"error": reason}:
                        raise RunRefusedError(reason)
                    case {"progress": progress} if on_progress:
                        on_progress(progress)
        except RunRefusedError:
            raise
        except BaseException:
            self._end()
            raise

    def interrupt(self) -> None:
        """End the run in hand early: `run` returns its audit, which says so, and then the process ends."""
        self._ended = True
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)

    async def close(self) -> None:
        """End the process: it has END_S to keep the rows of a run in hand, then it is killed."""
        self._end()
        try:
            await asyncio.wait_for(self._process.wait(), END_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._listening

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _end(self) -> None:
        self._ended = True
        self._stdin.close()

    async def _ask(self, spec: RunSpec) -> None:
        try:
            self._stdin.write(spec.model_dump_json().encode() + b"\n")
            await self._stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            raise await self._gone() from None

    async def _answer(self) -> dict[str, Any]:
        line = await self._stdout.readline()
        if not line:
            raise await self._gone()
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def _gone(self) -> GeneratorError:
        code = await self._process.wait()
        await self._listening
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        said = "\n".join(self._last) or "nothing"
        return GeneratorError(f"the load generator has ended ({how}); its last words were:\n{said}")

    async def _listen(self) -> None:
        """Keep stderr flowing, so that a full pipe cannot stall the generator."""
        async for line in self._stderr:
            self._last.append(line.decode(errors="replace").rstrip())
