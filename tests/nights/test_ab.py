"""A/B comparisons: the order of their runs, how rounds are paired, and what is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mobilebench.analysis.summary import summarise
from mobilebench.core.errors import ExitCode
from mobilebench.core.records import Case
from mobilebench.nights import ab, conduct, stored
from mobilebench.nights.conduct import Ended
from mobilebench.nights.config import AbStep, Config
from tests.analysis import example
from tests.analysis.runs import ORT, SIMD, TFLITE, run_of, times
from tests.nights.rig import Rig, config

LIBRARIES = {"before": ["tflite=/opt/a/libtflite.so"], "after": ["tflite=/opt/b/libtflite.so"]}
OLD = replace(SIMD, engine="tfjs@4.2")


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def only(**fields: Any) -> Config:
    """A configuration of one A/B comparison."""
    return config(suites=[], ab=[{"name": "two", "suite": "quick", **fields}])


def step_of(found: Config) -> AbStep:
    (step,) = found.ab
    return step


def test_rounds_of_libraries_begin_with_each_side_equally_often() -> None:
    step = step_of(only(rounds=10, **{"engine-library": LIBRARIES}))
    order = ab.orders(step, "seed")
    rounds = list(zip(order[::2], order[1::2], strict=True))
    assert len(rounds) == 10
    assert sorted(rounds) == [("after", "before")] * 5 + [("before", "after")] * 5
    assert order == ab.orders(step, "seed") != ab.orders(step, "another seed")


@pytest.mark.slow
def test_each_round_of_libraries_is_a_run_of_one_block_for_each_side(rig: Rig) -> None:
    two = only(rounds=4, **{"engine-library": LIBRARIES})
    night = rig.begin(two)
    drift = iter(range(8))
    sides = ab.orders(step_of(two), night.id)

    def made(side: str) -> dict[Case, list[float]]:
        level = 1 + 0.1 * (next(drift) // 2)  # the phone grows warm: later rounds are much slower
        return {case: [10 * level * (1.04 if side == "after" else 1)] for case in (TFLITE, ORT)}

    done = rig.night([made(side) for side in sides], two, night)
    for typed, side in zip(rig.typed, sides, strict=True):
        letter = "a" if side == "before" else "b"
        assert typed[typed.index("--engine-library") + 1] == f"tflite=/opt/{letter}/libtflite.so"
        assert typed[typed.index("--blocks") + 1] == "1"
    assert done.steps[0].sides == sides
    (found,) = done.ab
    assert (found.before, found.after, found.problem) == ("tflite=a/libtflite.so", "tflite=b/libtflite.so", None)
    assert [one.call for one in found.changes] == ["slower", "slower"]
    for one in found.changes:
        assert one.ratio == pytest.approx(1.04)
        assert one.interval is not None and one.interval[0] > 1.03
    assert done.outcome == "good", "it is shown, and does not fail the night unless that is asked"


@pytest.mark.slow
def test_libraries_without_a_difference_are_called_the_same(rig: Rig) -> None:
    two = only(rounds=4, **{"engine-library": LIBRARIES})
    begun = rig.begin(two)
    levels = {"before": iter([1.0, 1.02, 0.99, 1.01]), "after": iter([1.01, 1.0, 1.01, 1.0])}
    done = rig.night([{TFLITE: [10 * next(levels[side])]} for side in ab.orders(step_of(two), begun.id)], two, begun)
    assert [one.call for one in done.ab[0].changes] == ["no change"]


@pytest.mark.slow
@pytest.mark.parametrize(("fails", "outcome", "code"), [(True, "worse", ExitCode.WORSE), (False, "good", ExitCode.OK)])
def test_a_slower_second_side_fails_the_night_where_that_is_asked(
    rig: Rig, fails: bool, outcome: str, code: ExitCode
) -> None:
    two = only(rounds=5, fails=fails, **{"engine-library": LIBRARIES})
    begun = rig.begin(two)
    slower = [{TFLITE: [13.0 if side == "after" else 10.0]} for side in ab.orders(step_of(two), begun.id)]
    night = rig.night(slower, two, begun)
    assert (night.outcome, night.exit_code) == (outcome, code)
    assert [one.worse for one in night.ab[0].changes] == [True]


@pytest.mark.slow
def test_a_round_of_libraries_that_was_interrupted_is_measured_anew(rig: Rig) -> None:
    two = only(rounds=3, **{"engine-library": LIBRARIES})
    stopped = rig.night([{TFLITE: [10.0]}, {TFLITE: [10.0]}, {TFLITE: [10.0]}, KeyboardInterrupt()], two)
    assert stopped.status == "interrupted"
    begun = conduct.interrupted(two, [stopped])
    done = rig.night([{TFLITE: [10.0]}] * 4, two, begun)
    assert len(done.steps[0].runs) == len(done.steps[0].sides) == 6
    assert done.steps[0].sides == ab.orders(step_of(two), done.id)
    assert done.steps[0].runs == ["run-1", "run-2", "run-4", "run-5", "run-6", "run-7"]


def test_a_comparison_of_which_one_side_is_missing_says_so(rig: Rig) -> None:
    two = only(rounds=3, **{"engine-library": LIBRARIES})
    night = rig.night([Ended(ExitCode.BAD_INPUT, problem="There is no such file.")], two)
    assert (night.steps[0].state, night.outcome) == ("failed", "incomplete")
    assert night.ab[0].problem == "Nothing of it was measured."


@pytest.mark.parametrize(
    ("browser", "typed"),
    [
        ({"before": "chrome", "after": "firefox"}, ["--browser", "chrome,firefox"]),
        (
            {"before": "chrome", "after": "chrome@beta=/opt/beta/chrome"},
            ["--browser-path", "chrome@beta=/opt/beta/chrome", "--browser", "chrome,chrome@beta"],
        ),
    ],
)
def test_browsers_are_measured_in_one_run(browser: dict[str, str], typed: list[str]) -> None:
    step = step_of(only(rounds=7, browser=browser, options={"engine": "tfjs"}))
    assert ab.arguments_of(step, None, 5) == [
        *["--suite", "quick", "--seed", "5", "--engine", "tfjs", "--blocks", "7"],
        *typed,
    ]


@pytest.mark.parametrize(("before", "after", "ratio"), [("tfjs@4.2", "tfjs", 1.2), ("tfjs", "tfjs@4.2", 1 / 1.2)])
def test_the_first_side_is_the_base_whatever_is_older(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, before: str, after: str, ratio: float
) -> None:
    measured = summarise(run_of(1, {OLD: times(1), SIMD: [12.1, 11.9, 12.0, 12.05, 11.95]}))
    monkeypatch.setattr(stored, "summary", lambda *_: measured)
    releases = only(engine={"before": before, "after": after}, fails=True)
    assert ab.arguments_of(step_of(releases), None, 5)[-2:] == ["--engine", f"{before},{after}"]
    record = conduct.begin(releases).steps[0].model_copy(update={"runs": ["run-1"], "state": "done"})
    (change,) = ab.compared(step_of(releases), record, releases.regression, rig.folder).changes
    assert change.call == ("slower" if ratio > 1 else "faster")
    assert change.worse == (ratio > 1)
    assert change.ratio == pytest.approx(ratio, rel=0.01)
    assert change.interval is not None and change.interval[0] < ratio < change.interval[1]
    assert (change.after_ms or 0) / (change.before_ms or 1) == pytest.approx(ratio, rel=0.01)
    assert change.case == (SIMD if after == "tfjs" else OLD).key


@pytest.mark.parametrize(("before", "after", "side"), [("tfjs@4.2", "tfjs", "second"), ("tfjs", "tfjs@4.2", "first")])
def test_a_side_that_cannot_be_told_is_named_as_configured(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, before: str, after: str, side: str
) -> None:
    run = run_of(1, {OLD: times(1), SIMD: times(1)})
    wrong = [
        example.unmeasured(block.planned, "failed", "It fell over.") if block.planned.case == SIMD else block
        for block in run.blocks
    ]
    measured = summarise(run.model_copy(update={"blocks": wrong}))
    monkeypatch.setattr(stored, "summary", lambda *_: measured)
    releases = only(engine={"before": before, "after": after})
    record = conduct.begin(releases).steps[0].model_copy(update={"runs": ["run-1"], "state": "done"})
    (change,) = ab.compared(step_of(releases), record, releases.regression, rig.folder).changes
    assert change.call == "cannot be told"
    assert str(change.reason).startswith(f"on the {side} side it is failed (it fell over)")
    assert (change.before_ms is None) == (side == "first")
