"""The gates of suites and of `--gate`: words, limits that make no sense, and what holds on which target."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.core.records import GateLimits
from mobilebench.suite import Selection, gates, loading, plan
from tests.results.making import host, phone
from tests.suite.words import WORDS

SUITE = """
title: t
description: d
models: [mobilenet_v2]
threads: [1]
rule: {}
blocks: 1
GATES
groups: [{targets: [host, android], engines: {tflite: {cpu: {delegate: xnnpack}}}}]
"""


def suite(folder: Path, written: str) -> Any:
    file = folder / "mine.yaml"
    file.write_text(SUITE.replace("GATES", written))
    return loading.load(str(file), words=WORDS)


def limits(folder: Path, written: str, *words: str) -> dict[str, GateLimits | None]:
    """The gates of this computer and of a phone, by a suite's line and `--gate` options."""
    found = plan(suite(folder, written), [host(), phone()], Selection(gates=words), words=WORDS)
    return {block.case.target: block.conditions.gates for block in found.blocks}


def test_by_default_a_phone_has_gates_and_this_computer_has_none(tmp_path: Path) -> None:
    assert limits(tmp_path, "") == {"host": None, "R58M": gates.PHONES}


def test_a_suite_changes_what_it_names(tmp_path: Path) -> None:
    found = limits(tmp_path, "gates: {temperature: 36, status: light, wait: 20m, otherwise: skip, load: 0.5}")
    changes = {"temperature": 36.0, "status": 1, "wait": 1200.0, "otherwise": "skip", "load": 0.5}
    assert found["R58M"] == gates.PHONES.model_copy(update=changes)
    assert found["host"] == GateLimits(wait=1200.0, otherwise="skip", load=0.5)


def test_options_come_after_the_suite(tmp_path: Path) -> None:
    found = limits(tmp_path, "gates: {temperature: 36, wait: 20m}", "temperature=39", "status=any")
    assert found["R58M"] == gates.PHONES.model_copy(update={"temperature": 39.0, "wait": 1200.0, "status": None})
    assert found["host"] is None


@pytest.mark.parametrize(("written", "words"), [("gates: none", ()), ("", ("none",)), ("gates: {cpu: 60}", ("none",))])
def test_gates_can_be_switched_off(tmp_path: Path, written: str, words: tuple[str, ...]) -> None:
    assert limits(tmp_path, written, *words) == {"host": None, "R58M": None}


def test_after_none_single_limits_can_be_set(tmp_path: Path) -> None:
    assert limits(tmp_path, "", "none", "temperature=39")["R58M"] == GateLimits(temperature=39.0)


def test_yaml_reads_off_as_false(tmp_path: Path) -> None:
    assert limits(tmp_path, "gates: {battery_saver: off}")["R58M"] == gates.PHONES
    assert limits(tmp_path, "gates: {battery_saver: any}")["R58M"] == gates.PHONES.model_copy(
        update={"battery_saver": None}
    )


def test_a_ceiling_that_nobody_asked_for_gives_way(tmp_path: Path) -> None:
    found = limits(tmp_path, "", "temperature=60")["R58M"]
    assert found is not None
    assert (found.temperature, found.stop_above) == (60.0, None)
    found = limits(tmp_path, "", "stop_above=35")["R58M"]
    assert found is not None
    assert (found.temperature, found.stop_above) == (None, 35.0)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("{temprature: 38}", "there is no gate `temprature`"),
        ("{temperature: hot}", "temperature: this should be a temperature of skin or battery"),
        ("{temperature: 500}", "from 15 to 80"),
        ("{temperature: true}", "from 15 to 80"),
        ("{temperature: .nan}", "from 15 to 80"),
        ("{temperature: [38]}", "from 15 to 80"),
        ("{status: 9}", "thermal status"),
        ("{battery: 0}", "from 1 to 100"),
        ("{battery: 101}", "from 1 to 100"),
        ("{battery_saver: perhaps}", "`off` or `any`"),
        ("{load: -1}", "from 0.01"),
        ("{probe: 0.5}", "from 1.01"),
        ("{wait: 3d}", "a time from 0s"),
        ("{wait: none}", "a time from 0s"),
        ("{otherwise: panic}", "`mark` or `skip`"),
        ("{temperature: 45, stop_above: 40}", "may not begin at 45"),
        ("38", "`none` or a mapping"),
        ("[temperature]", "`none` or a mapping"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, written: str, says: str) -> None:
    with pytest.raises(BadInput) as refused:
        suite(tmp_path, f"gates: {written}")
    assert says in refused.value.message
    assert "line 8" in refused.value.message


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("38",), "neither `none` nor KEY=VALUE"),
        (("temprature=38",), "there is no gate `temprature`"),
        (("temperature=",), "temperature: this should be"),
        (("temperature=45", "stop_above=40"), "may not begin at 45"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    with pytest.raises(BadInput) as refused:
        limits(tmp_path, "", *words)
    assert says in refused.value.message
    assert refused.value.message.startswith("--gate ")


def test_the_suite_sustained_begins_cool_and_is_never_stopped() -> None:
    suite_ = loading.load("sustained", words=WORDS)
    found = plan(suite_, [phone()], words=WORDS)
    for block in found.blocks:
        assert block.rule.max_seconds == 1800
        assert block.conditions.gates is not None
        assert (block.conditions.gates.temperature, block.conditions.gates.stop_above) == (35.0, None)
    short = plan(suite_, [phone()], Selection(seconds="20s"), words=WORDS)
    assert {block.rule.max_seconds for block in short.blocks} == {20.0}


@pytest.mark.parametrize("seconds", ["0s", "soon", "25h", "-1"])
def test_a_time_of_a_block_that_makes_no_sense_is_refused(seconds: str) -> None:
    with pytest.raises(BadInput, match="--seconds"):
        plan(loading.load("sustained", words=WORDS), [host()], Selection(seconds=seconds), words=WORDS)
