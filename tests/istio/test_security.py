"""Two real sidecars: who they say they are, whom they believe, and that a new certificate costs nothing."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests.istio.pair import CLUSTER, Pair, running_pair
from tests.istio.running import eventually

CALLER = "URI=spiffe://cluster.local/ns/airport/sa/collector"
CALLEE = "By=spiffe://cluster.local/ns/airport/sa/alerts"
ONE_REQUEST_PER_CONNECTION = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: alerts, namespace: airport}
spec: {host: alerts, trafficPolicy: {connectionPool: {http: {maxRequestsPerConnection: 1}}}}
"""


def mode(name: str) -> str:
    return f"""
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: default, namespace: airport}}
spec: {{mtls: {{mode: {name}}}}}
"""


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def counter(pair: Pair, name: str) -> int:
    return sum(value for key, value in (await pair.callee.stats()).items() if key.endswith(name))


async def test_permissive_takes_both_and_sidecars_prove_who_they_are(tmp_path: Path) -> None:
    async with running_pair(tmp_path) as pair:
        assert await pair.call() == 200
        assert await pair.handshakes() == 1
        assert await pair.call_in_plaintext() == 200
        proven, plain = pair.seen
        assert proven is not None
        assert CALLER in proven
        assert CALLEE in proven
        assert plain is None


async def test_strict_refuses_plaintext_and_takes_a_sidecar(tmp_path: Path) -> None:
    async with running_pair(tmp_path, mode("STRICT")) as pair:
        with pytest.raises(aiohttp.ClientConnectionError):
            await pair.call_in_plaintext()
        assert pair.seen == []
        assert await pair.call() == 200
        assert CALLER in str(pair.seen[0])


async def test_disable_speaks_plaintext_between_sidecars(tmp_path: Path) -> None:
    async with running_pair(tmp_path, mode("DISABLE")) as pair:
        assert await pair.call() == 200
        assert await pair.call_in_plaintext() == 200
        assert pair.seen == [None, None]
        assert await pair.handshakes() == 0


async def test_a_mode_acts_as_soon_as_it_is_applied(tmp_path: Path) -> None:
    async with running_pair(tmp_path) as pair:
        assert await pair.call_in_plaintext() == 200
        await pair.apply(mode("STRICT"))
        with pytest.raises(aiohttp.ClientConnectionError):
            await pair.call_in_plaintext()
        assert await pair.call() == 200
        await pair.apply(mode("DISABLE"))
        assert await pair.call_in_plaintext() == 200
        assert await pair.call() == 200


async def test_a_callee_with_another_identity_gets_no_request(tmp_path: Path) -> None:
    async with running_pair(tmp_path, callee_account="intruder") as pair:
        assert await pair.call() == 503
        assert pair.seen == []
        assert (await pair.caller.stats())[f"{CLUSTER}.ssl.fail_verify_san"] > 0


async def test_a_caller_with_a_forged_certificate_is_refused(tmp_path: Path) -> None:
    async with running_pair(tmp_path, mode("STRICT"), forged=True) as pair:
        assert await pair.call() == 503
        assert pair.seen == []

        async def refused() -> bool:
            return await counter(pair, ".ssl.fail_verify_error") > 0

        await eventually(refused)


async def test_certificates_rotate_under_load_without_a_failed_request(tmp_path: Path) -> None:
    async with running_pair(tmp_path, mode("STRICT") + "---" + ONE_REQUEST_PER_CONNECTION) as pair:
        statuses = [await pair.call()]
        done = asyncio.Event()

        async def load() -> None:
            while not done.is_set():
                statuses.append(await pair.call())

        callers = [asyncio.create_task(load()) for _ in range(2)]
        for _ in range(10):
            before = len(statuses)
            await asyncio.gather(pair.caller.rotate(), pair.callee.rotate())

            async def went_on(before: int = before) -> bool:
                return len(statuses) > before + 4

            await eventually(went_on)
        done.set()
        await asyncio.gather(*callers)
        assert set(statuses) == {200}
        # Every request shook hands anew, so each rotation shows in the certificates that the callee saw.
        assert len(set(pair.seen)) == 11


async def test_an_expired_certificate_is_met_by_new_connections_only_and_is_over_when_it_is_renewed(
    tmp_path: Path,
) -> None:
    async with running_pair(tmp_path) as pair:
        assert await pair.call() == 200
        await pair.callee.rotate(expired=True)
        assert await pair.call() == 200
        await pair.caller.reset()
        assert await pair.call() == 503
        assert await counter(pair, ".ssl.connection_error") > 0
        await pair.callee.rotate()
        assert await pair.call() == 200


async def test_rotating_what_is_never_used_changes_nothing(tmp_path: Path) -> None:
    async with running_pair(tmp_path, mode("DISABLE")) as pair:
        await pair.caller.rotate()
        assert await pair.call() == 200


async def test_no_key_is_ever_written_to_a_file_or_shown(tmp_path: Path) -> None:
    async with running_pair(tmp_path, mode("STRICT")) as pair:
        assert await pair.call() == 200
        written = await asyncio.to_thread(contents, tmp_path)
        assert written
        assert not [path for path, content in written.items() if b"PRIVATE KEY" in content]
        async with pair.http.get(f"{pair.caller._admin._at}/config_dump?include_eds") as answer:
            shown = await answer.text()
        assert "BEGIN CERTIFICATE" in shown or "Q0VSVElGSUNBVEU" in shown
        assert "PRIVATE" not in shown


def authorization(action: str, rule: str) -> str:
    return f"""
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: one, namespace: airport}}
spec: {{selector: {{matchLabels: {{app: alerts}}}}, action: {action}, rules: [{rule}]}}
"""


async def test_a_policy_lets_in_whom_it_names_by_certificate_and_nobody_else(tmp_path: Path) -> None:
    collector = "{from: [{source: {principals: [cluster.local/ns/airport/sa/collector]}}]}"
    async with running_pair(tmp_path, authorization("ALLOW", collector)) as pair:
        assert await pair.call() == 200
        assert await pair.call_in_plaintext() == 403
        await pair.apply(authorization("ALLOW", collector.replace("collector", "cpanel")))
        await within_two_calls(pair, 403)
        await pair.apply("")
        assert await pair.call_in_plaintext() == 200


async def test_a_policy_of_a_port_acts_on_the_port_of_the_workload(tmp_path: Path) -> None:
    async with running_pair(tmp_path, authorization("DENY", "{to: [{operation: {ports: ['8080']}}]}")) as pair:
        assert await pair.call() == 403
        await pair.apply(authorization("DENY", "{to: [{operation: {ports: ['9090']}}]}"))
        await within_two_calls(pair, 200)


async def within_two_calls(pair: Pair, status: int) -> None:
    """The connection that the callers' sidecar kept is good for one more request under the old policy."""
    await pair.call()
    assert await pair.call() == status
