"""What pods have used adds up, whoever ends or is started again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from k8s.cluster.accounts import Accounts
from k8s.target import KindUsage, Usage


def used(app_s: float, proxy_s: float = 0.0, rss: int = 10, pss: int | None = 5) -> Usage:
    return Usage(KindUsage(app_s, rss, pss), KindUsage(proxy_s, 2 * rss, None))


def test_pods_are_added_up_and_those_that_are_gone_keep_their_time() -> None:
    accounts = Accounts()
    accounts.note("a", used(1.0, 4.0))
    accounts.note("b", used(2.0, 8.0))
    total = accounts.total(["b"])
    assert (total.app, total.proxy) == (KindUsage(3.0, 10, 5), KindUsage(12.0, 20, None))


def test_a_warden_that_was_started_again_and_has_forgotten_takes_no_time_away() -> None:
    accounts = Accounts()
    for seconds in (5.0, 1.0, 1.5):
        accounts.note("a", used(seconds))
    assert accounts.total(["a"]).app.cpu_s == 5.5


def test_without_a_proxy_its_shared_memory_is_none_and_not_unknown() -> None:
    accounts = Accounts()
    accounts.note("a", Usage(KindUsage(1.0, 10, 5), KindUsage()))
    assert accounts.total(["a"]).proxy == KindUsage(0.0, 0, 0)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 100)), max_size=30))
def test_the_sum_never_goes_down(notes: list[tuple[str, int]]) -> None:
    accounts, before = Accounts(), 0.0
    for pod, seconds in notes:
        accounts.note(pod, used(float(seconds)))
        now = accounts.total([pod]).app.cpu_s
        assert now >= before
        before = now
