"""What phones print, read rightly: only what is current, in one unit, and never a guess."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.recorders import battery, load, thermal
from mobilebench.recorders.reading import Void
from tests.pinning import Pinned

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
  present: true
  level: 100
  scale: 100
  voltage: 4312
  temperature: 301
  batteryMiscEvent: 65536
  charge counter: 2967000
  Adaptive Fast Charging Settings: true
USE_FAKE_BATTERY: false
SEC_FEATURE_BATTERY_SIMULATION: false
BatteryInfoBackUp
  mSavedBatteryAsoc: 98
  [2024-01-01 09:12:33] Logging: level: 12
  level: 7
  temperature: 450
"""
SAMSUNG_OLDER = SAMSUNG_BATTERY.replace("USE_FAKE_BATTERY: false\n", "\n")
TELEVISION_BOX = """Current Battery Service state:
  AC powered: true
  status: 1
  health: 1
  present: false
  level: 0
  scale: 100
  voltage: 0
  temperature: 0
  technology:
"""
UPDATES_STOPPED = PIXEL_BATTERY.replace("state:\n", "state:\n  (UPDATES STOPPED -- use 'reset' to restart)\n")
LEVEL, TEMPERATURE, STATUS, VOLTAGE, CHARGE = battery.KEYS


def values(readings):
    """Those readings that have a value."""
    return {key: one for key, one in readings.items() if not isinstance(one, Void)}


def reasons(readings):
    """Why the others have none."""
    return {key: one.reason for key, one in readings.items() if isinstance(one, Void)}


PIXEL_VALUES = {LEVEL: 83, TEMPERATURE: 28.7, STATUS: 2, VOLTAGE: 4.213, CHARGE: 3542}
SAMSUNG_VALUES = {LEVEL: 100, TEMPERATURE: 30.1, STATUS: 5, VOLTAGE: 4.312, CHARGE: 2967}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PIXEL_BATTERY, PIXEL_VALUES),
        (PIXEL_BATTERY.replace("\n", "\r\n"), PIXEL_VALUES),
        (SAMSUNG_BATTERY, SAMSUNG_VALUES),
        (SAMSUNG_OLDER, SAMSUNG_VALUES),
        (PIXEL_BATTERY.replace("scale: 100", "scale: 200"), PIXEL_VALUES | {LEVEL: 41.5}),
        (PIXEL_BATTERY.replace("  scale: 100\n", ""), PIXEL_VALUES),
        (PIXEL_BATTERY.replace("level: 83", "level: 0"), PIXEL_VALUES | {LEVEL: 0}),
        (PIXEL_BATTERY.replace("voltage: 4213", "voltage: 4213000"), PIXEL_VALUES),
        (PIXEL_BATTERY.replace("temperature: 287", "temperature: 2870"), PIXEL_VALUES),
        (PIXEL_BATTERY.replace("temperature: 287", "temperature: 28700"), PIXEL_VALUES),
        (PIXEL_BATTERY.replace("temperature: 287", "temperature: -35"), PIXEL_VALUES | {TEMPERATURE: -3.5}),
        (PIXEL_BATTERY + "  level: 83\n", PIXEL_VALUES),
    ],
)
def test_battery(text, expected):
    readings = battery.parse(text)
    assert list(readings) == list(battery.KEYS)
    assert readings == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (TELEVISION_BOX, "no battery is fitted"),
        (PIXEL_BATTERY.replace("present: true", "present: false"), "no battery is fitted"),
        (UPDATES_STOPPED, "set by hand"),
        (SAMSUNG_BATTERY.replace("FAKE_BATTERY: false", "FAKE_BATTERY: true"), "set by hand"),
        (PIXEL_BATTERY.replace("voltage: 4213", "voltage: 0"), "0 V"),
        (PIXEL_BATTERY + "  present: false\n", "one of several batteries"),
        ("Can't find service: battery\n", "has no service battery"),
        ("Permission Denial: can't dump BatteryService from pid=1 without DUMP\n", "does not let a shell query"),
        ("*** SERVICE 'battery' DUMP TIMEOUT (10000ms) EXPIRED ***\n", "did not answer within the phone's own limit"),
        (PIXEL_BATTERY[:120] + "\n*** SERVICE 'battery' DUMP TIMEOUT (10000ms) EXPIRED ***\n", "phone's own limit"),
        ("Error dumping service info: (Unknown error -2147483647) battery\n", "failed to answer"),
        ("/system/bin/sh: dumpsys: inaccessible or not found\n", "has no dumpsys"),
        ("Estado de la batería:\n  level: 83\n", "not the state of a battery"),
        ("level: 83\ntemperature: 287\n", "not the state of a battery"),
        ("", "answered nothing"),
    ],
)
def test_reasons_against_every_value_of_a_battery(text, reason):
    readings = battery.parse(text)
    assert values(readings) == {}
    assert all(reason in one for one in reasons(readings).values())
    assert list(readings) == list(battery.KEYS)


@pytest.mark.parametrize(
    ("line", "instead", "key", "reason"),
    [
        ("level: 83", "level: 183", LEVEL, "183 of 100 is impossible"),
        ("level: 83", "level: -1", LEVEL, "-1 of 100 is impossible"),
        ("level: 83", "level: 83.5", LEVEL, "83.5 is not a valid level"),
        ("  level: 83\n", "", LEVEL, "does not report the battery's level"),
        ("level: 83", "level: 83\n  level: 41", LEVEL, "several values of the battery's level (41, 83)"),
        ("scale: 100", "scale: 0", LEVEL, "83 of 0 is impossible"),
        ("temperature: 287", "temperature: -1000", TEMPERATURE, "-1000 (tenths of °C) is impossible"),
        ("temperature: 287", "temperature: 0", TEMPERATURE, "exactly 0 °C"),
        ("temperature: 287", "temperature: 28", TEMPERATURE, "2.8 °C by Android's unit or 28 °C in whole degrees"),
        ("temperature: 287", "temperature: 1000", TEMPERATURE, "impossible"),
        ("temperature: 287", "temperature: 32767", TEMPERATURE, "impossible"),
        ("temperature: 287", "temperature: 2147483647", TEMPERATURE, "impossible"),
        ("temperature: 287", "temperature: -2147483648", TEMPERATURE, "impossible"),
        ("  temperature: 287\n", "", TEMPERATURE, "does not report the battery's temperature"),
        ("voltage: 4213", "voltage: 42", VOLTAGE, "42 is no voltage of a battery"),
        ("  voltage: 4213\n", "", VOLTAGE, "does not report the battery's voltage"),
        ("counter: 3542000", "counter: 0", CHARGE, "0 stands for one that is not measured"),
        ("counter: 3542000", "counter: 3542", CHARGE, "3542 fits both mAh and µAh"),
        ("counter: 3542000", "counter: -7", CHARGE, "-7 stands for one that is not measured"),
        ("status: 2", "status: 1", STATUS, "does not know its charging state"),
        ("status: 2", "status: 9", STATUS, "9 is not a charging state"),
        ("  status: 2\n", "", STATUS, "does not report the battery's status"),
    ],
)
def test_one_void_field_leaves_the_others(line, instead, key, reason):
    readings = battery.parse(PIXEL_BATTERY.replace(line, instead))
    assert reason in reasons(readings)[key]
    assert values(readings) == pytest.approx({one: PIXEL_VALUES[one] for one in battery.KEYS if one != key})


def test_a_reason_stays_short_however_much_a_phone_reports():
    many = "".join(f"  level: {'9' * 5000}{number}\n" for number in range(50))
    assert len(reasons(battery.parse(PIXEL_BATTERY + many))[LEVEL]) < 400


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
	Temperature{mValue=0.0, mType=0, mName=CPU7, mStatus=0}
	Temperature{mValue=41.0, mType=1, mName=GPU0, mStatus=-1}
	Temperature{mValue=31.2, mType=2, mName=battery, mStatus=0}
	Temperature{mValue=33.9, mType=3, mName=skin, mStatus=1}
	Temperature{mValue=NaN, mType=4, mName=usb, mStatus=0}
	Temperature{mValue=-274000.0, mType=9, mName=TPU0, mStatus=0}
	Temperature{mValue=-5700.0, mType=-1, mName=virtual, mStatus=0}
	Temperature{mValue=72.0, mType=8, mName=soc, mStatus=0}
Current cooling devices from HAL:
	CoolingDevice{mValue=0, mType=2, mName=thermal-cpufreq-0}
Temperature static thresholds from HAL:
	Temperature{mValue=120.0, mType=0, mName=limit, mStatus=0}
"""
CPU, GPU = ("cpu", "°C"), ("gpu", "°C")
THERMAL_VALUES = {thermal.STATUS: 1, CPU: 64.25, GPU: 41.0, ("battery", "°C"): 31.2, ("skin", "°C"): 33.9}


def test_thermal_reads_the_hottest_sensor_of_each_kind_from_the_hardware_only():
    readings = thermal.parse(THERMAL)
    assert values(readings) == THERMAL_VALUES
    assert reasons(readings) == {
        ("usb_port", "°C"): "its sensors report impossible values (NaN)",
        ("npu", "°C"): "its sensors report impossible values (-274000.0)",
    }
    assert values(thermal.parse(THERMAL.replace("\n", "\r\n"))) == THERMAL_VALUES


def test_an_overridden_status_is_void_and_the_temperatures_are_not(pinned: Pinned):
    readings = thermal.parse(THERMAL.replace("IsStatusOverride: false", "IsStatusOverride: true"))
    pinned(reasons(readings)[thermal.STATUS])
    assert values(readings) == {key: one for key, one in THERMAL_VALUES.items() if key != thermal.STATUS}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (THERMAL.replace("HAL Ready: true", "HAL Ready: false"), "not ready"),
        (THERMAL.partition("HAL Ready")[0] + "HAL Ready: false\n", "not ready"),
        ("Can't find service: thermalservice\n", "has no service thermalservice"),
        ("Permission Denial: can't dump ThermalManagerService\n", "does not let a shell query"),
        ("*** SERVICE 'thermalservice' DUMP TIMEOUT (10000ms) EXPIRED ***\n", "own limit"),
        ("Temperatura{mValue=30.0, mType=0}\n", "not the state of the thermal service"),
        ("", "answered nothing"),
    ],
)
def test_reasons_against_every_value_of_the_thermal_service(text, reason):
    readings = thermal.parse(text)
    assert list(readings) == list(thermal.KEYS)
    assert values(readings) == {}
    assert all(reason in one for one in reasons(readings).values())


@pytest.mark.parametrize(
    ("line", "instead", "key", "reason"),
    [
        ("Thermal Status: 1\n", "", thermal.STATUS, "does not report its thermal status"),
        ("Thermal Status: 1\n", "Thermal Status: 9\n", thermal.STATUS, "9 is not a thermal status"),
        ("Thermal Status: 1\n", "Thermal Status: -1\n", thermal.STATUS, "-1 is not a thermal status"),
        ("Thermal Status: 1\n", "Thermal Status: 1\nThermal Status: 3\n", thermal.STATUS, "several"),
        ("mValue=41.0, mType=1", "mValue=0.0, mType=1", GPU, "impossible values (0.0)"),
        ("mValue=41.0, mType=1", "mValue=-40.0, mType=1", GPU, "impossible values (-40.0)"),
        ("mValue=41.0, mType=1", "mValue=41000.0, mType=1", GPU, "impossible values (41000.0)"),
        ("mValue=41.0, mType=1", "mValue=Infinity, mType=1", GPU, "impossible values (Infinity)"),
        ("mValue=41.0, mType=1", "mValue=41.0, mType=7", GPU, "lists no such sensor"),
    ],
)
def test_one_void_thermal_reading_leaves_the_others(line, instead, key, reason):
    readings = thermal.parse(THERMAL.replace(line, instead))
    assert reason in reasons(readings)[key]
    assert values(readings) == {one: value for one, value in THERMAL_VALUES.items() if one != key}


def test_stale_temperatures_are_not_used_where_the_hardware_reports_none():
    readings = thermal.parse(THERMAL.partition("Current temperatures")[0])
    assert values(readings) == {thermal.STATUS: 1}
    assert set(reasons(readings).values()) == {"the phone's thermal hardware layer reports no temperatures"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/proc/loadavg 0.52 0.58 0.59 1/467 12345\n", 0.52),
        ("/tmp/phone/proc/loadavg 12.00 8.10 4.00 9/1200 4294967295\n", 12.0),
        ("/proc/loadavg !denied\n", Void("the phone does not let a shell read /proc/loadavg")),
        ("/proc/loadavg 0,52 0,58 0,59 1/467 12345\n", Void("/proc/loadavg holds no load average")),
        ("", Void("/proc/loadavg holds no load average")),
    ],
)
def test_load(text, expected):
    assert load.parse(text) == {("load_1min", "processes"): expected}


@given(st.text(), st.sampled_from([PIXEL_BATTERY, SAMSUNG_BATTERY, THERMAL]), st.integers(0, 900))
def test_broken_output_never_breaks_a_parser(noise, text, cut):
    broken = text[:cut] + noise + text[cut:]
    for parse in (battery.parse, thermal.parse, load.parse):
        readings = parse(broken)
        assert readings
        assert all(math.isfinite(value) for value in values(readings).values())
        assert all(reasons(readings).values())


@given(st.integers(-200, 900).filter(lambda tenths: not 0 <= tenths <= 60))
def test_tenths_of_a_degree_are_read_as_such(tenths):
    text = PIXEL_BATTERY.replace("temperature: 287", f"temperature: {tenths}")
    assert battery.parse(text)[TEMPERATURE] == pytest.approx(tenths / 10)


@given(
    st.dictionaries(
        st.sampled_from(range(5)),
        st.lists(st.floats(-39, 200).filter(lambda celsius: celsius != 0), min_size=1, max_size=4),
    )
)
@pytest.mark.slow
def test_thermal_answers_the_maximum_of_each_kind(sensors):
    rows = [
        f"\tTemperature{{mValue={value!r}, mType={kind}, mName=s, mStatus=0}}\n"
        for kind, values in sensors.items()
        for value in values
    ]
    text = "Current temperatures from HAL:\n" + "".join(rows) + "Current cooling devices from HAL:\n"
    found = values(thermal.parse(text))
    assert sorted(found.values()) == pytest.approx(sorted(max(one) for one in sensors.values()))
