from __future__ import annotations

import dataclasses
import io
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s.local import ports
from k8s.local.ports import BASES, FIRST, HOST, LAST, PODS, Block, claim
from k8s.target import TargetError

SLOTS = st.integers(0, PODS - 1)


@contextmanager
def listening(port: int) -> Iterator[None]:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((HOST, port))
        taken.listen()
        yield


@given(SLOTS, SLOTS, st.sampled_from(BASES))
def test_no_two_pods_share_a_port_and_all_ports_are_non_ephemeral(one: int, other: int, base: int) -> None:
    block = Block(base, io.StringIO())
    first, second = (set(dataclasses.astuple(block.pod(slot))) for slot in (one, other))
    assert len(first) == 5
    assert first == second if one == other else not first & second
    assert all(FIRST <= port <= LAST for port in first | second)


def test_two_claims_never_get_the_same_block() -> None:
    first, second = claim(["a-0"]), claim(["a-0"])
    first.release()
    second.release()
    assert first.base != second.base


def test_a_released_block_can_be_claimed_again() -> None:
    claim(["a-0"], BASES[-1]).release()
    again = claim(["a-0"], BASES[-1])
    again.release()
    assert again.base == BASES[-1]


def test_a_block_of_another_world_is_refused() -> None:
    first = claim(["a-0"], BASES[-2])
    with pytest.raises(TargetError, match=f"base port {BASES[-2]}: another world has these ports"):
        claim(["a-0"], BASES[-2])
    first.release()


def test_a_port_in_use_is_named_with_the_pod_that_needs_it() -> None:
    base = BASES[-3]
    with listening(base + 6), pytest.raises(TargetError, match=f"port {base + 6} is in use, and pod alerts-0 needs it"):
        claim(["momentum-0", "alerts-0"], base)


def test_a_block_with_a_port_in_use_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "BASES", BASES[-5:-3])
    with listening(BASES[-5] + 100):
        other = claim([])
        other.release()
    assert other.base == BASES[-4]


def test_a_base_outside_the_range_is_refused_with_the_choices() -> None:
    with pytest.raises(TargetError, match="base port 8080: must be 20000, 20200"):
        claim([], 8080)


def test_more_pods_than_ports_are_refused() -> None:
    with pytest.raises(TargetError, match="ports for 39 pods"):
        Block(FIRST, io.StringIO()).pod(PODS)
