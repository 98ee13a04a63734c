"""Metrics follow from raw values; what cannot be computed is void, and never 0."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.core import page_metrics as metrics
from mobilebench.core.page_quality import LongFrame, OwnFrames, PresentedFrames, ScenarioResult, Span, Typing, Void
from tests.scenarios.made import NOT_HERE, result, run, video


def values(of: ScenarioResult) -> dict[str, float | Void]:
    return {one.metric.name: one.value for one in metrics.readings(of)}


def test_frames_are_counted_in_full_seconds_only() -> None:
    assert metrics.frame_rate([0, 10, 999.9, 1000, 2500], 2600) == [3, 1]
    assert metrics.frame_rate([1], 900) == []


@given(st.lists(st.floats(0, 9999.9)), st.integers(1, 10))
def test_every_frame_of_a_full_second_is_counted_once(frames: list[float], seconds: int) -> None:
    counted = sum(metrics.frame_rate(frames, seconds * 1000))
    assert counted == sum(at < seconds * 1000 for at in frames)


def test_a_rate_its_lowest_second_and_its_fluctuation() -> None:
    frames = [float(at) for at in range(0, 1000, 20)] + [1500.0] * 30
    found = values(result(frames_ms=frames))
    assert found["fps"] == pytest.approx(40)
    assert found["fps_lowest"] == 30
    assert found["fps_fluctuation"] == pytest.approx(25)


def test_a_page_without_frames_has_a_rate_of_0_and_no_fluctuation() -> None:
    found = values(result(frames_ms=[]))
    assert found["fps"] == 0
    assert isinstance(found["fps_fluctuation"], Void)


def test_a_short_measurement_has_no_lowest_second() -> None:
    found = values(result(duration_ms=800.0))
    assert isinstance(found["fps_lowest"], Void)
    assert isinstance(found["fps"], float)


def test_runs_per_minute_count_the_time_of_the_page_and_by_the_clock_all_time() -> None:
    runs = [run(100, 10, 20), run(1100, 30), run(2100, 30)]
    found = values(result(scenario="interaction", runs=runs))
    assert found["runs_per_minute"] == pytest.approx(2000)
    assert found["runs_by_the_clock"] == pytest.approx(60)
    assert found["step_median"] == 25
    assert found["step_p95"] == 30


def test_one_run_has_no_rate_by_the_clock() -> None:
    found = values(result(scenario="interaction", runs=[run(0, 5)]))
    assert isinstance(found["runs_by_the_clock"], Void)
    assert found["runs_per_minute"] == pytest.approx(12_000)


def test_long_tasks_and_frames_are_time_per_second() -> None:
    found = values(
        result(
            long_tasks=[Span(start_ms=0, duration_ms=60), Span(start_ms=500, duration_ms=140)],
            long_frames=[LongFrame(start_ms=0, duration_ms=80, blocking_ms=30)],
        )
    )
    assert found["long_tasks"] == pytest.approx(100)
    assert found["blocking"] == pytest.approx(15)


def test_a_video_has_shown_presented_and_dropped_frames() -> None:
    found = values(result(scenario="video", video=video()))
    assert found["video_fps"] == pytest.approx(1.5)
    assert found["video_fps_lowest"] == 1
    assert found["video_presented"] == pytest.approx(2)
    assert found["video_dropped"] == pytest.approx(10)
    assert isinstance(values(result(scenario="video", video=video(decoded=0)))["video_dropped"], Void)


def test_typed_words_are_those_that_arrived() -> None:
    found = values(result(scenario="typing", typing=Typing(asked_wpm=40, characters=10)))
    assert found["typed_words"] == pytest.approx(60)


def test_what_is_missing_keeps_its_reason_in_every_scenario() -> None:
    for name in ("interaction", "typing", "video", "page"):
        found = values(result(scenario=name))
        assert found["long_tasks"] == NOT_HERE
        assert all(one == NOT_HERE or isinstance(one, float | int) for one in found.values()), found


def test_the_spread_of_repetitions() -> None:
    results = [result(frames_ms=[1.0] * count) for count in (90, 100, 110)]
    spread = {one.metric.name: one for one in metrics.spreads(results)}
    assert spread["fps"].mean == 50
    assert spread["fps"].cv == pytest.approx(0.1)
    assert spread["inp"].mean is None
    assert spread["inp"].cv is None
    assert spread["inp"].void == NOT_HERE


def test_one_measurement_has_no_spread() -> None:
    (fps,) = [one for one in metrics.spreads([result()]) if one.metric.name == "fps"]
    assert fps.mean is not None
    assert fps.cv is None


def test_a_result_survives_its_json() -> None:
    whole = result(scenario="interaction", runs=[run(0, 5)], video=video(), inp_ms=16.0, marks=[])
    assert ScenarioResult.model_validate_json(whole.model_dump_json()) == whole


def test_every_metric_says_its_unit_direction_and_source() -> None:
    assert len(metrics.METRICS) == 24
    for name, metric in metrics.METRICS.items():
        assert metric.name == name
        assert metric.unit
        assert metric.source


def test_presented_frames_of_the_window_and_of_the_page() -> None:
    own = OwnFrames(presented_ms=[100.0], dropped_ms=[200.0, 300.0], refreshes=8)
    found = values(
        result(
            presented=PresentedFrames(displayed_ms=[100.0, 400.0, 1100.0], own=own, trace_bytes=9), scenario="typing"
        )
    )
    assert found["presented_fps"] == pytest.approx(1.5)
    assert found["presented_lowest"] == 1
    assert found["page_presented"] == pytest.approx(0.5)
    assert found["page_dropped"] == pytest.approx(25)


def test_presented_frames_that_are_not_known_are_void() -> None:
    names = ("presented_fps", "presented_lowest", "page_presented", "page_dropped")
    assert {values(result())[name] for name in names} == {NOT_HERE}
    for timed in ("interaction", "call", "speedometer"):
        assert not set(names) & set(values(result(scenario=timed)))
    parts = PresentedFrames(displayed_ms=NOT_HERE, own=NOT_HERE, trace_bytes=0)
    assert {values(result(presented=parts))[name] for name in names} == {NOT_HERE}
    never = OwnFrames(presented_ms=[], dropped_ms=[], refreshes=0)
    found = values(result(presented=PresentedFrames(displayed_ms=[], own=never, trace_bytes=0)))
    assert found["presented_fps"] == 0
    assert found["page_dropped"] == Void(reason="the browser asked the page for no frame")
