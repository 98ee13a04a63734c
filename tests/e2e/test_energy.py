"""Energy on a virtual phone: refused on its cable, measured on its battery, and marked virtual all the way."""

from __future__ import annotations

import csv
import io
import threading
from pathlib import Path

import pytest

from mobilebench import suite as suites
from mobilebench import targets
from mobilebench.core.errors import ExitCode
from mobilebench.core.records import EnergyWindow
from mobilebench.recorders.energy.quantities import CURRENT, PLUGGED, series_of
from mobilebench.recorders.registry import request
from mobilebench.results.store import Store
from mobilebench.session import RunRequest, run
from mobilebench.virtual import phones
from mobilebench.virtual.simulation import CORE_MW, IDLE_MW
from tests.e2e.conftest import CommandLine

pytestmark = [pytest.mark.adb, pytest.mark.build]

SUITE = """
title: Energy
description: One case.
models: [bert_small]
threads: [1]
rule: {min_predictions: 1, max_predictions: 3, max_seconds: 1}
blocks: 1
groups:
  - targets: [android]
    engines:
      tflite: {cpu: {delegate: xnnpack, arithmetic: fp32}}
"""


@pytest.mark.timeout(300)
def test_energy_of_a_virtual_phone(mobilebench: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "energy.yaml"
    path.write_text(SUITE)
    assert mobilebench("virtual", "up", "--count", "1").returncode == 0
    (phone,) = [one for one in phones.list_phones() if one.running]
    serial = phone.serial

    phones.change_state(phone.name, {"battery.plugged": "usb", "battery.status": 2})
    done = mobilebench("run", "--serial", serial, "--suite", str(path), "--record", "energy")
    assert done.returncode in {ExitCode.OK, ExitCode.SUSPECT}, done.stdout + done.stderr
    windows = [block for block in mobilebench.last().blocks if block.planned.pass_ == "energy"]
    assert [block.outcome for block in windows] == ["unsupported"] * 3
    assert all((block.reason or "").startswith("powered by USB") for block in windows)

    phones.change_state(phone.name, {"battery.plugged": "none", "battery.status": None})
    window = EnergyWindow(seconds=8, idle_seconds=4)
    asked = suites.Selection(record=(request("energy"),), energy=window, energy_windows=1, passes=("energy",))
    plan = suites.plan(suites.load(str(path)), targets.select(serial), asked)
    with Store.open(mobilebench.home, create=False) as store:
        wanted = RunRequest(plan=plan, targets=plan.targets, command=())
        run(wanted, store, on_event=lambda event: None, cancel=threading.Event())

    (block,) = mobilebench.last().blocks
    assert block.outcome == "measured", block.reason
    assert block.verdict
    assert "energy-window-short" in block.verdict.codes
    plugged, current = series_of(block.series, PLUGGED), series_of(block.series, CURRENT)
    assert plugged
    assert plugged.values == [0.0, 0.0]
    assert current

    exported = mobilebench("results", "last", "--data", "energy", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(exported.stdout)))
    assert {row["virtual"] for row in rows} == {"true"}
    (row,) = [row for row in rows if (row["stage"], row["method"]) == ("prediction", "gauge-current")]
    assert block.measurement
    ms = sum(block.measurement.prediction_ms) / len(block.measurement.prediction_ms)
    mean_mw = float(row["gross_mj"]) / ms * 1000
    volts = phones.state_of(phone.name).battery.voltage_mv / 1000
    least, most = (volts * abs(ampere) / 1000 for ampere in (max(current.values), min(current.values)))
    assert least * 0.99 <= mean_mw <= most * 1.01
    assert all(ampere < 0 for ampere in current.values), "the battery is drained"
    assert mean_mw > IDLE_MW[True] + CORE_MW / 10, "predictions take processor time, which drains it"
    assert 0 < float(row["net_mj"]) < float(row["gross_mj"])
    shown = mobilebench("results", "last").stdout
    assert "gauge-current" in shown
