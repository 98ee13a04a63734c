"""Runs that measure further rounds until their intervals are as narrow as was asked for."""

from __future__ import annotations

import itertools
import json
import random
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mobilebench.core.errors import ExitCode
from mobilebench.core.records import PlannedBlock, TargetInfo
from mobilebench.session import RunRequest, RunResult, events, run
from mobilebench.statistics.estimates import estimate, median
from mobilebench.statistics.stopping import precise_enough

from ..results.making import host, phone
from .fakes import PROOF, SUITE, Sessions, plan


@pytest.fixture
def session(tmp_path: Path, empty_store: Path) -> Iterator[Sessions]:
    shutil.copy(empty_store, tmp_path)
    made = Sessions(tmp_path)
    yield made
    made.store.close()


def noisy(spread: float, seed: int = 1) -> Any:
    """What a case reports whose block medians vary by this share."""
    draw = random.Random(seed)
    return lambda planned: {"prediction_ms": [4.0 * draw.lognormvariate(0, spread)] * 3, "proof": PROOF}


def measure(
    session: Sessions, *targets: TargetInfo, within: float = 0.02, models: tuple[str, ...] = ("m",), **goal: Any
) -> RunResult:
    targets = targets or (host(),)
    suite = SUITE.model_copy(update={"within": within, **goal})
    request = RunRequest(replace(plan(*targets, rounds=3, models=models), suite=suite), targets, ("mobilebench", "run"))
    return run(
        request,
        session.store,
        on_event=session.seen,
        cancel=session.cancel,
        dependencies=session.world.dependencies(),
        wait_seconds=0,
    )


def medians(session: Sessions) -> list[float]:
    return [median(block.measurement.prediction_ms) for block in session.stored().blocks if block.measurement]


def test_rounds_follow_until_the_interval_is_narrow_enough(session: Sessions) -> None:
    session.world.engine.report = noisy(0.03)
    result = measure(session)
    stored = session.stored()
    assert precise_enough(estimate(medians(session)), 0.02)
    assert len(stored.blocks) > 5
    assert [block.planned for block in stored.blocks] == stored.planned
    assert [one.index for one in stored.planned] == list(range(len(stored.planned)))
    assert [one.round for one in stored.planned] == list(range(len(stored.planned)))
    assert (stored.info.status, result.exit_code) == ("finished", ExitCode.OK)


def test_a_steady_case_stops_at_five_blocks(session: Sessions) -> None:
    measure(session)
    assert session.world.engine.measured == [0, 1, 2, 3, 4]


def test_without_a_goal_the_plan_stays_as_it_is(session: Sessions) -> None:
    session.world.engine.report = noisy(0.2)
    session.run(rounds=3)
    assert session.world.engine.measured == [0, 1, 2]
    assert session.seen.of(events.RoundsAdded) == []


def test_further_rounds_are_recorded_before_they_are_measured(session: Sessions) -> None:
    known: list[tuple[int, int]] = []
    session.world.engine.behave = lambda planned, cancel: known.append((planned.index, len(session.stored().planned)))
    measure(session)
    assert all(index < count for index, count in known)


def test_events_say_what_is_added(session: Sessions) -> None:
    result = measure(session)
    (added,) = session.seen.of(events.RoundsAdded)
    assert (added.target, added.rounds, len(added.added)) == ("host", 2, 2)
    lines = (session.store.run_folder(result.run_id) / "journal.jsonl").read_text().splitlines()
    (line,) = [one for one in map(json.loads, lines) if one["kind"] == "RoundsAdded"]
    assert (line["rounds"], line["added"]) == (2, 2)
    assert "RoundsAdded" in [one["kind"] for one in session.store.events("last")]


def test_a_spent_budget_leaves_a_suspect_case(session: Sessions) -> None:
    session.world.engine.report = noisy(0.2)
    result = measure(session, budget=0.0001)
    assert session.world.engine.measured == [0, 1, 2]
    (case,) = result.summary.targets[0].cases
    assert case.status == "suspect"
    assert any("±2 % was asked for" in reason for reason in case.reasons)


def test_targets_are_extended_at_the_same_time(session: Sessions) -> None:
    session.world.engine.report = noisy(0.03)
    measure(session, host(), phone("A"), models=("a", "b"))
    stored = session.stored()
    assert {block.case.target for block in stored.planned if block.index >= 12} == {"host", "A"}
    assert len(stored.blocks) == len(stored.planned)


def interrupted_after(session: Sessions, blocks: int) -> None:
    """Cancel the run when so many blocks were measured."""

    def behave(planned: PlannedBlock, cancel: threading.Event) -> None:
        if len(session.world.engine.measured) > blocks:
            session.cancel.set()

    session.world.engine.behave = behave


@pytest.mark.parametrize("blocks", [2, 4, 7])
def test_an_interrupted_run_goes_on_with_the_same_goal(session: Sessions, blocks: int) -> None:
    session.world.engine.report = noisy(0.03)
    interrupted_after(session, blocks)
    result = measure(session)
    assert (result.exit_code, session.stored().info.status) == (ExitCode.INTERRUPTED, "interrupted")
    session.world.engine.behave = lambda planned, cancel: None
    result = session.resume()
    stored = session.stored()
    assert result.exit_code is ExitCode.OK
    assert precise_enough(estimate(medians(session)), 0.02)
    assert len(stored.blocks) == len(stored.planned) > 8
    stores = [event.block.planned.index for event in session.seen.of(events.BlockFinished)]
    assert stores == list(range(len(stored.planned)))


def test_nothing_is_left_of_a_run_that_reached_its_goal(session: Sessions) -> None:
    measure(session)
    before = list(session.world.engine.measured)
    result = session.resume()
    assert session.world.engine.measured == before
    assert result.exit_code is ExitCode.OK


def test_a_run_that_died_between_two_batches_goes_on(session: Sessions) -> None:
    session.run(rounds=3)
    stored = session.stored()
    info = stored.info.model_copy(update={"suite_definition": {**stored.info.suite_definition, "within": 0.02}})
    session.store.load = lambda name, load=session.store.load: load(name).model_copy(update={"info": info})  # type: ignore[method-assign,misc]
    session.resume()
    assert session.world.engine.measured == [0, 1, 2, 3, 4]


def test_models_of_cases_that_are_done_are_there_for_further_rounds(session: Sessions) -> None:
    session.world.engine.report = noisy(0.03)
    interrupted_after(session, 5)
    measure(session, models=("a", "b"))
    session.world.engine.behave = lambda planned, cancel: None
    session.resume()
    stored = session.stored()
    assert {block.outcome for block in stored.blocks} == {"measured"}
    assert {one.case.model for one in stored.planned if one.index >= 6} == {"a", "b"}


def test_neighbours_stay_balanced_in_further_rounds(session: Sessions) -> None:
    session.world.engine.report = noisy(0.05)
    measure(session, models=tuple("abcd"), within=0.05)
    rounds: dict[int, list[str]] = {}
    for one in session.stored().planned:
        rounds.setdefault(one.round, []).append(one.case.model)
    after = [pair for number, order in rounds.items() if number >= 3 for pair in itertools.pairwise(order)]
    assert len(rounds) >= 5
    assert len(set(after[:6])) == 6
