"""The figures of timing blocks: predictions, all predictions, stages, and blocks over time."""

from __future__ import annotations

import random
from datetime import timedelta
from itertools import pairwise

import pytest

from mobilebench.core.records import PlannedBlock, Run, Series
from mobilebench.report.figures.latency import latency
from mobilebench.report.figures.over_time import SINGLE_UP_TO, history
from mobilebench.report.figures.stages import stages
from tests.analysis import example
from tests.pinning import Pinned
from tests.report.figures import drawn

TFLITE = example.case("host", "tflite", "xnnpack")


def run(*blocks: float, series: Series | None = None) -> Run:
    """One case with one block a minute, whose predictions all take this many milliseconds."""
    plans, found = [], []
    for number, value in enumerate(blocks):
        plans.append(PlannedBlock(index=number, round=number + 1, case=TFLITE, rule=example.RULE))
        made = example.measurement(TFLITE, example.SHAPES["tflite", "xnnpack"], random.Random(number))
        answer = made.model_copy(update={"prediction_ms": [value, value, 2 * value]})
        started = example.START + timedelta(minutes=number)
        found.append(example.measured(plans[-1], answer, started=started, series=[series] if series else []))
    return Run(info=example.info([example.host()]), planned=plans, blocks=found)


def test_nothing_to_draw_is_no_figure() -> None:
    assert (latency([], None), stages([], None), history([], "t", "ms")) == (None, None, None)
    assert drawn.titled(run(4.0, 4.0), "Over time") == []


def test_a_prediction_stands_at_its_mean_with_its_interval_and_blocks() -> None:
    (figure,) = drawn.titled(run(4.0, 4.2, 4.1, 4.3), "Prediction")
    (row,) = drawn.rows(figure, "ms", "interval")
    assert row["ms"] == pytest.approx(4.148, abs=0.001)
    assert row["low"] < row["start"] + 1e-9 < row["ms"] < row["end"] <= row["high"]
    blocks = next(data for data in drawn.data(figure.spec) if len(data) == 4)
    assert [block["ms"] for block in blocks] == [4.0, 4.2, 4.1, 4.3]


def test_an_interval_that_leaves_the_axis_has_no_end_mark() -> None:
    (figure,) = drawn.titled(run(1.0, 9.0, 2.0), "Prediction")
    (row,) = drawn.rows(figure, "ms", "interval")
    assert "end" not in row
    assert row["high"] < 20


def test_two_blocks_have_no_interval() -> None:
    (figure,) = drawn.titled(run(4.0, 4.2), "Prediction")
    assert drawn.rows(figure, "low") == []
    assert "95 %" not in figure.note


def test_stages_follow_each_other() -> None:
    (figure,) = drawn.titled(run(6.0), "Stages")
    segments = drawn.rows(figure, "part", "start", "end")
    assert [one["part"] for one in segments][-2:] == ["warmup", "one prediction"]
    assert segments[0]["start"] == 0
    assert all(before["end"] == pytest.approx(after["start"]) for before, after in pairwise(segments))


def test_figures_say_in_words_what_they_show(pinned: Pinned) -> None:
    (figure,) = drawn.titled(run(2.0, 2.0), "Prediction")
    pinned(figure.spec["description"])


def test_blocks_stand_at_their_minute_relative_to_their_case() -> None:
    (figure,) = drawn.titled(run(4.0, 4.0, 8.0), "Over time")
    found = drawn.rows(figure, "at", "relative")
    assert [row["at"] for row in found] == [0, 1, 2]
    assert found[2]["relative"] == pytest.approx(2 * found[0]["relative"])


def test_temperatures_and_clocks_stand_below_the_blocks() -> None:
    heat = Series(recorder="thermal", name="cpu", unit="°C", times_ms=[0, 30_000], values=[40.0, 41.0])
    (figure,) = drawn.titled(run(4.0, 4.0, 4.0, series=heat), "Over time")
    assert len(figure.spec["vconcat"]) == 2
    assert [row["at"] for row in drawn.rows(figure, "at", "value", "name")] == [0, 0.5, 1, 1.5, 2, 2.5]
    assert ("CPU temperature", "40 to 41 °C") in figure.data
    (without,) = drawn.titled(run(4.0, 4.0, 4.0), "Over time")
    assert "No temperature or clock" in without.note


def test_the_clock_of_each_cluster_is_a_line_below_the_blocks() -> None:
    clock = Series(recorder="clocks", name="policy4", unit="MHz", times_ms=[0, 30_000], values=[2400.0, 1100.0])
    (figure,) = drawn.titled(run(4.0, 4.0, 4.0, series=clock), "Over time")
    assert len(figure.spec["vconcat"]) == 2
    assert {row["name"] for row in drawn.rows(figure, "at", "value", "name")} == {"Clocks, policy4"}
    assert [row["value"] for row in drawn.rows(figure, "at", "value", "name")][:2] == [2400.0, 1100.0]
    assert ("Clocks, policy4", "1100 to 2400 MHz") in figure.data


def test_the_time_at_each_clock_is_not_drawn() -> None:
    state = Series(recorder="clocks", name="policy4 at 1100 MHz", unit="s", times_ms=[500.0], values=[0.5])
    (figure,) = drawn.titled(run(4.0, 4.0, 4.0, series=state), "Over time")
    assert len(figure.spec["vconcat"]) == 1


@pytest.mark.slow
def test_many_blocks_are_summed_up_by_time() -> None:
    (figure,) = drawn.titled(run(*[4.0] * (SINGLE_UP_TO + 1)), "Over time")
    found = drawn.rows(figure, "q2", "blocks")
    assert sum(row["blocks"] for row in found) == SINGLE_UP_TO + 1
    assert len(found) <= 80
