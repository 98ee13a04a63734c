"""Read-outs of many families of phones, from Android 7 to 16 (`captured/README.md` says where they come from)."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilebench.recorders import battery, clocks, cpu, current, gpu, load, logcat, ram, rapl, thermal, zones
from mobilebench.recorders.reading import COUNTER, Readings, Void
from tests.recorders import parsers
from tests.recorders.parsers import CAPTURED, PREPARED

FILES = CAPTURED
NAMES = [file.stem for file in FILES]
READ: dict[str, Callable[[str], Readings]] = {
    "battery": battery.parse,
    "thermalservice": thermal.parse,
    "zones": zones.parse,
    "clocks": clocks.parse,
    "current": current.parse,
    "gpu": gpu.parse,
}


def sections(name: str) -> dict[str, str]:
    return parsers.sections(next(file for file in FILES if file.stem == name))


def read(name: str, section: str) -> Readings:
    return READ[section](PREPARED[section](sections(name)[section]))


def known(readings: Readings) -> dict[str, float]:
    return {key[0]: value for key, value in readings.items() if not isinstance(value, Void)}


def reasons(readings: Readings) -> dict[str, str]:
    return {key[0]: value.reason for key, value in readings.items() if isinstance(value, Void)}


def test_the_families_are_many_and_span_the_versions() -> None:
    assert len(FILES) >= 8
    assert {int(name.rpartition("-")[2]) for name in NAMES} >= {7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
    assert all(set(sections(name)) == set(READ) == set(PREPARED) for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_reading_is_a_plausible_value_or_has_a_reason(name: str) -> None:
    for section in READ:
        readings = read(name, section)
        assert readings
        for (series, unit), value in readings.items():
            if isinstance(value, Void):
                assert value.reason and not value.reason.endswith("."), (section, series)
            elif unit == "°C":
                assert 15 < value < 100, (section, series)
            elif unit == "MHz":
                assert 50 < value < 4000, (section, series)
            elif unit == "%":
                assert 0 <= value <= 100, (section, series)
            elif unit == "V":
                assert 3 < value < 4.5, (section, series)
            elif unit == "mA":
                assert 50 < abs(value) < 6000, (section, series)
            elif unit == "mAh":
                assert 500 < value < 6000, (section, series)


PIXEL, GALAXY, GALAXY_9 = (
    NAMES[1],
    "samsung-galaxy-s24-exynos-2400-android-14",
    "samsung-galaxy-s9-exynos-9810-android-9",
)
REDMI, XIAOMI = "xiaomi-redmi-note-4-snapdragon-625-android-7", "xiaomi-13-snapdragon-8-gen-2-android-13"
ONEPLUS, MEDIATEK = "oneplus-9-snapdragon-888-android-12", "xiaomi-12t-dimensity-8100-android-12"
KIRIN, MOTO, NEXUS = "huawei-p30-kirin-980-android-10", "motorola-moto-g52-snapdragon-680-android-11", NAMES[3]


@pytest.mark.parametrize(
    ("name", "section", "values"),
    [
        (PIXEL, "battery", {"level": 81, "temperature": 29.3, "status": 2, "voltage": 4.287, "charge_counter": 3611}),
        (PIXEL, "thermalservice", {"status": 0, "cpu": 46, "gpu": 41, "npu": 40, "battery": 29.3, "skin": 31.642,
                                   "usb_port": 30.9}),
        (PIXEL, "zones", {"cpu": 46, "gpu": 41, "npu": 40, "battery": 29.3, "skin": 31.642}),
        (PIXEL, "clocks", {"policy0": 1197, "policy4": 1549, "policy8": 2363}),
        (PIXEL, "current", {"current": 412.5, "voltage": 4.2875, "charge_counter": 3611, "current_now": 412_500}),
        (PIXEL, "gpu", {"clock": 302, "load": 7}),
        (GALAXY, "battery", {"level": 76, "temperature": 31.2, "status": 2, "voltage": 4.213, "charge_counter": 2961}),
        (GALAXY, "thermalservice", {"status": 0, "cpu": 34.4, "battery": 31.2, "skin": 32.7}),
        (GALAXY, "zones", {"cpu": 52, "gpu": 44, "npu": 43, "battery": 31.2}),
        (GALAXY, "current", {"current": 385, "voltage": 4.213, "charge_counter": 2961, "current_now": 385}),
        (GALAXY, "gpu", {"clock": 252, "load": 3}),
        (GALAXY_9, "battery", {"level": 100, "temperature": 28.5, "status": 5, "voltage": 4.334}),
        (GALAXY_9, "thermalservice", {}),
        (GALAXY_9, "zones", {"cpu": 41, "gpu": 36, "battery": 28.5}),
        (GALAXY_9, "clocks", {"policy0": 455}),
        (GALAXY_9, "gpu", {}),
        (REDMI, "battery", {"level": 58, "temperature": 32, "status": 2, "voltage": 3.941}),
        (REDMI, "zones", {"cpu": 32.2, "gpu": 30.6, "battery": 32, "skin": 30}),
        (REDMI, "clocks", {"policy0": 652.8, "policy4": 2016}),
        (REDMI, "current", {"voltage": 3.941, "current_now": -421_875}),
        (REDMI, "gpu", {"clock": 133.33}),
        (XIAOMI, "thermalservice", {"status": 2, "cpu": 71.4, "gpu": 55, "npu": 49.7, "battery": 34.1, "skin": 41.9}),
        (XIAOMI, "zones", {"cpu": 71.4, "gpu": 55, "npu": 49.7, "battery": 34.1, "skin": 38.8}),
        (XIAOMI, "current", {"current": -735, "voltage": 3.912, "charge_counter": 3201.45, "current_now": 735_000}),
        (XIAOMI, "gpu", {"clock": 680, "load": 94}),
        (ONEPLUS, "battery", {"level": 66, "temperature": 29.5, "status": 2, "voltage": 4.05}),
        (ONEPLUS, "thermalservice", {}),
        (ONEPLUS, "zones", {"cpu": 48.1, "gpu": 42.6, "battery": 29.5, "skin": 33.4}),
        (ONEPLUS, "clocks", {}),
        (ONEPLUS, "current", {"current": -512, "voltage": 4.05, "current_now": 512}),
        (ONEPLUS, "gpu", {"load": 0}),
        (MEDIATEK, "battery", {"level": 88, "status": 2, "voltage": 4.377, "charge_counter": 4210}),
        (MEDIATEK, "thermalservice", {"status": 1, "cpu": 48.862, "battery": 36}),
        (MEDIATEK, "zones", {"cpu": 48.862, "gpu": 45.2, "npu": 44, "battery": 36}),
        (MEDIATEK, "gpu", {"clock": 390, "load": 18}),
        (KIRIN, "thermalservice", {"status": 0, "cpu": 45, "gpu": 41, "battery": 30}),
        (KIRIN, "zones", {"cpu": 45, "gpu": 41, "battery": 30, "skin": 31}),
        (KIRIN, "current", {}),
        (KIRIN, "gpu", {"clock": 104}),
        (MOTO, "thermalservice", {"cpu": 44.6, "battery": 27.8}),
        (MOTO, "zones", {}),
        (MOTO, "current", {"voltage": 4.12, "charge_counter": 3987, "current_now": 15_000}),
        (MOTO, "gpu", {}),
        (NEXUS, "zones", {"battery": 30.5}),
        (NEXUS, "gpu", {"clock": 300, "load": 12}),
        (NAMES[0], "zones", {"cpu": 39.9, "gpu": 37.2, "npu": 36, "battery": 26.8, "skin": 28.8}),
    ],
)  # fmt: skip
def test_what_a_phone_says_is_read(name: str, section: str, values: dict[str, float]) -> None:
    assert known(read(name, section)) == pytest.approx(values)


@pytest.mark.parametrize(
    ("name", "section", "series", "reason"),
    [
        (GALAXY_9, "thermalservice", "cpu", "has no service thermalservice"),
        (GALAXY_9, "clocks", "policy4", "0 stands for cores that are switched off"),
        (GALAXY_9, "current", "current", "exactly 0"),
        (GALAXY_9, "gpu", "clock", "does not let a shell read clock of its GPU"),
        (GALAXY_9, "battery", "charge_counter", "0 stands for one that is not measured"),
        (
            REDMI,
            "current",
            "current",
            "direction of a current of -421875 is not clear while the battery's status is Ch",
        ),
        (REDMI, "gpu", "load", "off since the last reading"),
        (ONEPLUS, "thermalservice", "status", "not ready"),
        (ONEPLUS, "clocks", "policy0", "does not let a shell read"),
        (ONEPLUS, "current", "charge_counter", "2950 fits both mAh and µAh"),
        (ONEPLUS, "gpu", "clock", "0 stands for a GPU that is switched off"),
        (MEDIATEK, "battery", "temperature", "3.6 °C by Android's unit or 36 °C in whole degrees"),
        (MEDIATEK, "thermalservice", "skin", "impossible values (-127.0)"),
        (KIRIN, "current", "current", "does not let a shell read current_now"),
        (MOTO, "zones", "cpu", "does not let a shell read temperatures of thermal zones"),
        (MOTO, "thermalservice", "status", "set by hand"),
        (MOTO, "current", "current", "15000 fits neither mA nor µA"),
        (NEXUS, "current", "current", "direction of a current"),
    ],
)
def test_what_a_phone_does_not_say_has_a_reason(name: str, section: str, series: str, reason: str) -> None:
    assert reason in reasons(read(name, section))[series]


@pytest.mark.parametrize(
    ("raw", "celsius"),
    [("38200", 38.2), ("309", 30.9), ("45", 45.0), ("124999", 124.999), ("999", None), ("0", None), ("-274", None),
     ("-274000", None), ("127000", None), ("127", None), ("125000", None), ("255000", None), ("7", None),
     ("150", None), ("2147483647", None), ("5000", None), ("!denied", None), ("x", None), ("65535", None)],
)  # fmt: skip
def test_the_unit_of_a_zone_is_the_one_that_fits(raw: str, celsius: float | None) -> None:
    found = zones.celsius(raw)
    if celsius is None:
        assert isinstance(found, Void) and found.reason
    else:
        assert found == pytest.approx(celsius)


STATES = """\
/sys/devices/system/cpu/cpufreq/policy0/stats/time_in_state 300000 {}
/sys/devices/system/cpu/cpufreq/policy0/stats/time_in_state 1800000 {}
/sys/devices/system/cpu/cpufreq/policy4/stats/time_in_state 2000000 {}
"""


def test_time_in_state_gives_the_mean_clock_over_a_block() -> None:
    before, after = clocks.parse(STATES.format(100, 200, 50)), clocks.parse(STATES.format(200, 500, 50))
    found = clocks.over_block(before, after, 4.0)
    assert found["policy0 mean", "MHz"] == pytest.approx((300 * 1 + 1800 * 3) / 4)
    assert found["policy0 at 300 MHz", "s"] == pytest.approx(1.0)
    assert found["policy0 at 1800 MHz", "s"] == pytest.approx(3.0)
    assert reasons(found) == {"policy4 mean": "the counters of its clocks did not grow"}
    assert reasons(clocks.over_block(after, before, 4.0))["policy0 mean"] == "the counters of its clocks were set back"


STAT = """\
/proc/stat cpu  {} 0 100 {} 50 0 0 0 0 0
/proc/{}/stat {} (mobilebench-run) R 1 1 1 0 -1 0 0 0 0 0 {} 20 0 0 20 0 1 0 100 1 1
"""


def test_use_of_the_processor_is_the_growth_of_its_counters() -> None:
    before, after = cpu.parse(STAT.format(100, 800, 7, 7, 50)), cpu.parse(STAT.format(190, 810, 7, 7, 145))
    assert all(key[1] == COUNTER for key in before)
    found = cpu.growth(before, after, 1.0)
    assert found == {cpu.WHOLE: pytest.approx(90.0), cpu.MEASURED: pytest.approx(95.0), cpu.OTHERS: 0.0}
    of_two_cores = cpu.growth(before, cpu.parse(STAT.format(290, 810, 7, 7, 145)), 1.0)
    assert of_two_cores[cpu.OTHERS] == pytest.approx(100 * (190 - 95) / 200)
    other = cpu.parse(STAT.format(190, 810, 8, 8, 145))
    assert set(cpu.growth(before, other, 1.0)) == {cpu.WHOLE}, "another process has the name"
    assert "did not grow" in reasons(cpu.growth(after, before, 1.0))["whole"]


def test_the_use_of_several_processes_is_added() -> None:
    def of(*pairs: tuple[int, int]) -> Readings:
        own = "".join(
            f"/proc/{pid}/stat {pid} (Chrome (tab)) R 1 1 1 0 -1 0 0 0 0 0 {ticks} 20 0 0 20 0 1 0 100 1 1\n"
            for pid, ticks in pairs
        )
        return cpu.parse(f"/proc/stat cpu  {pairs[0][1]} 0 100 800 50 0 0 0 0 0\n{own}")

    found = cpu.growth(of((7, 50), (8, 10)), of((7, 90), (8, 20), (9, 500)), 1.0)
    assert found[cpu.MEASURED] == pytest.approx(50.0), "a process that only the later reading has seen does not count"
    found = cpu.growth(of((7, 50), (8, 100)), of((7, 90), (8, 20)), 1.0)
    assert found[cpu.MEASURED] == pytest.approx(40.0), "a counter that fell back does not count"


def test_a_process_that_the_phone_hides_has_the_reason() -> None:
    hidden = "/proc/stat cpu  {} 0 100 800 50 0 0 0 0 0\n/proc/77/stat !denied\n"
    found = cpu.growth(cpu.parse(hidden.format(1)), cpu.parse(hidden.format(9)), 1.0)
    assert reasons(found)["measured"] == "the target does not let a shell read the measured process"
    found = ram.parse("/proc/meminfo MemAvailable: 5 kB\n/proc/77/status !denied\n")
    assert reasons(found)["measured"] == "the target does not let a shell read the measured process"


def test_memory_of_several_processes_is_added() -> None:
    text = "/proc/7/status VmRSS:\t 2000 kB\n/proc/8/status Name: x\n/proc/8/status VmRSS: 500 kB\n"
    assert ram.parse(text)[ram.MEASURED] == pytest.approx(2.56)


def test_use_of_a_processor_that_may_not_be_read_has_a_reason() -> None:
    denied = cpu.parse("/proc/stat !denied\n/proc/measured/stat !missing\n")
    assert (
        reasons(cpu.growth(denied, denied, 1.0))["whole"] == "the target does not let a shell read use of the processor"
    )


def test_memory_of_the_target_and_of_the_process() -> None:
    text = "/proc/meminfo MemTotal:  8000 kB\n/proc/meminfo MemAvailable:    4000 kB\n/proc/7/status VmRSS:\t 2000 kB\n"
    assert ram.parse(text) == {ram.AVAILABLE: pytest.approx(4.096), ram.MEASURED: pytest.approx(2.048)}
    old = "/proc/meminfo MemTotal: 8000 kB\n/proc/meminfo MemFree: 5 kB\n/proc/measured/status !missing\n"
    assert "MemAvailable" in reasons(ram.parse(old))["available"]


def test_energy_counters_of_a_pc() -> None:
    text = "".join(
        f"/sys/class/powercap/{place}/{file} {line}\n"
        for place, file, line in (
            ("intel-rapl:0", "name", "package-0"),
            ("intel-rapl:0:0", "name", "core"),
            ("intel-rapl:0", "energy_uj", "262143328850"),
            ("intel-rapl:0:0", "energy_uj", "!denied"),
        )
    )
    found = rapl.parse(text)
    assert known(found) == {"package-0": pytest.approx(262_143.32885)}
    assert reasons(found) == {"package-0/core": "only root may read it"}
    assert (
        "shows no energy counters"
        in reasons(rapl.parse("/sys/class/powercap/intel-rapl:*/energy_uj !missing\n"))["package-0"]
    )


def test_the_log_of_a_phone_is_bounded_and_has_no_control_characters() -> None:
    text = "--------- beginning of crash\r\n" + "11-29 22:00:00.000 1 2 F libc: \x1b[31mred\x00\n" + "x" * 9999 + "\n"
    lines = logcat.parse(text)
    assert lines[0] == "--------- beginning of crash"
    assert "\x1b" not in lines[1] and "\x00" not in lines[1]
    assert len(lines[2]) == logcat.LONGEST_LINE
    assert len(logcat.parse("line\n" * 5000)) == logcat.MOST_LINES


EVERY = [*READ.values(), cpu.parse, ram.parse, rapl.parse, load.parse]
PATHS = [
    "/proc/stat", "/proc/7/stat", "/proc/meminfo", "/proc/7/status", "/proc/loadavg",
    "/sys/class/thermal/thermal_zone0/type", "/sys/class/thermal/thermal_zone0/temp", "/sys/class/hwmon/hwmon0/name",
    "/sys/class/hwmon/hwmon0/temp1_input", "/sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq",
    "/sys/devices/system/cpu/cpufreq/policy0/stats/time_in_state", "/sys/devices/system/cpu/cpu0/cpufreq/related_cpus",
    "/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "/sys/class/kgsl/kgsl-3d0/gpuclk",
    "/sys/class/kgsl/kgsl-3d0/gpubusy", "/sys/kernel/ged/hal/current_freqency", "/sys/kernel/gpu/gpu_busy",
    "/sys/class/power_supply/battery/current_now", "/sys/class/power_supply/battery/status",
    "/sys/class/power_supply/battery/voltage_now", "/sys/class/power_supply/battery/charge_counter",
    "/sys/class/powercap/intel-rapl:0/name", "/sys/class/powercap/intel-rapl:0:0/energy_uj",
]  # fmt: skip
WORDS = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(
        ["!denied", "!missing", "!empty", "cpu", "Charging", "Discharging", "1 2", "cpu  1 2 3 4 5 6 7 8", "²"]
    ),
    st.text(max_size=20),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PATHS), WORDS), max_size=12))
def test_no_text_breaks_a_parser(lines: list[tuple[str, str]]) -> None:
    text = "".join(f"{path} {word}\n" for path, word in lines)
    for parse in EVERY:
        _holds(parse(text))
    _holds(clocks.over_block(clocks.parse(text), clocks.parse(text), 1.0))
    _holds(cpu.growth(cpu.parse(text), cpu.parse(text), 1.0))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(NAMES), st.data())
def test_a_broken_read_out_never_breaks_a_parser(name: str, data: st.DataObject) -> None:
    for section, parse in READ.items():
        text = PREPARED[section](sections(name)[section])
        cut = data.draw(st.integers(0, len(text)))
        _holds(parse(text[:cut] + data.draw(st.text(max_size=10)) + text[cut:]))


def _holds(readings: Readings) -> None:
    for value in readings.values():
        assert value.reason if isinstance(value, Void) else math.isfinite(value)
