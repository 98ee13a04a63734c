"""A session with energy windows: recorded, stored, judged and read back, or refused before its block costs a minute."""

from __future__ import annotations

import threading
import time

import pytest

from mobilebench.core.records import EnergyWindow
from mobilebench.recorders.energy import recorder as energy
from mobilebench.recorders.energy.quantities import MARK, RAPL_COUNTER, series_of
from mobilebench.recorders.energy.recorder import EnergyRecorder
from mobilebench.recorders.registry import request
from mobilebench.results import export
from mobilebench.results.store import Store
from mobilebench.session import RunRequest, run
from mobilebench.suite import Plan, Selection, plan
from mobilebench.suite.vocabulary import Vocabulary

from ..recorders.energy.test_rapl import zone
from ..results.making import host
from .fakes import SUITE, FakeEngine, Seen, World

LOAD_S = 1.0
PREDICTIONS = 20


class Predicting:
    """Predicts, while the counter of the processor runs at 2 W; between blocks it runs at 1 W."""

    def __init__(self, counter) -> None:
        self._counter = counter
        self._took_s = 0.0
        self._ended = threading.Event()
        self._load = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        total, last = 0.0, time.monotonic()
        while not self._ended.wait(0.002):
            now = time.monotonic()
            total += (now - last) * (2e6 if self._load.is_set() else 1e6)
            last = now
            draft = self._counter.with_name("draft")
            draft.write_text(f"{total:.0f}\n")
            draft.replace(self._counter)

    def __call__(self, planned, cancel) -> None:
        if planned.conditions.energy:
            begun = time.monotonic()
            self._load.set()
            time.sleep(LOAD_S)
            self._load.clear()
            self._took_s = time.monotonic() - begun

    def report(self, planned):
        each = self._took_s * 1000 / PREDICTIONS
        predictions = [each] * PREDICTIONS if planned.conditions.energy else [1.0] * 3
        return {"setup_ms": {"session_creation": 0.001}, "warmup_ms": [0.001], "prediction_ms": predictions}


def planned(world: World) -> Plan:
    words = Vocabulary({"fake": world.engine}, ["m"], ("fp32",))
    window = EnergyWindow(seconds=0.5, idle_seconds=0.3)
    asked = Selection(record=(request("energy"),), energy=window, energy_windows=2, blocks=1)
    return plan(SUITE, [host()], asked, words=words)


def measured(world: World, tmp_path):
    store = Store.open(tmp_path / "home")
    made = planned(world)
    wanted = RunRequest(plan=made, targets=made.targets, command=())
    found = run(wanted, store, on_event=Seen(), cancel=threading.Event(), dependencies=world.dependencies())
    return store.load(found.run_id)


@pytest.fixture
def sysfs(tmp_path, monkeypatch):
    """A made-up `/sys` from which energy is read; `/sys` of this computer is not looked at."""
    folder = tmp_path / "sys"
    monkeypatch.setattr(energy, "recorder", lambda interval_s=None: EnergyRecorder(folder))
    return folder


def test_windows_are_recorded_stored_and_judged(sysfs, tmp_path):
    counter = zone(sysfs, "intel-rapl:0", "package-0") / "energy_uj"
    with Predicting(counter) as predicting:
        engine = FakeEngine(behave=predicting, report=predicting.report)
        stored = measured(World(engine=engine, readers={"energy": energy.recorder}), tmp_path)
    timed, *windows = stored.blocks
    assert [block.planned.pass_ for block in stored.blocks] == ["timing", "energy", "energy"]
    assert timed.series == []
    for block in windows:
        assert block.measurement.pass_ == "energy"
        assert series_of(block.series, MARK).values == [0.0, 1.0, 2.0, 3.0]
        assert len(series_of(block.series, ("package-0", RAPL_COUNTER)).values) >= 3
        assert "energy-window-short" in block.verdict.codes
        assert block.verdict.status == "suspect"
    rows = [row for row in export.rows(stored, "energy") if row["stage"] == "prediction"]
    assert [row["method"] for row in rows] == ["rapl-package"] * 2
    for row, block in zip(rows, windows, strict=True):
        assert row["power_mw"] > 0
        assert row["gross_mj"] == pytest.approx(row["power_mw"] * block.measurement.prediction_ms[0] / 1000)


def test_a_target_whose_energy_cannot_be_told_is_refused_before_its_block(sysfs, tmp_path):
    engine = FakeEngine()
    stored = measured(World(engine=engine, readers={"energy": energy.recorder}), tmp_path)
    timed, *windows = stored.blocks
    assert timed.outcome == "measured"
    assert [block.outcome for block in windows] == ["unsupported"] * 2
    assert all("shows no energy counters" in block.reason for block in windows)
    assert engine.measured == [timed.planned.index]
