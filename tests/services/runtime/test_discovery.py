"""One address for each new connection, from a file that changes under way, or from DNS."""

import json
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from aiohttp.resolver import DefaultResolver

from services.runtime.discovery import DnsResolver, FileResolver
from tests.services.runtime.scripted import CALLEE, write, write_discovery

A, B, C = ("127.0.0.1", 20011), ("127.0.0.1", 20012), ("127.0.0.1", 20013)


async def address(resolver: FileResolver, name: str = CALLEE, port: int = 8080) -> tuple[str, int]:
    found = await resolver.resolve(name, port)
    assert len(found) == 1
    return found[0]["host"], found[0]["port"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "discovery.json"


async def test_replicas_are_drawn_evenly_and_as_the_seed_has_it(path: Path) -> None:
    write_discovery(path, [A, B, C])
    draws = [
        [await address(resolver) for _ in range(600)] for resolver in (FileResolver(path, Random(5)) for _ in "12")
    ]
    assert draws[0] == draws[1]
    assert all(150 < n < 250 for n in Counter(draws[0]).values())
    assert {*draws[0]} == {A, B, C}


async def test_a_replaced_file_counts_from_the_next_connection_on(path: Path) -> None:
    write_discovery(path, [A])
    resolver = FileResolver(path, Random(0))
    assert await address(resolver) == A
    write_discovery(path, [B])
    assert await address(resolver) == B


async def test_the_file_is_parsed_only_when_it_has_changed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_discovery(path, [A])
    resolver = FileResolver(path, Random(0))
    await address(resolver)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("read again"))
    assert await address(resolver) == A


async def test_a_proxy_for_the_port_takes_every_connection(path: Path) -> None:
    write_discovery(path, [A, B], proxy=C)
    resolver = FileResolver(path, Random(0))
    assert {await address(resolver, name) for name in (CALLEE, "momentum")} == {C}
    with pytest.raises(ConnectionRefusedError, match="no replica of image-analysis:9999"):
        await resolver.resolve(CALLEE, 9999)


@pytest.mark.parametrize("data", [{"services": {f"{CALLEE}:8080": []}}, {"services": {}}, {}])
async def test_no_replica_is_a_refused_connection(path: Path, data: dict[str, object]) -> None:
    write(path, json.dumps(data))
    with pytest.raises(ConnectionRefusedError, match=f"no replica of {CALLEE}:8080"):
        await FileResolver(path, Random(0)).resolve(CALLEE, 8080)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"services": []}', '{"services": {"a:1": [7]}}', '{"proxy": {"8080": ["h"]}}', '{"proxy": 1}']
)
async def test_a_bad_file_is_an_os_error_that_names_it(path: Path, text: str) -> None:
    write(path, text)
    with pytest.raises(OSError, match=f"DISCOVERY_FILE {path}: not a discovery file"):
        await FileResolver(path, Random(0)).resolve(CALLEE, 8080)


async def test_a_missing_file_is_an_os_error(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await FileResolver(path, Random(0)).resolve(CALLEE, 8080)


async def test_several_addresses_from_dns_are_cut_to_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    async def two(*_: object) -> list[dict[str, object]]:
        return [{"host": "127.0.0.1"}, {"host": "127.0.0.2"}]

    monkeypatch.setattr(DefaultResolver, "resolve", two)
    resolver = DnsResolver()
    assert [found["host"] for found in await resolver.resolve(CALLEE, 8080)] == ["127.0.0.1"]
    await resolver.close()
