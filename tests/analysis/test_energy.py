"""Energy of a case over its windows: the true mean lies in the interval, and what is missing has a reason."""

from __future__ import annotations

import csv
import io

import pytest

from mobilebench.analysis.energy import CaseEnergy, energy
from mobilebench.analysis.summary import summarise
from mobilebench.core.records import Block, PlannedBlock, Run, Series, Verdict
from mobilebench.report import compose, markdown
from mobilebench.results import export
from tests.analysis import example

from ..recorders.energy.traces import Gauge, Window, gauge, meter, rapl

CASE = example.case("host", "tflite", "xnnpack")


def run_of(windows: list[tuple[Window, list[Series]]], status: str = "valid") -> Run:
    planned = [
        PlannedBlock(index=at, round=at, case=CASE, rule=example.RULE, pass_="energy") for at in range(len(windows))
    ]
    blocks: list[Block] = []
    for plan, (window, series) in zip(planned, windows, strict=True):
        verdict = Verdict(status=status)  # type: ignore[arg-type]
        blocks.append(example.measured(plan, window.measurement(), verdict=verdict, series=series))
    return Run(info=example.info([example.host()]), planned=planned, blocks=blocks)


def energies(run: Run) -> list[CaseEnergy]:
    (case,) = summarise(run).targets[0].cases
    return list(energy(case))


WINDOWS = [Window(load_mw=load) for load in (2900.0, 3000.0, 3100.0)]


def test_net_is_gross_less_idle_and_both_have_an_interval():
    (found,) = energies(run_of([(one, rapl(one)) for one in WINDOWS]))
    assert (found.method, found.windows, found.reasons) == ("rapl-package", 3, ())
    assert found.gross_mj.value == pytest.approx(60, rel=0.001)
    assert found.net_mj.value == pytest.approx(44, rel=0.001)
    half = 4.303 * 2 / 3**0.5  # Student's t of two degrees of freedom, deviation 2 mJ
    assert found.gross_mj.interval.high == pytest.approx(60 + half, rel=0.001)
    assert found.net_mj.interval.low == pytest.approx(44 - half, rel=0.001)
    assert found.power_mw == pytest.approx(3000, rel=0.001)
    assert found.idle_mw == pytest.approx(800, rel=0.001)


def test_a_net_energy_below_zero_keeps_its_interval():
    windows = [Window(load_mw=load, idle_mw=3000.0) for load in (2900.0, 2950.0, 2980.0)]
    (found,) = energies(run_of([(one, meter(one)) for one in windows]))
    assert found.net_mj.value < 0
    assert found.net_mj.interval.holds(found.net_mj.value)


def test_two_windows_have_no_interval():
    (found,) = energies(run_of([(one, rapl(one)) for one in WINDOWS[:2]]))
    assert found.windows == 2
    assert found.gross_mj.interval is None


def test_methods_are_reported_separately_and_missing_ones_say_why():
    plugged = [(one, [*gauge(one, plugged=2.0), *meter(one)[1:]]) for one in WINDOWS]
    found = {one.method: one for one in energies(run_of(plugged))}
    assert set(found) == {"gauge-current", "gauge-charge", "meter"}
    assert found["gauge-current"].gross_mj is None
    assert "powered by USB" in found["gauge-current"].reasons[0]
    assert found["meter"].gross_mj.value == pytest.approx(60, rel=0.01)


def test_blocks_that_do_not_count_have_no_energy():
    assert energies(run_of([(one, rapl(one)) for one in WINDOWS], "invalid")) == []


def test_the_export_has_a_row_for_each_window_stage_and_method():
    run = run_of([(one, gauge(one, Gauge(noise=0.001))) for one in WINDOWS])
    rows = list(csv.DictReader(io.StringIO(export.to_csv(run, "energy"))))
    assert len(rows) == 3 * 3 * 2
    predictions = [row for row in rows if (row["stage"], row["method"]) == ("prediction", "gauge-current")]
    assert [float(row["gross_mj"]) for row in predictions] == pytest.approx([58, 60, 62], rel=0.01)
    assert [float(row["net_mj"]) for row in predictions] == pytest.approx([42, 44, 46], rel=0.02)
    assert {row["missing"] for row in predictions} == {""}
    setup = [row for row in rows if row["stage"] == "setup"]
    assert {(row["gross_mj"], row["net_mj"]) for row in setup} == {("", "")}
    assert all("known to within 600 ms only" in row["missing"] for row in setup)


def test_the_report_has_a_table_with_method_and_limits():
    text = markdown.render(compose.document(summarise(run_of([(one, rapl(one)) for one in WINDOWS]))))
    assert "60 (55 to 65)" in text
    assert "44 (39 to 49)" in text
    assert "rapl-package" in text
    assert "without memory, disk and screen" in text
