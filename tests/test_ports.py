"""Ports for what tests start."""

from __future__ import annotations

import socket

from tests.ports import RANGE, WORKERS, free_ports


def test_no_port_is_given_twice_though_nobody_listens_on_it_yet() -> None:
    given = [port for _ in range(100) for port in free_ports(3)]
    assert len(set(given)) == 300
    assert set(given) <= set(RANGE)


def test_a_port_on_which_somebody_listens_is_passed_over() -> None:
    (port,) = free_ports(1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port + WORKERS))  # the next one of this process
        taken.listen()
        assert port + WORKERS not in free_ports(50)
