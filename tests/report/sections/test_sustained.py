from __future__ import annotations

from mobilebench.analysis.summary import summarise
from mobilebench.core.records import Stopped
from mobilebench.verdicts.reading import judge_run
from tests.analysis.example import START
from tests.analysis.sustained import HEAT, ORT, STEADY, TFLITE, THROTTLING, run, series
from tests.report import rendering
from tests.report.figures import drawn


def test_the_report_names_who_overtakes_whom() -> None:
    text = rendering.markdown(summarise(run({TFLITE: THROTTLING, ORT: STEADY})))
    assert "Sustained load" in text
    assert "overtakes" in text
    assert "in the first minute it takes 20.0 ms against 10.0 ms, and in minute 10 it is the faster one" in text
    (row,) = [line for line in text.splitlines() if "12.0 min" in line and "3.00×" in line]
    for part in ("10.0", "30.0", "31 → 46 °C", "2800 → 1800 MHz", "1 → 2"):
        assert part in row


def test_the_figure_has_a_line_for_each_case_and_panels_below() -> None:
    made = run({TFLITE: THROTTLING, ORT: STEADY})
    (figure,) = drawn.titled(made, "Sustained load")
    rows = drawn.rows(figure, "at", "relative", "name")
    assert len({row["name"] for row in rows}) == 2
    assert max(row["relative"] for row in rows) == 3.0
    assert len(figure.spec["vconcat"]) == 3
    assert drawn.rows(figure, "at", "value", "name")


def test_without_readings_the_figure_says_so() -> None:
    (figure,) = drawn.titled(run({TFLITE: THROTTLING}, series=[]), "Sustained load")
    assert len(figure.spec["vconcat"]) == 1
    assert "No temperature or clock was recorded." in figure.note


def test_a_run_without_long_blocks_has_no_such_section() -> None:
    text = rendering.markdown(summarise(run({TFLITE: [(10.0, 10.0)]}, suite="native")))
    assert "Sustained load" not in text


def test_the_proof_shows_the_gate_and_the_attempts_that_were_stopped() -> None:
    stopped = Stopped(started_at=START, ended_at=START, source="skin", celsius=49.1, limit=45.0)
    html = rendering.html(summarise(run({TFLITE: THROTTLING}, stopped=[stopped])))
    assert "Gate open after 42 s: skin 34.9 °C, limit 35 °C." in html
    assert "1 attempt stopped because of heat." in html
    assert "skin 49.1 °C, limit 45 °C, after 0 s" in html
    assert "stopped-hot" in html


def test_where_nobody_overtakes_it_is_said_and_one_case_has_no_order() -> None:
    both = rendering.markdown(summarise(run({TFLITE: STEADY, ORT: [(720, 25.0)]})))
    assert "No case overtakes another one" in both
    assert "No case overtakes another one" not in rendering.markdown(summarise(run({TFLITE: STEADY})))


def test_of_several_cases_each_has_its_temperatures_and_its_fastest_clock() -> None:
    (figure,) = drawn.titled(run({TFLITE: THROTTLING, ORT: STEADY}), "Sustained load")
    names = {name for name, _ in figure.data}
    for case in ("tflite", "onnxruntime"):
        own = sorted(name.partition(",")[0] for name in names if case in name and not name.startswith(case))
        assert own == ["clock", "cpu", "skin"], names


def test_a_clock_that_does_not_change_has_an_axis_with_round_numbers() -> None:
    (figure,) = drawn.titled(run({TFLITE: STEADY}, series=[series("clocks", "policy4", "MHz", 3200.0, 3200.0)]), "Sust")
    (lines,) = figure.spec["vconcat"][1]["layer"]
    assert lines["encoding"]["y"]["scale"]["domain"] == [2880.0, 3520.0]


def test_other_work_beside_a_long_block_is_named() -> None:
    busy = [series("cpu", "whole", "%", *[90.0] * 10), series("cpu", "measured", "%", *[20.0] * 10)]
    text = rendering.markdown(summarise(run({TFLITE: STEADY}, series=[*HEAT, *busy])))
    assert "Other work ran beside" not in text, "verdicts are computed when a run is read"
    judged = judge_run(run({TFLITE: STEADY}, series=[*HEAT, *busy]))
    assert "Other work ran beside" in rendering.markdown(summarise(judged))
