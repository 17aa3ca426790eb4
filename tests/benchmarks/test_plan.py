"""The order of cells: complete, paired, interleaved, repeatable."""

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.plan import cell_seed, plan

Arguments = tuple[list[str], list[str], int, int]

names = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=5, unique=True)
plans = st.tuples(names, names, st.integers(1, 6), st.integers(0, 2**31))


@given(plans)
def test_every_scenario_runs_in_every_arm_once_a_repetition(arguments: Arguments) -> None:
    scenarios, arms, repetitions, seed = arguments
    ids = Counter(cell.id for cell in plan(scenarios, arms, repetitions, seed))
    assert len(ids) == len(scenarios) * len(arms) * repetitions
    assert set(ids.values()) == {1}


@given(plans)
def test_the_arms_of_a_repetition_share_their_seed_and_nothing_else_has_it(arguments: Arguments) -> None:
    seeds: dict[int, set[tuple[str, int]]] = {}
    for cell in plan(*arguments):
        seeds.setdefault(cell.seed, set()).add((cell.scenario, cell.repetition))
    assert all(len(blocks) == 1 for blocks in seeds.values())


@given(plans)
def test_the_arms_of_a_block_run_next_to_each_other(arguments: Arguments) -> None:
    scenarios, _arms, repetitions, _seed = arguments
    blocks = [(cell.repetition, cell.scenario) for cell in plan(*arguments)]
    changes = sum(a != b for a, b in pairwise(blocks))
    assert changes == len(scenarios) * repetitions - 1


@given(plans)
def test_worlds_that_take_turns_are_changed_once_for_each_arm_of_a_repetition(arguments: Arguments) -> None:
    _scenarios, arms, repetitions, _seed = arguments
    for repetition in range(1, repetitions + 1):
        turns = [cell.arm for cell in plan(*arguments, by_arm=True) if cell.repetition == repetition]
        assert sum(a != b for a, b in pairwise(turns)) == len(arms) - 1


@given(plans)
def test_worlds_that_take_turns_run_the_same_cells_with_the_same_seeds(arguments: Arguments) -> None:
    turns, blocks = plan(*arguments, by_arm=True), plan(*arguments)
    assert {(cell.id, cell.seed) for cell in turns} == {(cell.id, cell.seed) for cell in blocks}
    assert [cell.repetition for cell in turns] == [cell.repetition for cell in blocks]


def test_arms_do_not_keep_their_turns_from_repetition_to_repetition() -> None:
    firsts = Counter(cell.arm for cell in plan(["a", "b"], ["x", "y"], 40, 1, by_arm=True)[::4])
    assert 8 < firsts["x"] < 32


def test_the_same_seed_gives_the_same_order() -> None:
    assert plan(["a", "b"], ["x", "y"], 5, 7) == plan(["a", "b"], ["x", "y"], 5, 7)


def test_arms_do_not_keep_their_order_from_block_to_block() -> None:
    firsts = Counter(cell.arm for cell in plan(["a"], ["x", "y"], 40, 1)[::2])
    assert 8 < firsts["x"] < 32


def test_a_scenario_keeps_its_seed_when_others_join_the_plan() -> None:
    alone = {cell.id: cell.seed for cell in plan(["a"], ["x"], 3, 9)}
    together = {cell.id: cell.seed for cell in plan(["a", "b"], ["x"], 3, 9)}
    assert alone.items() <= together.items()


def test_a_seed_fits_in_31_bits() -> None:
    assert all(0 <= cell_seed(1, "a", repetition) < 2**31 for repetition in range(100))


def test_an_arm_with_a_folder_of_policies_still_names_a_file() -> None:
    (cell,) = plan(["a"], ["mesh:./my policies/v2"], 1, 0)
    assert cell.id == "r1-a-mesh_._my_policies_v2"
