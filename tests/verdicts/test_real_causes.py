"""Heat, falling clocks and other work, caused on a virtual phone while a real engine computes; and a quiet phone, on
which no rule says anything."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from mobilebench import targets
from mobilebench.analysis.summary import CaseSummary, summarise
from mobilebench.core.records import Block, BlockRule, Case, Conditions, EnergyWindow, PlannedBlock, RecordRequest
from mobilebench.engines.base import BlockResult, PreparedCase
from mobilebench.results.store import Store
from mobilebench.session import RunRequest, run
from mobilebench.session.dependencies import Dependencies, engine
from mobilebench.suite import Plan
from mobilebench.virtual import faults, phones
from tests.session.fakes import SUITE
from tests.targets.conftest import BUNDLED_ADB, own_adb

pytestmark = [pytest.mark.adb, pytest.mark.build, pytest.mark.alone, pytest.mark.timeout(300)]

NAME = "causes"
SECONDS, UNTIL_CAUSE_S = 16.0, 7.0
"""Length of a block, and when its causes begin: well within its second quarter."""
LONG = BlockRule(min_predictions=3, max_predictions=1_000_000, max_seconds=SECONDS)
SHORT = BlockRule(min_predictions=3, max_predictions=1_000_000, max_seconds=3.0)
RECORD = [
    RecordRequest(recorder=name, interval_ms=interval)
    for name, interval in (("clocks", 100.0), ("cpu", 250.0), ("thermal", 1000.0), ("gpu", 1000.0))
]
NOISE = {
    *("other-load", "slowed-down", "blocks-far-apart", "two-modes", "blocks-drift", "blocks-correlated"),
    "inherited-priority",
}
"""What other programs on the computer that runs the tests may cause at any time, and a priority of the tests."""


@contextmanager
def other_work(processes: int) -> Iterator[None]:
    """Processes that compute, beside the phone's, each in a session of its own, so that the kernel groups none."""
    endless = [sys.executable, "-c", "while True: pass"]
    with ExitStack() as stack:
        for _ in range(processes):
            child = stack.enter_context(subprocess.Popen(endless, start_new_session=True))
            stack.callback(child.kill)
        yield


@contextmanager
def heat() -> Iterator[None]:
    """A phone that is very hot, whose clocks are lowered for that; and then cool again, which would take it minutes."""
    faults.apply(NAME, "heat")
    try:
        yield
    finally:
        faults.clear(NAME, "heat")
        for celsius in (31.0, None):
            phones.change_state(NAME, {"thermal.skin": celsius})


Cause = Callable[[], Any]
"""Returns a context, such as `heat()`."""


@dataclass(frozen=True)
class Causes:
    """What befalls a block."""

    causes: tuple[Cause, ...] = ()
    after_s: float = 0.0
    """When it begins. It ends with the block."""


@dataclass
class Caused:
    """The engine tflite, and what befalls each of its blocks."""

    causes: Iterator[Causes]
    real: Any = field(default_factory=lambda: engine("tflite"))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def measure(self, prepared: PreparedCase, **options: Any) -> BlockResult:
        befalls, ended = next(self.causes, Causes()), threading.Event()
        failures: list[BaseException] = []

        def cause() -> None:
            try:
                with ExitStack() as stack:
                    if befalls.causes and not ended.wait(befalls.after_s):
                        for one in befalls.causes:
                            stack.enter_context(one())
                        ended.wait()
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=cause)
        thread.start()
        try:
            found: BlockResult = self.real.measure(prepared, **options)
        finally:
            ended.set()
            thread.join()
        assert not failures
        return found


@dataclass
class Measured:
    blocks: list[Block]
    case: CaseSummary

    def codes(self, block: int) -> set[str]:
        verdict = self.blocks[block].verdict
        assert verdict, self.blocks[block].reason
        return set(verdict.codes)

    @property
    def all_codes(self) -> set[str]:
        """Of its blocks, and of the case."""
        return set(self.case.codes.values())


def timing(*rules: BlockRule) -> tuple[PlannedBlock, ...]:
    conditions = Conditions(record=RECORD)
    return tuple(
        PlannedBlock(index=number, round=number, case=case(), rule=rule, conditions=conditions)
        for number, rule in enumerate(rules)
    )


def case() -> Case:
    way = {"engine": "tflite", "backend": "cpu", "delegate": "xnnpack", "arithmetic": "fp32"}
    return Case(target=phones.serial_of(NAME), threads=1, model="mobilenet_v2", **way)  # type: ignore[arg-type]


def measured(blocks: Sequence[PlannedBlock], folder: Path, *causes: Causes) -> Measured:
    """Measure blocks, the first of them with the first causes, and so on."""
    (info,) = targets.select(phones.serial_of(NAME))
    caused = Caused(iter(causes))
    dependencies = replace(Dependencies(), engine=lambda name: caused)  # type: ignore[arg-type, return-value]
    with Store.open(folder) as store:
        request = RunRequest(Plan(suite=SUITE, targets=(info,), seed=0, blocks=tuple(blocks)), (info,))
        result = run(request, store, on_event=lambda event: None, cancel=threading.Event(), dependencies=dependencies)
        loaded = store.load(result.run_id)
        (of_target,) = summarise(loaded).targets
        (of_case,) = of_target.cases
        return Measured(sorted(loaded.blocks, key=lambda block: block.planned.index), of_case)


@pytest.fixture(scope="module", autouse=True)
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with own_adb(tmp_path_factory.mktemp("home"), BUNDLED_ADB):
        phones.up(names=[NAME], profile_ids=["snapdragon-8-gen-2"], chrome=False)
        yield


@pytest.fixture(scope="module")
def provoked(phone: None, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """A block that becomes hot, slow and disturbed; one without a cause; and one that is hot from its beginning."""
    work = 4 * (os.cpu_count() or 1)
    causes = (Causes((heat, lambda: other_work(work)), UNTIL_CAUSE_S), Causes(), Causes((heat,)))
    return measured(timing(LONG, SHORT, SHORT), tmp_path_factory.mktemp("store"), *causes)


def test_a_phone_that_becomes_hot_throttles_and_its_clocks_fall(provoked: Measured) -> None:
    assert provoked.codes(0) >= {"throttled", "temperature-rose", "clock-fell"}


def test_other_processes_are_other_load_and_slow_the_last_predictions_down(provoked: Measured) -> None:
    assert provoked.codes(0) >= {"other-load", "slowed-down"}


def test_a_hot_block_and_a_cool_one_ran_at_different_clocks(provoked: Measured) -> None:
    assert "clocks-differ" in provoked.all_codes
    assert "throttled" in provoked.codes(2)
    assert provoked.codes(1) & {"clock-fell", "throttled", "temperature-rose"} == set()


def test_a_quiet_phone_gives_no_reason(tmp_path: Path) -> None:
    found = measured(timing(SHORT, SHORT, SHORT), tmp_path)
    assert found.all_codes - NOISE == set()
    for block in found.blocks:
        series = {(one.recorder, one.name): one for one in block.series}
        for key in [("cpu", "measured"), ("cpu", "others"), ("clocks", "policy0"), ("gpu", "clock"), ("gpu", "load")]:
            assert series[key].values, (key, series[key].reason)


# Energy

MOVING = {"battery.current_ua": None, "battery.charge_counter_uah": None, "battery.plugged": "none"}


def window(folder: Path, *causes: Cause) -> set[str]:
    """Codes of a short window of energy, with causes from the beginning of its predictions on."""
    phones.change_state(NAME, MOVING)
    conditions = Conditions(
        record=[RecordRequest(recorder="energy")], energy=EnergyWindow(seconds=3.0, idle_seconds=3.0)
    )
    rule = BlockRule(min_predictions=3, max_predictions=1_000_000, max_seconds=3.0)
    block = PlannedBlock(index=0, round=1, case=case(), rule=rule, conditions=conditions, pass_="energy")
    return measured([block], folder, Causes(causes)).codes(0)


@contextmanager
def state(**values: Any) -> Iterator[None]:
    """Values of the battery, which stay."""
    phones.change_state(NAME, {f"battery.{name}": value for name, value in values.items()})
    yield


def test_a_short_window_gives_few_values(tmp_path: Path) -> None:
    assert window(tmp_path) >= {"energy-window-short", "energy-few-updates"}


def test_a_phone_that_is_plugged_in_during_the_window_was_charged(tmp_path: Path) -> None:
    assert "energy-charging" in window(tmp_path, lambda: state(plugged="usb"))


def test_a_gauge_that_stands_still_tells_no_energy(tmp_path: Path) -> None:
    still = {"current_ua": -400_000, "charge_counter_uah": 3_000_000}
    assert "energy-missing" in window(tmp_path, lambda: state(**still))
