"""What phones print, read rightly: only what is current, in one unit, and never a guess."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.probes import battery, load, thermal

PIXEL_BATTERY = """Current Battery Service state:
  AC powered: false
  USB powered: true
  Wireless powered: false
  Max charging current: 500000
  Max charging voltage: 5000000
  Charge counter: 3542000
  status: 2
  health: 2
  present: true
  level: 83
  scale: 100
  voltage: 4213
  temperature: 287
  technology: Li-ion
"""
SAMSUNG_BATTERY = """Current Battery Service state:
  AC powered: false
  USB powered: true
  status: 5
  level: 100
  scale: 100
  temperature: 301
  batteryMiscEvent: 65536

  BatteryInfoBackUp
  mSavedBatteryAsoc: 98
  [2024-01-01 09:12:33] Logging: level: 12
  level: 7
  temperature: 450
"""
UPDATES_STOPPED = """Current Battery Service state:
  (UPDATES STOPPED -- use 'reset' to restart)
  level: 50
  scale: 200
  temperature: -15
  status: 9
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PIXEL_BATTERY, {("level", "%"): 83, ("temperature", "°C"): 28.7, ("status", "state"): 2}),
        (SAMSUNG_BATTERY, {("level", "%"): 100, ("temperature", "°C"): 30.1, ("status", "state"): 5}),
        (UPDATES_STOPPED, {("level", "%"): 25, ("temperature", "°C"): -1.5}),
        (
            PIXEL_BATTERY.replace("287", "2870"),
            {("level", "%"): 83, ("temperature", "°C"): 28.7, ("status", "state"): 2},
        ),
        (
            PIXEL_BATTERY.replace("287", "28700"),
            {("level", "%"): 83, ("temperature", "°C"): 28.7, ("status", "state"): 2},
        ),
        (
            PIXEL_BATTERY.replace("\n", "\r\n"),
            {("level", "%"): 83, ("temperature", "°C"): 28.7, ("status", "state"): 2},
        ),
        ("Can't find service: battery\n", {}),
        ("", {}),
    ],
)
def test_battery(text, expected):
    assert battery.parse(text) == pytest.approx(expected)


def test_an_impossible_charge_is_left_out():
    assert ("level", "%") not in battery.parse(PIXEL_BATTERY.replace("level: 83", "level: 183"))
    assert ("level", "%") not in battery.parse(PIXEL_BATTERY.replace("scale: 100", "scale: 0"))


THERMAL = """IsStatusOverride: false
ThermalEventListeners:
	callbacks: 2
Thermal Status: 1
Cached temperatures:
	Temperature{mValue=99.0, mType=0, mName=CPU0, mStatus=0}
	Temperature{mValue=98.0, mType=3, mName=skin, mStatus=0}
HAL Ready: true
HAL connection:
	ThermalHAL 2.0 connected: yes
Current temperatures from HAL:
	Temperature{mValue=62.5, mType=0, mName=CPU0, mStatus=0}
	Temperature{mValue=64.25, mType=0, mName=CPU7, mStatus=0}
	Temperature{mValue=41.0, mType=1, mName=GPU0, mStatus=0}
	Temperature{mValue=31.2, mType=2, mName=battery, mStatus=0}
	Temperature{mValue=33.9, mType=3, mName=skin, mStatus=1}
	Temperature{mValue=NaN, mType=4, mName=usb, mStatus=0}
	Temperature{mValue=-274000.0, mType=9, mName=TPU0, mStatus=0}
Current cooling devices from HAL:
	CoolingDevice{mValue=0, mType=2, mName=thermal-cpufreq-0}
Temperature static thresholds from HAL:
	Temperature{mValue=120.0, mType=0, mName=limit, mStatus=0}
"""


def test_thermal_reads_the_hottest_sensor_of_each_kind_from_the_hardware_only():
    assert thermal.parse(THERMAL) == {
        ("status", "state"): 1,
        ("cpu", "°C"): 64.25,
        ("gpu", "°C"): 41.0,
        ("battery", "°C"): 31.2,
        ("skin", "°C"): 33.9,
    }


def test_thermal_of_a_phone_whose_hardware_does_not_answer_has_the_status_only():
    silent = THERMAL.partition("HAL Ready")[0] + "HAL Ready: false\n"
    assert thermal.parse(silent) == {("status", "state"): 1}


def test_thermal_without_the_service():
    assert thermal.parse("Can't find service: thermalservice\n") == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.52 0.58 0.59 1/467 12345\n", 0.52),
        ("12.00 8.10 4.00 9/1200 4294967295\n", 12.0),
        ("cat: /proc/loadavg: Permission denied\n", None),
        ("", None),
    ],
)
def test_load(text, expected):
    assert load.parse(text).get(("load_1min", "processes")) == expected


@given(st.text(), st.sampled_from([PIXEL_BATTERY, SAMSUNG_BATTERY, THERMAL]), st.integers(0, 900))
def test_broken_output_never_breaks_a_parser(noise, text, cut):
    broken = text[:cut] + noise + text[cut:]
    for parse in (battery.parse, thermal.parse, load.parse):
        assert all(math.isfinite(value) for value in parse(broken).values())


@given(st.integers(-400, 1200))
def test_tenths_of_a_degree_are_read_as_such(tenths):
    text = PIXEL_BATTERY.replace("temperature: 287", f"temperature: {tenths}")
    assert battery.parse(text)["temperature", "°C"] == pytest.approx(tenths / 10)


@given(st.dictionaries(st.sampled_from(range(5)), st.lists(st.floats(-50, 150), min_size=1, max_size=4)))
def test_thermal_answers_the_maximum_of_each_kind(sensors):
    rows = [
        f"\tTemperature{{mValue={value!r}, mType={kind}, mName=s, mStatus=0}}\n"
        for kind, values in sensors.items()
        for value in values
    ]
    found = thermal.parse("Current temperatures from HAL:\n" + "".join(rows) + "Current cooling devices from HAL:\n")
    assert sorted(found.values()) == pytest.approx(sorted(max(values) for values in sensors.values()))
