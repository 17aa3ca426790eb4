"""Every demonstration, on one running mesh world; and each counterpart in the library, in a world of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from functools import partial
from io import StringIO

import pytest
import pytest_asyncio
from rich.console import Console

from benchmarks.console import FILE_WIDTH
from benchmarks.demos import DEMOS, transcript, tutorial
from benchmarks.demos.airport import Airport
from benchmarks.demos.demo import Check, Demo
from benchmarks.demos.show import entered, in_library, mesh, on_mesh
from benchmarks.demos.stage import local
from benchmarks.errors import BadInput
from k8s.local.target import LocalTarget

pytestmark = pytest.mark.asyncio(loop_scope="module")
# Without a policy the library has nothing to show that the mesh's world did not.
COUNTERPARTS = [demo for demo in DEMOS.values() if not isinstance(demo.library, str) and demo.library.objects]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def airport(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Airport]:
    world = await LocalTarget(tmp_path_factory.mktemp("demos")).up("demos", mesh(), attached=True, seed=1)
    try:
        async with entered(await local(world), print) as airport:
            yield airport
    finally:
        await world.down()


DOCUMENTED = {one.command: one.printed for one in tutorial.shown(tutorial.FILE.read_text())}
"""What the tutorial says that a command prints."""


async def shown(demo: Demo, console: Console, checks: Awaitable[list[Check]]) -> str:
    """Return what is printed of a demonstration that shows."""
    transcript.title(demo, console)
    found = await checks
    assert [check for check in found if not check.shown] == []
    assert transcript.outcome(demo, found, 1.0, console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.mark.timeout(300)  # health-checks waits for probes and for three rollouts
@pytest.mark.xdist_group("demos")
@pytest.mark.parametrize("demo", DEMOS.values(), ids=lambda demo: demo.name)
async def test_the_mesh_shows(demo: Demo, airport: Airport) -> None:
    console = Console(file=StringIO(), width=FILE_WIDTH, highlight=False)
    airport.say = partial(transcript.say, console)
    printed = await shown(demo, console, on_mesh(demo, airport))
    as_documented = DOCUMENTED.get(f"goaround demo {demo.name}")
    assert as_documented is not None, "the tutorial leaves it out"
    assert transcript.normal(printed) == transcript.normal(as_documented)


@pytest.mark.xdist_group("demos-library")
@pytest.mark.parametrize("demo", COUNTERPARTS, ids=lambda demo: demo.name)
async def test_the_library_shows(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> None:
    console = Console(file=StringIO(), width=FILE_WIDTH, highlight=False)
    target = LocalTarget(tmp_path_factory.mktemp("library"))
    printed = await shown(demo, console, in_library(demo, target, partial(transcript.say, console)))
    as_documented = DOCUMENTED.get(f"goaround demo {demo.name} --mode library")
    assert as_documented is None or transcript.normal(printed) == transcript.normal(as_documented)


async def test_a_feature_that_the_library_has_not_is_refused_with_the_reason() -> None:
    with pytest.raises(BadInput, match="mtls has no counterpart in the library: identity belongs to the transport"):
        await in_library(DEMOS["mtls"], LocalTarget(), print)
