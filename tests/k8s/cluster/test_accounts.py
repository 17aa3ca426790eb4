"""What pods have used adds up, whoever ends or is started again."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from k8s.cluster.accounts import Accounts
from k8s.target import KindUsage, Usage


def used(app_s: float, proxy_s: float = 0.0, rss: int = 10, pss: int | None = 5) -> Usage:
    return Usage(KindUsage(app_s, rss, pss), KindUsage(proxy_s, 2 * rss, None))


def test_pods_are_added_up_and_those_that_are_gone_keep_their_time() -> None:
    accounts = Accounts()
    accounts.note("a", used(1.0, 4.0), 1)
    accounts.note("b", used(2.0, 8.0), 1)
    total = accounts.total(["b"])
    assert (total.app, total.proxy) == (KindUsage(3.0, 10, 5), KindUsage(12.0, 20, None))


def test_a_warden_that_was_started_again_and_has_forgotten_takes_no_time_away() -> None:
    accounts = Accounts()
    for seconds, began in ((5.0, 1), (1.0, 2), (1.5, 2)):
        accounts.note("a", used(seconds), began)
    assert accounts.total(["a"]).app.cpu_s == 5.5


def test_without_a_proxy_its_shared_memory_is_none_and_not_unknown() -> None:
    accounts = Accounts()
    accounts.note("a", Usage(KindUsage(1.0, 10, 5), KindUsage()), 1)
    assert accounts.total(["a"]).proxy == KindUsage(0.0, 0, 0)


def test_an_answer_that_comes_after_a_later_one_adds_nothing() -> None:
    accounts = Accounts()
    for seconds in (5.0, 4.0, 6.0):
        accounts.note("a", used(seconds, seconds), 1)
    total = accounts.total(["a"])
    assert (total.app.cpu_s, total.proxy.cpu_s) == (6.0, 6.0)


def test_an_answer_of_a_warden_that_has_been_replaced_adds_nothing() -> None:
    accounts = Accounts()
    for seconds, began in ((5.0, 1), (1.0, 2), (5.5, 1), (1.5, 2)):
        accounts.note("a", used(seconds), began)
    assert accounts.total(["a"]).app.cpu_s == 5.5


@dataclass(slots=True)
class History:
    """What a pod really used, and what its wardens could know of it: nothing of processes gone before they began."""

    began: int = 1
    used: int = 0
    told: int = 0
    running: int = 0

    def happen(self, what: str) -> None:
        match what:
            case "work":
                self.used, self.told, self.running = self.used + 1, self.told + 1, self.running + 1
            case "process ends":
                self.running = 0
            case "warden is replaced":
                self.began, self.told = self.began + 1, self.running


@given(
    st.lists(st.sampled_from(["work", "work", "process ends", "warden is replaced", "ask"]), max_size=40), st.randoms()
)
def test_whatever_order_answers_come_in_the_sum_never_goes_down_and_no_second_counts_twice(
    happened: list[str], random: Random
) -> None:
    history, answers = History(), list[tuple[int, int]]()
    for what in happened:
        history.happen(what)
        if what == "ask":
            answers.append((history.told, history.began))
    random.shuffle(answers)
    accounts, before = Accounts(), 0.0
    for told, began in answers:
        accounts.note("a", used(float(told)), began)
        now = accounts.total(["a"]).app.cpu_s
        assert before <= now <= history.used
        before = now
    if history.began == 1:
        assert before == max((told for told, _ in answers), default=0)
