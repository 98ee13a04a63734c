from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilebench.core.records import BlockRule, Case, PlannedBlock
from mobilebench.suite.further import further_rounds
from mobilebench.suite.neighbours import Pairs, next_round, pairs_of


def keys_of(count: int) -> list[str]:
    return [f"case {number:03}" for number in range(count)]


def rounds_of(
    count: int,
    rounds: int,
    seed: str = "0",
    members: Callable[[int, list[str]], Collection[str]] = lambda _, keys: keys,
) -> tuple[list[list[str]], Pairs]:
    """The orders of rounds, and how often each pair occurs in them."""
    keys, used, found = keys_of(count), Counter[tuple[str, str]](), []
    for number in range(rounds):
        found.append(next_round(keys, members(number, keys), number, seed, used))
        used.update(pairs_of(found[-1]))
    return found, used


@given(st.integers(0, 12), st.integers(1, 14), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_each_round_holds_every_case_once(count: int, rounds: int, seed: int) -> None:
    for order in rounds_of(count, rounds, str(seed))[0]:
        assert sorted(order) == keys_of(count)


@given(st.integers(1, 8), st.integers(0, 99), st.data())
@settings(max_examples=60, deadline=None)
def test_an_even_number_of_cases_has_no_pair_twice_in_as_many_rounds(half: int, seed: int, data: st.DataObject) -> None:
    rounds = data.draw(st.integers(1, 2 * half))
    orders, used = rounds_of(2 * half, rounds, str(seed))
    assert set(used.values()) == {1}
    for place in range(2 * half):
        assert len({order[place] for order in orders}) == rounds


@pytest.mark.parametrize("count", [4, 10])
def test_after_as_many_rounds_as_cases_each_pair_occurred_equally_often(count: int) -> None:
    used = rounds_of(count, 3 * count)[1]
    assert set(used.values()) == {3}
    assert len(used) == count * (count - 1)


@given(st.sampled_from([3, 5, 7, 9, 11, 13]), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_with_an_odd_number_of_cases_no_pair_occurs_twice_in_half_as_many_rounds(count: int, seed: int) -> None:
    assert max(rounds_of(count, count // 2 + 1, str(seed))[1].values()) == 1
    assert max(rounds_of(count, count, str(seed))[1].values()) <= 2


@given(st.integers(12, 16), st.integers(0, 99), st.data())
@settings(max_examples=40, deadline=None)
def test_cases_that_some_rounds_lack_repeat_no_pair(count: int, seed: int, data: st.DataObject) -> None:
    fewer = data.draw(st.integers(count - 3, count - 1))
    orders, used = rounds_of(count, 4, str(seed), lambda number, keys: keys if number == 0 else keys[:fewer])
    assert [len(order) for order in orders] == [count, *[fewer] * 3]
    assert max(used.values()) == 1


def test_seeds_and_rounds_differ() -> None:
    orders = [tuple(order) for seed in "abc" for order in rounds_of(12, 6, seed)[0]]
    assert len(set(orders)) == len(orders)


def planned(count: int, rounds: int) -> list[PlannedBlock]:
    cases = {
        key: Case(target="host", engine="tflite", backend="cpu", threads=1, model=f"m{number}")
        for number, key in enumerate(keys_of(count))
    }
    by_key = {case.key: case for case in cases.values()}
    found, used = list[PlannedBlock](), Counter[tuple[str, str]]()
    for number in range(rounds):
        order = next_round(by_key.keys(), by_key.keys(), number, "7:host", used)
        used.update(pairs_of(order))
        for key in order:
            found.append(PlannedBlock(index=len(found), round=number, case=by_key[key], rule=BlockRule()))
    return found


def test_further_rounds_go_on_as_if_they_had_been_planned_at_once() -> None:
    whole, begun = planned(6, 6), planned(6, 3)
    keys = {block.case.key for block in whole}
    assert [*begun, *further_rounds(begun, 7, {"host": [keys] * 3})] == whole


def test_a_further_round_holds_only_its_cases() -> None:
    begun = planned(6, 3)
    some = {block.case.key for block in begun[:2]}
    more = further_rounds(begun, 7, {"host": [some, some]})
    assert [(block.index, block.round) for block in more] == [(18, 3), (19, 3), (20, 4), (21, 4)]
    assert [{block.case.key for block in more[at : at + 2]} for at in (0, 2)] == [some, some]
