"""Every demonstration, on one running mesh world; and each counterpart in the library, in a world of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from benchmarks.demos import DEMOS
from benchmarks.demos.airport import Airport
from benchmarks.demos.demo import Check, Demo
from benchmarks.demos.show import entered, in_library, mesh, on_mesh
from benchmarks.errors import BadInput
from k8s.local.target import LocalTarget

pytestmark = pytest.mark.asyncio(loop_scope="module")
# Without a policy the library has nothing to show that the mesh's world did not.
COUNTERPARTS = [demo for demo in DEMOS.values() if not isinstance(demo.library, str) and demo.library.objects]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def airport(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Airport]:
    world = await LocalTarget(tmp_path_factory.mktemp("demos")).up("demos", mesh(), attached=True, seed=1)
    try:
        async with entered(world, print) as airport:
            yield airport
    finally:
        await world.down()


def missed(checks: list[Check]) -> list[Check]:
    assert checks
    return [check for check in checks if not check.shown]


@pytest.mark.xdist_group("demos")
@pytest.mark.parametrize("demo", DEMOS.values(), ids=lambda demo: demo.name)
async def test_the_mesh_shows(demo: Demo, airport: Airport) -> None:
    assert not missed(await on_mesh(demo, airport))


@pytest.mark.xdist_group("demos-library")
@pytest.mark.parametrize("demo", COUNTERPARTS, ids=lambda demo: demo.name)
async def test_the_library_shows(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert not missed(await in_library(demo, LocalTarget(tmp_path_factory.mktemp("library")), print))


async def test_a_feature_that_the_library_has_not_is_refused_with_the_reason() -> None:
    with pytest.raises(BadInput, match="mtls has no counterpart in the library: identity belongs to the transport"):
        await in_library(DEMOS["mtls"], LocalTarget(), print)
