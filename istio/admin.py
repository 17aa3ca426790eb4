"""Envoy's administration port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

_TIMEOUT = aiohttp.ClientTimeout(total=5)
_WARMING = (".warming_clusters", ".total_listeners_warming")
_DISCOVERY = r"(\.version_text|\.update_rejected|\.warming_clusters|\.total_listeners_warming)$"


class Unreachable(ConnectionError):
    """No Envoy answers on this administration port."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """Versions taken, by subscription (``cluster_manager.cds.version_text``); refusals so far; resources warming."""

    versions: Mapping[str, str]
    rejections: int
    warming: int


class Admin:
    """Questions to one running Envoy."""

    def __init__(self, host: str, port: int):
        self._at = f"http://{host}:{port}"

    async def ready(self) -> bool:
        """Whether Envoy has all its first configuration; False too when nobody answers."""
        try:
            status, _ = await self._get("/ready")
        except Unreachable:
            return False
        return status == 200

    async def stats(self) -> dict[str, int]:
        """Every counter and gauge that was ever touched, by its flat name."""
        _, text = await self._get("/stats", usedonly="", histogram_buckets="none")
        return parse_stats(text)

    async def discovery(self) -> Discovery:
        """Say what Envoy has taken of its configuration.

        Raises:
            Unreachable: nobody answers.

        """
        _, text = await self._get("/stats", filter=_DISCOVERY)
        numbers = parse_stats(text)
        texts = (line.rpartition(": ") for line in text.splitlines())
        return Discovery(
            versions={name: value.strip('"') for name, _, value in texts if name.endswith(".version_text")},
            rejections=sum(value for name, value in numbers.items() if name.endswith(".update_rejected")),
            warming=sum(value for name, value in numbers.items() if name.endswith(_WARMING)),
        )

    async def _get(self, path: str, **query: str) -> tuple[int, str]:
        try:
            async with (
                aiohttp.ClientSession(timeout=_TIMEOUT) as session,
                session.get(self._at + path, params=query) as answer,
            ):
                return answer.status, await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(f"no Envoy answers at {self._at}: {error}") from error


def parse_stats(text: str) -> dict[str, int]:
    """``name: 3`` lines -> numbers; texts and histograms are left out."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        name, _, value = line.rpartition(": ")
        if value.isdecimal():
            found[name] = int(value)
    return found
