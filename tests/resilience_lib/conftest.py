"""What tests ask for: an Envoy to compare the engine with, and both pipelines in turn for what they share."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.resilience_lib.both_sides import Envoy, running_envoy
from tests.resilience_lib.world import by_the_engine, pipeline


@pytest.fixture(scope="module")
def envoy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Envoy]:
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        try:
            yield runner.run(running_envoy(stack, runner, tmp_path_factory.mktemp("envoy")))
        finally:
            runner.run(stack.aclose())


@pytest.fixture(params=[pipeline, by_the_engine])
def make(request: pytest.FixtureRequest) -> Any:
    """Build one pipeline or the other from an EdgePolicy."""
    return request.param
