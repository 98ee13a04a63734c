"""Energy that is computed from stored series agrees with the energy that was drawn, for every kind of meter."""

from __future__ import annotations

import math

import pytest

from mobilebench.core.records import Series
from mobilebench.recorders.energy.quantities import CHARGE, CURRENT, MARK, PLUGGED, STATUS, VOLTAGE
from mobilebench.recorders.energy.window import Account, StageEnergy, accounts, unwrapped
from mobilebench.recorders.reading import Void

from .traces import Gauge, Window, gauge, meter, rapl, series

WINDOW = Window()


def by_method(found: list[Series], window: Window = WINDOW) -> dict[str, Account]:
    return {one.method: one for one in accounts(found, window.measurement())}


def predictions(account: Account) -> StageEnergy:
    found = account.stages["prediction"]
    assert isinstance(found, StageEnergy), found
    return found


def why(account: Account, stage: str = "prediction") -> str:
    found = account.stages[stage]
    assert isinstance(found, Void), found
    return found.reason


def changed(found: list[Series], key: tuple[str, str], **changes: object) -> list[Series]:
    return [one.model_copy(update=changes) if (one.name, one.unit) == key else one for one in found]


def test_a_counter_that_starts_again_counts_on():
    assert unwrapped([], 10.0) == []
    assert unwrapped([7.0], 10.0) == [0.0]
    assert unwrapped([7.0, 9.0, 1.0, 1.0, 0.0], 10.0) == [0.0, 2.0, 4.0, 4.0, 13.0]


@pytest.mark.parametrize(
    ("size", "start"),
    [(2.0**32 * 61, 0.0), (2.0**32 * 61, 2.0**32 * 61 - 5e6), (20e6, 3e6)],
    ids=["no wrap", "one wrap", "many wraps"],
)
def test_counters_of_the_processor(size, start):
    found = by_method(rapl(WINDOW, size_uj=size, start_uj=start))
    assert list(found) == ["rapl-package"]
    energy = predictions(found["rapl-package"])
    assert energy.gross_mj == pytest.approx(WINDOW.gross_mj, rel=0.001)
    assert energy.net_mj == pytest.approx(WINDOW.net_mj, rel=0.001)
    assert energy.updates > 250
    assert energy.seconds == pytest.approx(WINDOW.prediction_ms * WINDOW.predictions / 1000 - 0.6, abs=0.01)
    assert found["rapl-package"].idle_drift == pytest.approx(0, abs=0.001)


def test_packages_of_one_computer_are_added():
    first = rapl(WINDOW)
    second = [one.model_copy(update={"name": "package-1"}) for one in first if one.unit != MARK[1]]
    energy = predictions(by_method([*first, *second])["rapl-package"])
    assert energy.gross_mj == pytest.approx(2 * WINDOW.gross_mj, rel=0.001)


def test_a_stage_whose_time_is_not_certain_has_no_energy_and_a_long_one_has():
    short = by_method(rapl(WINDOW))["rapl-package"]
    assert "is known to within 600 ms only" in why(short, "setup")
    assert "is known to within 600 ms only" in why(short, "warmup")
    slow = Window(setup_ms=20_000, warmup_ms=4000)
    stages = by_method(rapl(slow), slow)["rapl-package"].stages
    assert stages["setup"].gross_mj == pytest.approx(3000 * 20, rel=0.001)
    assert stages["warmup"].net_mj == pytest.approx(2200 * 4, rel=0.001)


@pytest.mark.parametrize("update_s", [0.25, 1.0, 2.5, 10.0])
@pytest.mark.parametrize("averages", [False, True])
def test_a_fuel_gauge_of_any_rate(update_s, averages):
    window = Window(predictions=30_000, idle_s=60)
    found = by_method(gauge(window, Gauge(update_s, averages=averages)), window)
    assert list(found) == ["gauge-current", "gauge-charge"]
    for account in found.values():
        energy = predictions(account)
        assert energy.gross_mj == pytest.approx(window.gross_mj, rel=0.02)
        assert energy.net_mj == pytest.approx(window.net_mj, rel=0.04)
        assert energy.updates >= 50


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("unit", [1e6, 1e3], ids=["µA", "mA"])
def test_sign_and_unit_of_the_current_are_recognised(sign, unit):
    energy = predictions(by_method(gauge(WINDOW, Gauge(sign=sign, unit=unit)))["gauge-current"])
    assert energy.gross_mj == pytest.approx(WINDOW.gross_mj, rel=0.02)
    assert energy.net_mj == pytest.approx(WINDOW.net_mj, rel=0.03)


def test_a_unit_that_fits_neither_is_refused():
    assert "unit of the battery's current is not clear" in why(
        by_method(gauge(WINDOW, Gauge(unit=3e4)))["gauge-current"]
    )
    odd = changed(gauge(WINDOW), VOLTAGE, values=[39.0] * len(gauge(WINDOW)[1].values))
    found = by_method(odd)
    assert "voltage is not clear: a voltage of 39 " in why(found["gauge-current"])
    assert "voltage is not clear: a voltage of 39 " in why(found["gauge-charge"])


def test_a_charge_counter_that_contradicts_the_current_refuses_both():
    found = gauge(WINDOW)
    counter = next(one for one in found if one.name == CHARGE[0])
    slower = [counter.values[0] - (counter.values[0] - value) / 100 for value in counter.values]
    for account in by_method(changed(found, CHARGE, values=slower)).values():
        assert "contradict each other" in why(account)


def test_without_current_the_charge_counter_still_counts():
    found = by_method(changed(gauge(WINDOW), CURRENT, values=[], times_ms=[], reason="a shell may not read it"))
    assert why(found["gauge-current"]) == "a shell may not read it"
    assert predictions(found["gauge-charge"]).gross_mj == pytest.approx(WINDOW.gross_mj, rel=0.02)


@pytest.mark.parametrize("plugged", [1.0, 2.0, 4.0, 8.0])
def test_a_phone_that_is_plugged_in_has_no_energy(plugged):
    for account in by_method(gauge(WINDOW, plugged=plugged)).values():
        assert why(account).startswith("powered by")


def test_a_phone_that_was_plugged_in_or_charged_in_between_has_no_energy():
    late = changed(gauge(WINDOW), PLUGGED, values=[0.0, 2.0])
    assert "powered by USB" in why(by_method(late)["gauge-current"])
    states = [3.0] * len(gauge(WINDOW)[1].values)
    states[40] = 2.0
    assert "was charged" in why(by_method(changed(gauge(WINDOW), STATUS, values=states))["gauge-charge"])
    unknown = changed(gauge(WINDOW), PLUGGED, values=[], times_ms=[], reason="it does not say")
    assert "not known whether the phone was plugged in: it does not say" in why(by_method(unknown)["gauge-current"])


def test_suspended_charging_counts_only_while_it_was_suspended_throughout():
    plugged = gauge(WINDOW, plugged=2.0, status=4.0)
    times = plugged[1].times_ms
    held = series(("charging_suspended", "state"), times, [1.0] * len(times))
    energy = predictions(by_method([*plugged, held])["gauge-current"])
    assert energy.gross_mj == pytest.approx(WINDOW.gross_mj, rel=0.02)
    let_go = held.model_copy(update={"values": [1.0] * (len(times) - 1) + [0.0]})
    assert "powered by USB" in why(by_method([*plugged, let_go])["gauge-current"])


def test_a_current_that_falls_under_load_or_changes_its_sign_is_not_of_a_discharged_battery():
    charged = Window(idle_mw=3000, load_mw=1000)
    assert "smaller under load" in why(by_method(gauge(charged), charged)["gauge-current"])
    current = next(one for one in gauge(WINDOW) if one.name == CURRENT[0])
    turning = [value * (-1) ** (at // 20) for at, value in enumerate(current.values)]
    assert "changes its sign" in why(by_method(changed(gauge(WINDOW), CURRENT, values=turning))["gauge-current"])


def test_a_gauge_that_stands_still_has_no_energy_and_idle_times_without_updates_no_net():
    still = changed(gauge(WINDOW), CURRENT, values=[-500_000.0] * len(gauge(WINDOW)[1].values))
    assert "changed 0 times" in why(by_method(still)["gauge-current"])
    window = Window(predictions=30_000, idle_s=12)
    slow = predictions(by_method(gauge(window, Gauge(10.0)), window)["gauge-current"])
    assert slow.gross_mj == pytest.approx(window.gross_mj, rel=0.02)
    assert isinstance(slow.net_mj, Void)
    assert "idle power is not known" in slow.net_mj.reason


def test_an_external_meter():
    energy = predictions(by_method(meter(WINDOW))["meter"])
    assert energy.gross_mj == pytest.approx(WINDOW.gross_mj, rel=0.005)
    assert energy.net_mj == pytest.approx(WINDOW.net_mj, rel=0.01)


def test_a_meter_that_stops_in_the_window_has_no_energy():
    found = meter(WINDOW, until_s=40.0)
    cut = [*found[:-1], found[-1].model_copy(update={"reason": "the meter closed the connection"})]
    assert "gave no samples for" in why(by_method(cut)["meter"])
    assert "the meter closed the connection" in why(by_method(cut)["meter"])


def test_idle_power_that_differs_is_reported():
    window = Window(after_mw=1400.0)
    account = by_method(meter(window), window)["meter"]
    assert account.idle_before_mw == pytest.approx(800, rel=0.01)
    assert account.idle_after_mw == pytest.approx(1400, rel=0.01)
    assert account.idle_drift == pytest.approx(600 / 1900, rel=0.03)


def test_a_window_that_was_not_completed_has_no_accounts():
    short = series(MARK, [0.0, 15_000.0, 70_000.0], [0.0, 1.0, 2.0])
    assert accounts([short, *rapl(WINDOW)[1:]], WINDOW.measurement()) == ()
    assert accounts([], WINDOW.measurement()) == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"values": [float("nan")] * 5, "times_ms": [0.0, 1.0, 2.0, 3.0, 4.0]},
        {"values": [1.0] * 5, "times_ms": [0.0, 9.0, 2.0, 3.0, 4.0]},
        {"values": [1.0], "times_ms": [0.0, 1.0]},
        {"values": [1.0] * 3, "times_ms": [40_000.0] * 3},
        {"values": [1.0, 2.0, 3.0], "times_ms": [40_000.0] * 3},
        {"values": [1e300] * 3, "times_ms": [-1e300, 0.0, 1e300]},
    ],
)
@pytest.mark.parametrize(
    "name", ["package-0", "current", "charge_counter", "voltage", "meter", "status", "plugged", "mark"]
)
def test_series_that_no_recorder_wrote_do_no_harm(name, changes):
    everything = [*rapl(WINDOW), *gauge(WINDOW)[1:], *meter(WINDOW)[1:]]
    broken = [one.model_copy(update=changes) if one.name == name else one for one in everything]
    for account in accounts(broken, WINDOW.measurement()):
        for stage in account.stages.values():
            assert isinstance(stage, Void) or math.isfinite(stage.gross_mj)
