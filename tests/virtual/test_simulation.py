"""Battery and temperatures that move with elapsed time and processor time."""

from __future__ import annotations

import dataclasses
import os
import time
from pathlib import Path

import pytest

from mobilebench.virtual import simulation
from mobilebench.virtual.config import Cluster
from mobilebench.virtual.simulation import Motion, advance, begin, present
from mobilebench.virtual.state import BadState, State, from_json, to_json, with_value
from tests.virtual.test_commands import ask, fields, make_device

CLUSTERS = (Cluster(0, 4, 2_000_000, 300_000), Cluster(4, 4, 3_000_000, 300_000))
HOUR = 3600.0


def after(
    state: State, seconds: float, *, cores: float = 0.0, heated: bool = False, start: Motion | None = None
) -> Motion:
    start = start or begin(state, 0.0, 0.0)
    used = start.cpu_seconds + cores * seconds
    return advance(start, state, CLUSTERS, start.at + seconds, used, heated=heated)


def unplugged() -> State:
    return with_value(State(), "battery.plugged", "none")


def test_an_idle_phone_stays_as_it_is() -> None:
    now = present(State(), after(State(), 60))
    assert (now.battery.level, now.battery.status, now.thermal.status) == (87, 2, 0)
    assert now.thermal == State().thermal
    assert now.battery.temperature == State().battery.temperature


def test_a_charging_phone_gets_full_and_an_unplugged_one_empty() -> None:
    stays = with_value(State(), "settings.global.stay_on_while_plugged_in", "7")
    charged = present(stays, after(stays, 3 * HOUR))
    assert (charged.battery.level, charged.battery.status, charged.battery.current_ua) == (100, 5, 0)
    drained = present(unplugged(), after(unplugged(), 24 * HOUR, cores=2))
    assert (drained.battery.level, drained.battery.status) == (0, 3)
    assert drained.battery.current_ua < 0
    assert drained.battery.voltage_mv == simulation.EMPTY_MV


def test_work_drains_and_heats_more_than_rest() -> None:
    rest, work = after(unplugged(), HOUR), after(unplugged(), HOUR, cores=3)
    assert work.charge_uah < rest.charge_uah
    assert all(getattr(work, part) > getattr(rest, part) + 3 for part in ("cpu", "gpu", "skin", "battery"))


def test_the_processor_heats_faster_than_the_skin_and_both_cool_again() -> None:
    soon = after(State(), 20, cores=2)
    assert soon.cpu - State().thermal.cpu > 5 * (soon.skin - State().thermal.skin) > 0
    hot = after(State(), HOUR, cores=4)
    cooled = after(State(), 2 * HOUR, start=hot)
    assert hot.skin > 45
    assert cooled.skin == pytest.approx(State().thermal.skin, abs=0.1)


def test_many_short_readings_and_one_long_one_agree() -> None:
    once = after(State(), 600, cores=1)
    steps = begin(State(), 0.0, 0.0)
    for _ in range(600):
        steps = after(State(), 1, cores=1, start=steps)
    assert steps.skin == pytest.approx(once.skin, abs=0.01)
    assert steps.charge_uah == pytest.approx(once.charge_uah, rel=1e-4)


def test_a_hot_phone_has_a_status_and_slower_clocks_that_are_counted() -> None:
    hot = after(State(), 1, heated=True)
    now = present(State(), hot)
    assert now.thermal.status == 4
    assert [simulation.allowed_khz(cluster, now.thermal) for cluster in CLUSTERS] == [1_000_000, 1_500_000]
    later = after(State(), 10, start=hot, heated=True)
    assert later.in_state[0][1_000_000] == pytest.approx(10)
    assert later.in_state[4][3_000_000] == pytest.approx(1)


def test_simulated_time_passes_at_its_speed() -> None:
    fast = with_value(unplugged(), "simulation.speed", 3600.0)
    one_second = after(fast, 24)
    assert one_second.simulated_s == pytest.approx(24 * HOUR)
    assert present(fast, one_second).battery.level == present(unplugged(), after(unplugged(), 24 * HOUR)).battery.level


def test_a_phone_that_nobody_asked_for_long_answers_soon() -> None:
    fastest = with_value(unplugged(), "simulation.speed", 1e6)
    begun = time.process_time()
    late = after(fastest, 24 * HOUR)
    assert time.process_time() - begun < 5
    assert late.simulated_s == pytest.approx(24e6 * HOUR)
    assert late.charge_uah == 0


def test_a_speed_may_be_a_fraction_after_a_whole_one() -> None:
    state = with_value(with_value(State(), "simulation.speed", 3600), "simulation.speed", 0.5)
    assert from_json(to_json(state)).simulation.speed == 0.5


@pytest.mark.parametrize("speed", [0, -1, 1e9, float("nan")])
def test_impossible_speeds_are_refused(speed: float) -> None:
    with pytest.raises(BadState, match=r"simulation\.speed"):
        with_value(State(), "simulation.speed", speed)


def test_values_set_by_hand_stay_until_they_are_released() -> None:
    state = with_value(with_value(unplugged(), "battery.level", 9), "thermal.skin", 44.0)
    moved = after(state, HOUR)
    assert (present(state, moved).battery.level, present(state, moved).thermal.skin) == (9, 44.0)
    assert present(state, moved).thermal.status == 2
    assert from_json(to_json(state)).fixed == state.fixed
    released = with_value(with_value(state, "battery.level", None), "thermal.skin", None)
    assert released.fixed == ()
    later = present(released, after(released, HOUR, cores=1, start=moved))
    assert later.battery.level < 9
    assert later.thermal.skin < 36


def test_the_screen_goes_off_by_itself_unless_it_is_to_stay_on() -> None:
    state = with_value(with_value(State(), "settings.system.screen_off_timeout", "30000"), "screen.keyguard", "secret")
    assert present(state, after(state, 29)).screen.on
    off = present(state, after(state, 31)).screen
    assert (off.on, off.locked) == (False, True)
    staying = with_value(state, "settings.global.stay_on_while_plugged_in", "2")
    assert present(staying, after(staying, HOUR)).screen.on
    on_battery = with_value(staying, "battery.plugged", "none")
    assert not present(on_battery, after(on_battery, HOUR)).screen.on


def test_what_dumpsys_reports_may_differ_from_what_is_plugged_in(tmp_path: Path) -> None:
    device = make_device(tmp_path)
    device.files.simulate(lambda: 0.0)
    ask(device, "dumpsys", "battery", "unplug")
    assert fields(ask(device, "dumpsys", "battery").stdout)["USB powered"] == "false"
    motion = device.files.motion
    assert motion is not None
    state = device.state
    assert after(state, 60, start=dataclasses.replace(motion, cpu_seconds=0.0)).current_ua > 0
    ask(device, "dumpsys", "battery", "reset")
    assert fields(ask(device, "dumpsys", "battery").stdout)["USB powered"] == "true"


def test_a_value_set_by_hand_survives_dumpsys_battery(tmp_path: Path) -> None:
    device = make_device(tmp_path)
    device.files.simulate(lambda: 0.0)
    device.files.change(lambda state: with_value(state, "battery.level", 9))
    ask(device, "dumpsys", "battery", "set", "level", "50")
    assert fields(ask(device, "dumpsys", "battery").stdout)["level"] == "50"
    ask(device, "dumpsys", "battery", "reset")
    assert fields(ask(device, "dumpsys", "battery").stdout)["level"] == "9"


def test_sys_shows_the_present_values(tmp_path: Path) -> None:
    device = make_device(tmp_path)
    device.files.simulate(lambda: 0.0)
    device.files.heat(on=True)
    sys = tmp_path / "sys"
    assert (sys / "class/thermal/thermal_zone0/temp").read_text() == "92000\n"
    assert (sys / "class/power_supply/battery/temp").read_text() == "460\n"
    policies = sorted((sys / "devices/system/cpu/cpufreq").glob("policy*"))
    assert len(policies) > 1
    for policy in policies:
        present_khz, highest = ((policy / name).read_text() for name in ("scaling_cur_freq", "cpuinfo_max_freq"))
        assert int(present_khz) < int(highest)
        assert dict(line.split() for line in (policy / "stats/time_in_state").read_text().splitlines())


def test_processor_time_of_this_process_is_counted() -> None:
    before = simulation.used_cpu_seconds([os.getpid()])
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
    assert simulation.used_cpu_seconds([os.getpid()]) >= before + 0.05
    assert simulation.used_cpu_seconds([0]) == 0.0
