"""An Envoy for the tests of a module that compare the engine with it."""

import asyncio
import contextlib
from collections.abc import Iterator

import pytest

from tests.resilience_lib.both_sides import Envoy, running_envoy


@pytest.fixture(scope="module")
def envoy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Envoy]:
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        try:
            yield runner.run(running_envoy(stack, runner, tmp_path_factory.mktemp("envoy")))
        finally:
            runner.run(stack.aclose())
