from __future__ import annotations

import pytest

from mobilebench.analysis.summary import summarise
from mobilebench.analysis.sustained import Course, courses, overtakings, rank
from mobilebench.core.records import Run
from tests.analysis.sustained import ORT, STEADY, TFLITE, THROTTLING, predictions, run


def of(made: Run) -> tuple[Course, ...]:
    summary = summarise(made)
    return courses(summary, summary.targets[0])


def test_the_first_and_the_last_minute_are_compared() -> None:
    (course,) = of(run({TFLITE: THROTTLING}))
    assert (course.first.ms, course.last.ms, course.change) == (10.0, 30.0, 3.0)
    assert course.seconds == pytest.approx(720)
    assert (course.first.end_s, course.last.begin_s) == (60, pytest.approx(660))
    assert {minute: window.ms for minute, window in course.marks.items()} == {10: 30.0}


def test_temperature_and_clock_belong_to_the_same_minutes() -> None:
    (course,) = of(run({TFLITE: THROTTLING}))
    assert course.temperature == "thermal skin"
    assert (course.first.celsius, course.last.celsius) == (31.0, 46.0)
    assert (course.first.mhz, course.last.mhz) == (2800.0, 1800.0)
    assert {one.name for one in course.quantities} == {"skin", "cpu", "policy0", "policy4"}
    assert all(0 <= reading.minutes <= 12 for one in course.quantities for reading in one.readings)


def test_without_recorders_there_is_still_a_course() -> None:
    (course,) = of(run({TFLITE: THROTTLING}, series=[]))
    assert (course.change, course.temperature, course.first.celsius, course.last.mhz) == (3.0, None, None, None)
    assert course.quantities == ()


def test_a_course_has_points_of_its_whole_time() -> None:
    (course,) = of(run({TFLITE: THROTTLING}))
    minutes, values = zip(*course.points, strict=True)
    assert len(minutes) == 60
    assert list(minutes) == sorted(minutes)
    assert (values[0], values[-1]) == (10.0, 30.0)


def test_a_case_that_overtakes_another_one_is_named() -> None:
    found = of(run({TFLITE: THROTTLING, ORT: STEADY}))
    (one,) = overtakings(found)
    assert (one.faster.case.case, one.slower.case.case, one.minute) == (ORT, TFLITE, 10)
    by_case = {course.case.case: course for course in found}
    assert [rank(by_case[case], found, last) for case in (TFLITE, ORT) for last in (False, True)] == [1, 2, 2, 1]


def test_one_that_overtakes_only_at_the_end() -> None:
    late = [(660.0, 10.0), (60.0, 30.0)]
    (one,) = overtakings(of(run({TFLITE: late, ORT: STEADY})))
    assert (one.faster.case.case, one.minute) == (ORT, None)


def test_cases_that_keep_their_order_overtake_nobody() -> None:
    assert overtakings(of(run({TFLITE: [(720.0, 10.0)], ORT: STEADY}))) == ()
    assert overtakings(of(run({TFLITE: STEADY, ORT: STEADY}))) == ()


def test_blocks_of_different_rounds_are_not_compared() -> None:
    found = of(run({TFLITE: THROTTLING, ORT: STEADY}, rounds=2))
    assert sorted(course.round for course in found) == [1, 1, 2, 2]
    assert len(overtakings(found)) == 2


def test_a_short_block_is_shown_only_for_this_suite() -> None:
    short = [(10.0, 10.0), (10.0, 20.0)]
    (course,) = of(run({TFLITE: short}))
    assert (course.first.end_s, course.first.ms, course.last.ms, course.marks) == (5.0, 10.0, 20.0, {})
    assert of(run({TFLITE: short}, suite="native")) == ()
    assert len(of(run({TFLITE: THROTTLING}, suite="native"))) == 1


def test_a_block_of_which_the_clock_saw_no_time_at_first() -> None:
    made = run({TFLITE: THROTTLING})
    (block,) = made.blocks
    assert block.measurement is not None
    answer = block.measurement.model_copy(update={"prediction_ms": [0.0] * 10 + [1.0] * 3})
    assert of(made.model_copy(update={"blocks": [block.model_copy(update={"measurement": answer})]})) == ()


def test_a_block_of_one_long_prediction() -> None:
    (course,) = of(run({TFLITE: [(400.0, 400_000.0)]}))
    assert (course.first.ms, course.last.ms, course.change) == (400_000.0, 400_000.0, 1.0)
    assert len(predictions([(400.0, 400_000.0)])) == 1
