from __future__ import annotations

from pathlib import Path

import pytest

from istio.admin import Unreachable
from istio.localise import Unplaced
from istio.sidecar import Sidecar
from k8s.local.sidecars import Sidecars
from k8s.target import TargetError
from tests.k8s.local.envoys import envoys
from tests.k8s.local.pods import pod


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            TimeoutError("after 10 s Envoy has not taken it"),
            "the sidecar of front-0: after 10 s Envoy has not taken it",
        ),
        (Unplaced("a pod has nothing at 9999"), "the sidecar of front-0: a pod has nothing at 9999"),
    ],
)
async def test_what_a_sidecar_cannot_take_is_told_with_whose_it_is(tmp_path: Path, error: Exception, said: str) -> None:
    sidecars = Sidecars()
    envoys(sidecars, pod("front", 0, tmp_path))

    async def change(_: Sidecar) -> None:
        raise error

    with pytest.raises(TargetError, match=said):
        await sidecars.each(["front-0"], change)


async def test_one_that_does_not_run_hinders_nobody(tmp_path: Path) -> None:
    sidecars = Sidecars()
    envoys(sidecars, pod("front", 0, tmp_path), pod("back", 1, tmp_path))
    changed: list[str] = []

    async def change(one: Sidecar) -> None:
        if one.proxy.name == "front-0":
            raise Unreachable("no Envoy answers")
        changed.append(one.proxy.name)

    await sidecars.each(sidecars.by_pod, change)
    assert changed == ["back-1"]
