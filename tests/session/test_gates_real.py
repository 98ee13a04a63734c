"""Gates, ceilings and verdicts on a virtual phone that is hot, throttled, empty or saves its battery, by the real adb
and a real engine."""

from __future__ import annotations

import itertools
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from mobilebench import targets
from mobilebench.core.errors import BlockFailed
from mobilebench.core.records import Block, BlockRule, Case, Conditions, GateLimits, PlannedBlock
from mobilebench.engines.base import BlockResult, PreparedCase
from mobilebench.results.store import Store
from mobilebench.session import RunRequest, events, run
from mobilebench.session.dependencies import Dependencies, engine
from mobilebench.suite import Plan
from mobilebench.suite.gates import PHONES
from mobilebench.targets.android.shell import DeviceShell
from mobilebench.targets.care.gates import Gatekeeper
from mobilebench.virtual import faults, phones
from tests.session.fakes import SUITE, Seen
from tests.targets.conftest import BUNDLED_ADB, own_adb

pytestmark = [pytest.mark.adb, pytest.mark.build, pytest.mark.timeout(240)]

NAME = "hot"
SHORT = BlockRule(min_predictions=3, max_predictions=5, max_seconds=1)
LONG = BlockRule(min_predictions=3, max_predictions=1_000_000, max_seconds=120)
COOL = {
    "thermal.status": 0,
    "thermal.cpu": 38.5,
    "thermal.skin": 31.0,
    "thermal.hal_ready": True,
    "battery.level": 87,
    "battery.status": 2,
    "battery.temperature": 27.4,
    "settings.global.low_power": None,
}


def change(**values: Any) -> None:
    """Change the phone's state: `thermal_skin=45.0`."""
    phones.change_state(NAME, {name.replace("_", ".", 1): value for name, value in values.items()})


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with own_adb(tmp_path_factory.mktemp("home"), BUNDLED_ADB):
        yield phones.up(names=[NAME])[0].serial


@pytest.fixture(autouse=True)
def cool(serial: str) -> None:
    phones.change_state(NAME, COOL)


class Reacting(Seen):
    """Keeps every event, and does something when one of a kind happens."""

    def __init__(self, reactions: dict[type[events.Event], Callable[[], None]]) -> None:
        super().__init__()
        self._reactions = reactions

    def __call__(self, event: events.Event) -> None:
        super().__call__(event)
        if reaction := self._reactions.get(type(event)):
            reaction()


@dataclass
class Measured:
    blocks: list[Block]
    seen: Seen

    @property
    def block(self) -> Block:
        (one,) = self.blocks
        return one

    @property
    def codes(self) -> set[str]:
        return set(self.block.verdict.codes) if self.block.verdict else set()


@dataclass
class Meddled:
    """The engine tflite, and what happens to the phone when it begins to measure."""

    before: Callable[[], BlockRule | None] = lambda: None
    """Called first; the rule that it returns holds instead of the planned one."""
    real: Any = field(default_factory=lambda: engine("tflite"))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def measure(self, prepared: PreparedCase, **options: Any) -> BlockResult:
        if rule := self.before():
            prepared = replace(prepared, block=prepared.block.model_copy(update={"rule": rule}))
        found: BlockResult = self.real.measure(prepared, **options)
        return found


@pytest.fixture
def measure(serial: str, tmp_path: Path) -> Callable[..., Measured]:
    def measured(
        limits: GateLimits,
        rule: BlockRule = SHORT,
        *,
        during: Callable[[], BlockRule | None] = lambda: None,
        device: str | None = None,
        **reactions: Callable[[], None],
    ) -> Measured:
        (info,) = targets.select(serial)
        way = {"engine": "tflite", "backend": "cpu", "delegate": "xnnpack", "arithmetic": "fp32"}
        case = Case(target=serial, threads=1, model="bert_small", **way)  # type: ignore[arg-type]
        planned = PlannedBlock(
            index=0, round=0, case=case, rule=rule, conditions=Conditions(gates=limits, device=device)
        )
        dependencies = replace(
            Dependencies(),
            engine=lambda name: Meddled(during),  # type: ignore[arg-type, return-value]
            gatekeeper=lambda: Gatekeeper(every_s=0.2),
        )
        seen = Reacting({getattr(events, kind): reaction for kind, reaction in reactions.items()})
        with Store.open(tmp_path) as store:
            plan = Plan(suite=SUITE, targets=(info,), seed=0, blocks=(planned,))
            request = RunRequest(plan, (info,))
            result = run(request, store, on_event=seen, cancel=threading.Event(), dependencies=dependencies)
            return Measured(store.load(result.run_id).blocks, seen)

    return measured


ABOUT_THE_PHONE = {"not-ready", "battery-saver", "throttled", "temperature-rose", "stopped-before"}


def test_a_cool_phone_has_an_open_gate_and_no_reason(measure: Callable[..., Measured]) -> None:
    found = measure(PHONES)
    assert found.block.gate is not None
    assert (found.block.gate.outcome, found.block.gate.waited_ms) == ("open", 0.0)
    read = {one.key: (one.source, one.value) for one in found.block.gate.readings}
    assert read == {
        "temperature": ("skin", 31.0),
        "status": ("thermal status", 0.0),
        "battery": ("battery charge", 87.0),
        "battery_saver": ("battery saver", 0.0),
    }
    assert found.codes & ABOUT_THE_PHONE == set()


def test_a_hot_phone_is_waited_for_until_it_is_cool(measure: Callable[..., Measured]) -> None:
    change(thermal_skin=45.0)
    found = measure(PHONES, GateWaiting=lambda: change(thermal_skin=33.0))
    assert found.block.gate is not None
    assert (found.block.outcome, found.block.gate.outcome) == ("measured", "open")
    assert found.block.gate.waited_ms > 0
    assert ("skin 45 °C, limit 40 °C",) in [event.reasons for event in found.seen.of(events.GateWaiting)]
    assert "not-ready" not in found.codes


def test_a_phone_that_stays_throttled_is_marked(measure: Callable[..., Measured]) -> None:
    change(thermal_status=2)
    found = measure(PHONES.model_copy(update={"wait": 0.3}))
    assert found.codes >= {"not-ready", "throttled"}


def test_or_its_block_is_skipped(measure: Callable[..., Measured]) -> None:
    change(thermal_skin=45.0)
    found = measure(PHONES.model_copy(update={"wait": 0.3, "otherwise": "skip"}))
    assert found.block.outcome == "failed"
    assert "skin 45 °C, limit 40 °C" in (found.block.reason or "")


def test_an_empty_battery_that_is_not_charging_is_marked_at_once(measure: Callable[..., Measured]) -> None:
    change(battery_level=5, battery_status=3)
    found = measure(PHONES)
    assert found.block.gate is not None
    assert found.block.gate.waited_ms == 0.0
    assert "not-ready" in found.codes


def test_a_battery_saver_is_named(measure: Callable[..., Measured]) -> None:
    change(**{"settings_global.low_power": "1"})
    assert "battery-saver" in measure(PHONES).codes


def test_a_phone_without_a_thermal_service_uses_its_battery(measure: Callable[..., Measured]) -> None:
    change(thermal_hal_ready=False, battery_temperature=41.0)
    found = measure(PHONES.model_copy(update={"wait": 0.3}))
    assert found.block.gate is not None
    (closed,) = found.block.gate.closed_by
    assert (closed.source, closed.value) == ("battery", 41.0)


def test_a_phone_that_becomes_warm_during_the_block_is_suspect(measure: Callable[..., Measured]) -> None:
    found = measure(PHONES, during=lambda: change(thermal_skin=38.0))
    assert found.codes & ABOUT_THE_PHONE == {"temperature-rose"}


def test_a_block_is_stopped_cooled_and_repeated(measure: Callable[..., Measured], serial: str) -> None:
    """The phone becomes hot when the runner of the first attempt predicts; the second attempt is short."""
    attempts = itertools.count()

    def during() -> BlockRule | None:
        if next(attempts):
            return SHORT
        threading.Thread(target=_heat_while_it_predicts, args=(serial,)).start()
        return None

    found = measure(PHONES, LONG, during=during, BlockStopped=lambda: change(thermal_skin=31.0))
    (stopped,) = found.block.stopped
    assert (found.block.outcome, stopped.celsius, stopped.limit) == ("measured", 55.0, 50.0)
    assert stopped.measurement is not None, "the runner reports what it has measured until then"
    assert len(stopped.measurement.prediction_ms) >= LONG.min_predictions
    assert "SIGTERM ended the predictions early" in stopped.measurement.proof.notes
    assert found.block.measurement is not None
    assert "SIGTERM ended the predictions early" not in found.block.measurement.proof.notes
    assert "stopped-before" in found.codes


def _heat_while_it_predicts(serial: str) -> None:
    """Heat the phone as soon as its runner catches SIGTERM, which it does while it predicts."""
    script = "p=$(pgrep -n -x mobilebench-run) && grep SigCgt /proc/$p/status"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = re.match(rb"SigCgt:\s*(\w+)", DeviceShell(serial).script(script).stdout)
        if found and int(found[1], 16) >> (signal.SIGTERM - 1) & 1:
            change(thermal_skin=55.0)
            return
        time.sleep(0.02)


def test_the_probe_computes_on_a_phone(measure: Callable[..., Measured]) -> None:
    found = measure(GateLimits(probe=10.0, wait=0.0))
    assert found.block.gate is not None
    (reading,) = found.block.gate.readings
    assert reading.value == 1.0 or "differ" in (reading.reason or "")


def test_a_phone_that_refuses_its_settings_is_suspect_and_one_that_does_not_is_not(
    measure: Callable[..., Measured],
) -> None:
    faults.apply(NAME, "refuse-settings")
    try:
        found = measure(GateLimits(), device="default")
    finally:
        faults.clear(NAME)
    assert found.block.verdict is not None
    assert "condition-refused" in found.codes
    (sentence,) = [one.sentence for one in found.block.verdict.reasons if one.code == "condition-refused"]
    assert "stay-awake" in sentence and "SecurityException" in sentence
    assert "condition-refused" not in measure(GateLimits(), device="default").codes


@pytest.mark.alone
def test_the_probe_sees_a_slow_phone_whose_sensors_say_nothing(serial: str) -> None:
    """Processes on all its cores make the phone slow: the clocks of a virtual phone are those of this computer."""
    for name in ("thermal_hal_ready", "battery_present"):
        change(**{name: False})
    (info,) = targets.select(serial)
    limits = PHONES.model_copy(update={"probe": 1.5, "wait": 0.0})
    keeper, never, busy = Gatekeeper(), threading.Event(), threading.Event()
    try:
        with targets.open_target(info) as target:
            for _ in range(10):
                first = keeper.wait(target, limits, never, lambda *_: None)
                known = {one.key: one for one in first.readings}
                if known["probe"].value is not None:
                    break
            assert {one.value for key, one in known.items() if key in ("temperature", "status", "battery")} == {None}
            if known["probe"].value is None:
                assert "differ" in (known["probe"].reason or "")
                pytest.skip("this computer is too busy for the probe")
            with ThreadPoolExecutor(processes := 4 * info.cores) as pool:
                for _ in range(processes):
                    pool.submit(_keep_busy, target, busy)
                try:
                    _wait_until_busy(target, processes)
                    slow = keeper.wait(target, limits, never, lambda *_: None)
                finally:
                    busy.set()
            (closed,) = slow.closed_by
            assert (slow.outcome, closed.key) == ("marked", "probe")
            assert closed.value is not None and closed.value > 1.5
    finally:
        change(battery_present=True)


def _keep_busy(target: Any, until: threading.Event) -> None:
    """Compute in one process of the phone until the event is set: adb hangs up on it."""
    with suppress(BlockFailed):
        target.shell(["awk", _BUSY], timeout=120, cancel=until)


def _wait_until_busy(target: Any, processes: int) -> None:
    deadline = time.monotonic() + 60
    while len(target.shell(["pgrep", "-f", "busy_loop"], timeout=20).stdout.split()) < processes:
        assert time.monotonic() < deadline
        time.sleep(0.05)


_BUSY = "BEGIN { for (busy_loop = 0; busy_loop < 3e9; busy_loop++) x += busy_loop }"
