"""Verdicts on what was around a block: its gate, heat, clocks, other work, and samples that became slower."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mobilebench.core.records import BlockRule, Gate, GateReading, PlannedBlock, Series, Stopped, Verdict
from mobilebench.models.registry import facts
from mobilebench.models.synthetic_inputs import summarise
from mobilebench.verdicts import next_steps, thresholds
from mobilebench.verdicts.cases import judge_case
from mobilebench.verdicts.codes import Code
from mobilebench.verdicts.findings import Around
from mobilebench.verdicts.rules import judge
from mobilebench.verdicts.surroundings import block_clock, quarters

from ..results.making import START, measurement, phone
from .test_rules import ANSWER, MANIFEST, NATIVE, tflite

PREDICTIONS = [10.0] * 1000
"""10 s of predictions."""
SETUP_MS = 500.0


def judged(*series: Series, predictions: list[float] | None = None, **around: Any) -> Verdict:
    case = replace(tflite(), target="R58M")
    planned = PlannedBlock(index=0, round=0, case=case, rule=BlockRule())
    made = measurement(
        engine="tflite",
        output=[summarise("logits", ANSWER)],
        proof=NATIVE,
        setup_ms={"library_load": SETUP_MS},
        warmup_ms=[0.0],
        prediction_ms=PREDICTIONS if predictions is None else predictions,
    )
    return judge(planned, made, phone(), facts(MANIFEST), around=Around(series=series, **around))


def series(recorder: str, name: str, unit: str, *values: float, every_s: float | None = 1.0) -> Series:
    """Readings once a second, the first one just before the block."""
    return Series(
        recorder=recorder,
        name=name,
        unit=unit,
        interval_ms=every_s * 1000 if every_s else None,
        times_ms=[number * 1000.0 for number in range(len(values))],
        values=list(values),
    )


def clock(*values: float, name: str = "policy4") -> Series:
    return series("clocks", name, "MHz", *values)


def test_a_clean_block_has_no_reason() -> None:
    found = judged(
        series("thermal", "status", "state", *[0.0] * 12),
        series("thermal", "skin", "°C", 31.0, 33.0, 34.0),
        series("thermal", "cpu", "°C", 35.0, 80.0, 78.0),
        series("battery", "temperature", "°C", 27.4, 28.0),
        clock(300.0, *[2800.0] * 9, 1200.0, 300.0),
        clock(300.0, 1800.0, 900.0, 600.0, 1800.0, 300.0, 600.0, 300.0, 300.0, 300.0, name="policy0"),
        series("cpu", "whole", "%", 5.0, *[30.0] * 9, 10.0),
        series("cpu", "measured", "%", 0.0, *[100.0] * 9, 0.0),
        series("load", "load_1min", "processes", *[2.0] * 11),
        gate=Gate(
            outcome="open",
            waited_ms=1000.0,
            readings=[GateReading(key="temperature", source="skin", unit="°C", value=31.0, limit=38.0)],
        ),
    )
    assert (found.status, found.codes) == ("valid", [])


def test_without_recorders_there_is_nothing_to_judge() -> None:
    assert judged().codes == []


def codes(*given: Series, **more: Any) -> list[str]:
    return judged(*given, **more).codes


class TestThrottling:
    @pytest.mark.parametrize("status", [1.0, 3.0, 6.0])
    def test_a_status_above_none_is_throttling(self, status: float) -> None:
        found = judged(series("thermal", "status", "state", 0.0, status, every_s=None))
        assert found.codes == ["throttled"]
        assert f"thermal status {status:g}" in found.sentences[0]

    def test_a_status_that_no_android_has_does_not_break_the_rule(self) -> None:
        assert codes(series("thermal", "status", "state", 42.0)) == ["throttled"]

    def test_series_of_other_recorders_are_not_meant(self) -> None:
        assert codes(series("battery", "status", "state", 3.0, 3.0)) == []


class TestTemperature:
    def test_a_phone_that_becomes_warmer(self) -> None:
        found = judged(series("thermal", "skin", "°C", 31.0, 36.1))
        assert found.codes == ["temperature-rose"]
        assert found.sentences == ["the skin became 5.1 °C warmer: 31 to 36.1 °C"]

    def test_it_is_said_once(self) -> None:
        both = (series("thermal", "skin", "°C", 30.0, 40.0), series("battery", "temperature", "°C", 30.0, 40.0))
        assert codes(*both) == ["temperature-rose"]

    def test_a_little_warmer_is_usual_and_so_is_a_hot_processor(self) -> None:
        assert codes(series("thermal", "skin", "°C", 31.0, 36.0), series("thermal", "cpu", "°C", 35.0, 90.0)) == []

    def test_a_phone_that_cools_down(self) -> None:
        assert codes(series("thermal", "skin", "°C", 45.0, 31.0)) == []


class TestClocks:
    def test_a_clock_that_falls_and_stays_low(self) -> None:
        found = judged(clock(300.0, *[2800.0] * 4, *[1900.0] * 6, 300.0))
        assert found.codes == ["clock-fell"]
        assert found.sentences == ["the clock of policy4 fell from 2800 to 1900 MHz during the predictions"]

    def test_a_clock_that_comes_back_has_not_fallen(self) -> None:
        assert codes(clock(300.0, *[2800.0] * 4, *[1900.0] * 4, 2800.0, 2800.0)) == []

    def test_cores_that_were_not_at_work_at_first_say_nothing(self) -> None:
        assert codes(clock(300.0, 300.0, 300.0, 300.0, 2800.0, 2800.0, 300.0, 300.0, 300.0, 300.0)) == []

    def test_a_slower_group_that_becomes_idle_says_nothing(self) -> None:
        idle = clock(300.0, *[1800.0] * 3, *[300.0] * 7, name="policy0")
        assert codes(clock(300.0, *[2800.0] * 10), idle) == []

    def test_readings_after_the_predictions_do_not_count(self) -> None:
        assert codes(clock(300.0, *[2800.0] * 10, *[300.0] * 5)) == []

    def test_few_readings_or_only_those_around_the_block_say_nothing(self) -> None:
        assert codes(clock(2800.0, 2800.0, 1900.0, 1900.0)) == []
        around = series("clocks", "policy4", "MHz", *[2800.0] * 5, *[1000.0] * 6, every_s=None)
        assert codes(around) == []

    def test_blocks_at_different_clocks(self) -> None:
        made = [measurement(prediction_ms=PREDICTIONS)] * 3
        found = judge_case(made, None, [2800.0, 2800.0, 2400.0])
        assert [one.code for one in found] == ["clocks-differ"]
        assert found[0].sentence == "Its blocks ran at different clocks: from 2400 to 2800 MHz."
        for alike in ([2800.0, 2800.0, 2600.0], [], [2800.0], [0.0, 2800.0]):
            assert [one.code for one in judge_case(made, None, alike)] == []

    def test_the_clock_of_a_block_is_that_of_its_fastest_group(self) -> None:
        made = measurement(setup_ms={"library_load": SETUP_MS}, warmup_ms=[0.0], prediction_ms=PREDICTIONS)
        both = [clock(300.0, *[2800.0] * 9), clock(300.0, *[1800.0] * 9, name="policy0")]
        assert block_clock(both, made) == 2800.0
        assert block_clock([clock(300.0, 2800.0)], made) is None
        assert block_clock([], made) is None


class TestOtherLoad:
    def use(self, whole: float, own: float) -> list[str]:
        """Of a phone with 8 cores, as earlier releases stored it."""
        return codes(
            series("cpu", "whole", "%", 0.0, *[whole] * 9, 0.0), series("cpu", "measured", "%", 0.0, *[own] * 9, 0.0)
        )

    def test_what_other_processes_use(self) -> None:
        whole = series("cpu", "whole", "%", 0.0, *[60.0] * 9, 0.0)
        own = series("cpu", "measured", "%", 0.0, *[100.0] * 9, 0.0)
        for others, expected in ((47.5, ["other-load"]), (24.0, [])):
            assert codes(whole, own, series("cpu", "others", "%", 90.0, *[others] * 9, 90.0)) == expected

    def test_the_measured_process_counts_by_its_share_of_all_cores(self) -> None:
        assert self.use(40.0, 100.0) == ["other-load"]
        assert self.use(37.0, 100.0) == []
        assert self.use(100.0, 800.0) == []

    def test_without_the_own_use_the_whole_says_nothing(self) -> None:
        assert codes(series("cpu", "whole", "%", *[100.0] * 11)) == []

    def test_the_load_average_stands_in_only_where_it_was_read_during_the_block(self) -> None:
        busy = [10.0] * 11
        assert codes(series("load", "load_1min", "processes", *busy)) == ["other-load"]
        assert codes(series("load", "load_1min", "processes", *busy, every_s=None)) == []
        assert codes(series("load", "load_1min", "processes", *[5.9] * 11)) == []


class TestSlowdown:
    def test_a_long_block_that_becomes_slower(self) -> None:
        found = judged(predictions=[10.0] * 500 + [12.0] * 500)
        assert found.codes == ["slowed-down"]
        assert "1.20× slower in 11 s" in found.sentences[0]

    def test_short_blocks_few_samples_and_single_slow_ones_say_nothing(self) -> None:
        assert codes(predictions=[1.0] * 500 + [2.0] * 500) == []
        assert codes(predictions=[1000.0] * 10 + [2000.0] * 10) == []
        assert codes(predictions=[10.0] * 950 + [500.0] + [10.0] * 49) == []
        assert codes(predictions=[12.0] * 500 + [10.0] * 500) == []

    def test_quarters_are_of_the_time(self) -> None:
        assert quarters([1.0] * 100 + [10.0] * 10) == (1.0, 10.0)
        assert quarters([5.0]) == (5.0, 5.0)


class TestGate:
    def gate(self, key: Any, value: float, limit: float, source: str = "skin") -> Gate:
        reading = GateReading(key=key, source=source, unit="°C", value=value, limit=limit)
        unknown = GateReading(key="cpu", source="CPU", unit="°C", limit=60.0, reason="no sensor")
        return Gate(outcome="marked", waited_ms=600_000.0, readings=[unknown, reading])

    def test_a_block_that_began_too_hot(self) -> None:
        found = judged(gate=self.gate("temperature", 41.2, 38.0))
        said = "it began although a limit did not hold after 600 s: skin 41.2 °C, limit 38 °C"
        assert (found.codes, found.sentences) == (["not-ready"], [said])

    def test_a_battery_saver(self) -> None:
        assert judged(gate=self.gate("battery_saver", 1.0, 0.0, "battery saver")).codes == ["battery-saver"]

    def test_attempts_that_were_stopped_are_named_and_do_not_count_against_the_block(self) -> None:
        one = Stopped(started_at=START, ended_at=START + timedelta(seconds=12), source="skin", celsius=49.1, limit=45.0)
        found = judged(stopped=[one, one])
        assert (found.status, found.codes) == ("valid", ["stopped-before"])
        assert "stopped 2 times" in found.sentences[0]
        assert "skin 49.1 °C, limit 45 °C, after 12 s" in found.sentences[0]


def test_every_reason_has_a_next_step() -> None:
    for code in Code:
        step = next_steps.next_step(code.value)
        assert step is not None
        assert step.endswith(".")
        assert code in next_steps.NEXT_STEPS or code.name.startswith("UNPROVEN_")
    assert next_steps.next_step("of-some-later-version") is None


def test_the_thresholds_that_are_documented_are_of_reasons_and_each_once() -> None:
    named = [code for code, _ in thresholds.TABLE]
    assert len(set(named)) == len(named)
