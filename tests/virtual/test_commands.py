"""The output of the phone's commands, parsed as tools parse it."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import re
import signal
import struct
import subprocess
from pathlib import Path

import pytest

from mobilebench import profiles
from mobilebench.virtual import config, device_identity
from mobilebench.virtual.android.commands import COMMANDS
from mobilebench.virtual.android.device import CommandOutput, Device
from mobilebench.virtual.browsers import CHROME_PACKAGE, Chrome, Firefox, read_chrome_flags
from mobilebench.virtual.config import PhoneConfig, Program
from mobilebench.virtual.files import PhoneFiles
from mobilebench.virtual.network import Network
from mobilebench.virtual.state import BadState, State, from_json, to_json, with_value


def make_device(
    folder: Path,
    profile_id: str = "snapdragon-8-gen-2",
    chromium: Program | None = None,
    android: int | None = None,
) -> Device:
    profile = profiles.load(profile_id)
    settings = PhoneConfig(
        name="phone-1",
        properties=device_identity.properties(profile, "phone-1", android),
        clusters=device_identity.clusters(profile),
        gpu=profile.gpu.name,
        chromium=chromium,
        firefox=None,
        address="127.0.0.1",
        wlan_address="127.77.1.1",
        prefix=str(folder),
        abstract_prefix="test-",
        data_bytes=None,
    )
    files = PhoneFiles(folder)
    files.metadata.mkdir(parents=True)
    config.write(settings, files.metadata)
    files.change(lambda state: state)
    return Device(files, Chrome(settings, Network("127.0.0.1", "test-", settings.path)), Firefox(settings))


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return make_device(tmp_path, chromium=Program("/nowhere/chromium", "156.0.8078.79"))


def ask(device: Device, *words: str) -> CommandOutput:
    return asyncio.run(COMMANDS[words[0]](device, words[1:]))


def test_size_and_density_are_forced_and_reset(device: Device) -> None:
    assert ask(device, "wm", "size").stdout == "Physical size: 1080x2400\n"
    assert ask(device, "wm", "size", "720x1280") == CommandOutput()
    assert ask(device, "wm", "size").stdout == "Physical size: 1080x2400\nOverride size: 720x1280\n"
    assert ask(device, "settings", "get", "global", "display_size_forced").stdout == "720,1280\n"
    assert "deviceWidth=720, deviceHeight=1280" in ask(device, "dumpsys", "display").stdout
    raw = ask(device, "screencap").stdout.encode("utf-8", "surrogateescape")
    assert struct.unpack_from("<2I", raw) == (720, 1280)
    ask(device, "settings", "put", "system", "user_rotation", "1")
    assert "deviceWidth=1280, deviceHeight=720" in ask(device, "dumpsys", "display").stdout
    assert ask(device, "cmd", "window", "size", "1x9999999") == CommandOutput(
        stderr="Error: bad size 1x9999999\n", code=255
    )
    ask(device, "wm", "size", "1x999999")
    assert "Override size: 200x4800\n" in ask(device, "wm", "size").stdout
    ask(device, "wm", "size", "reset")
    assert ask(device, "settings", "get", "global", "display_size_forced").stdout == "null\n"
    assert ask(device, "wm", "density").stdout == "Physical density: 420\n"
    ask(device, "wm", "density", "480")
    assert ask(device, "wm", "density").stdout == "Physical density: 420\nOverride density: 480\n"
    assert ask(device, "wm", "density", "71").stderr == "Error: density must be >= 72\n"
    assert ask(device, "wm", "density", "-1").stderr == "Error: bad number -1\n"
    ask(device, "wm", "density", "420")  # its own
    assert ask(device, "settings", "get", "secure", "display_density_forced").stdout == "null\n"


@pytest.mark.parametrize(
    ("words", "stderr", "code"),
    [
        (
            ["/sdcard/x.mp4"],
            "ERROR: unable to create video/avc codec instance\n"
            "WARNING: failed at 1080x2400, retrying at 720x1280\n"
            "ERROR: unable to create video/avc codec instance\n",
            1,
        ),
        (
            ["--size", "720x1280", "--time-limit=3", "--verbose", "/sdcard/x.mp4"],
            "ERROR: unable to create video/avc codec instance\n",
            1,
        ),
        ([], "Must specify output file (see --help).\n", 2),
        (["--bit-rate", "4000000"], "Must specify output file (see --help).\n", 2),
        (["--help"], "Usage: screenrecord [options] <filename>\n", 0),
    ],
)
def test_videos_fail_for_want_of_an_encoder(device: Device, words: list[str], stderr: str, code: int) -> None:
    assert ask(device, "screenrecord", *words) == CommandOutput(stderr=stderr, code=code)
    assert not (device.files.root / "sdcard/x.mp4").exists()


def fields(text: str) -> dict[str, str]:
    return dict(re.findall(r"^\s*(.+?): (.+)$", text, re.MULTILINE))


def test_getprop_lists_what_it_answers_one_by_one(device: Device) -> None:
    listed = dict(re.findall(r"^\[(.+?)\]: \[(.*)\]$", ask(device, "getprop").stdout, re.MULTILINE))
    assert listed["ro.soc.model"] == "SM8550"
    assert listed["ro.mobilebench.virtual"] == "1"
    assert all(ask(device, "getprop", name).stdout == f"{value}\n" for name, value in listed.items())
    assert ask(device, "getprop", "no.such.property").stdout == "\n"


@pytest.mark.parametrize("profile", profiles.all_profiles(), ids=lambda profile: profile.id)
def test_a_phone_of_every_profile_is_recognised_as_it(profile: profiles.Profile) -> None:
    properties = device_identity.properties(profile, "phone-1")
    assert profiles.match(properties) == profile
    assert properties["ro.product.cpu.abi"] == device_identity.abi()
    clusters = device_identity.clusters(profile)
    assert sum(cluster.count for cluster in clusters) == profile.cores
    assert max(cluster.max_khz for cluster in clusters) == profile.cpu.clusters[0].max_mhz * 1000


def test_properties_can_be_set_unless_they_are_read_only(device: Device) -> None:
    assert ask(device, "setprop", "debug.x", "7").code == 0
    assert ask(device, "getprop", "debug.x").stdout == "7\n"
    refused = ask(device, "setprop", "ro.soc.model", "other")
    assert refused.code == 1 and "ro.soc.model" in refused.stderr
    assert ask(device, "getprop", "ro.soc.model").stdout == "SM8550\n"


def test_dumpsys_battery_and_sys_report_the_same_state(device: Device) -> None:
    device.files.change(lambda state: with_value(with_value(state, "battery.level", 15), "battery.temperature", 41.3))
    output = fields(ask(device, "dumpsys", "battery").stdout)
    assert (output["level"], output["temperature"], output["USB powered"]) == ("15", "413", "true")
    folder = device.files.root / "sys/class/power_supply/battery"
    assert ((folder / "capacity").read_text(), (folder / "temp").read_text()) == ("15\n", "413\n")


def test_the_battery_can_be_unplugged_and_reset(device: Device) -> None:
    ask(device, "dumpsys", "battery", "unplug")
    ask(device, "dumpsys", "battery", "set", "level", "3")
    output = fields(ask(device, "dumpsys", "battery").stdout)
    assert (output["level"], output["USB powered"], output["AC powered"]) == ("3", "false", "false")
    ask(device, "cmd", "battery", "reset")
    assert fields(ask(device, "dumpsys", "battery").stdout)["USB powered"] == "true"


def test_temperatures_stand_in_the_hal_section_while_the_cache_is_stale(device: Device) -> None:
    device.files.change(lambda state: with_value(with_value(state, "thermal.cpu", 62.5), "thermal.status", 3))
    text = ask(device, "dumpsys", "thermalservice").stdout
    cached, _, current = text.partition("Current temperatures from HAL:")
    pattern = r"Temperature\{mValue=([\d.]+), mType=0, mName=CPU0, mStatus=3\}"
    assert re.findall(pattern, current) == ["62.5"]
    assert re.findall(pattern, cached) == ["61.0"]
    assert fields(text)["Thermal Status"] == "3"
    assert (device.files.root / "sys/class/thermal/thermal_zone0/temp").read_text() == "62500\n"


def test_a_thermal_hal_that_is_not_ready_is_reported(device: Device) -> None:
    device.files.change(lambda state: with_value(state, "thermal.hal_ready", False))
    text = ask(device, "dumpsys", "thermalservice").stdout
    assert "HAL Ready: false" in text and "Current temperatures" not in text


def test_exit_records_are_listed_for_the_requested_app(device: Device) -> None:
    page = f"{CHROME_PACKAGE}:sandboxed_process0"
    device.files.change(lambda state: with_value(state, f"exits.{page}", "3 2026-11-21 12:00:00.500"))
    output = ask(device, "dumpsys", "activity", "exit-info", CHROME_PACKAGE).stdout
    assert f"process={page} reason=3 (LOW_MEMORY)" in output
    assert "timestamp=2026-11-21 12:00:00.500" in output
    assert "process=" not in ask(device, "dumpsys", "activity", "exit-info", "com.example").stdout


def test_only_the_first_process_of_a_browser_has_its_package_as_name(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was forked and does not run its own program yet still has its parent's command line."""
    command = ["sh", "-c", "sleep 600 & echo $!; wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as browser:
        try:
            assert browser.stdout is not None
            child = int(browser.stdout.readline())
            monkeypatch.setattr(Device, "browser_pids", {CHROME_PACKAGE: browser.pid})
            assert ask(device, "pidof", CHROME_PACKAGE).stdout == f"{browser.pid}\n"
            assert device.name_of(child) == f"{CHROME_PACKAGE}:privileged_process0"
        finally:
            os.killpg(browser.pid, signal.SIGKILL)


def test_clocks_in_sys_are_the_profiles(device: Device) -> None:
    cpus = device.files.root / "sys/devices/system/cpu"
    highest = [int((cpus / f"cpu{cpu}/cpufreq/cpuinfo_max_freq").read_text()) for cpu in range(8)]
    assert highest == sorted(highest) and highest[-1] == 3_200_000
    device.files.change(lambda state: with_value(state, "clocks_khz.7", 1_200_000))
    assert (cpus / "cpu7/cpufreq/scaling_cur_freq").read_text() == "1200000\n"
    assert (cpus / "cpufreq/policy7/scaling_cur_freq").read_text() == "1200000\n"


def test_the_gpu_is_named_as_drawn_in_software(device: Device) -> None:
    line = ask(device, "dumpsys", "SurfaceFlinger").stdout
    found = re.search(r"^GLES: ([^,]+), ([^,]+), ([^,]+)$", line, re.MULTILINE)
    assert found is not None
    assert "Adreno 740" in found[2] and "SwiftShader" in found[2]


def test_memory_is_this_computers(device: Device) -> None:
    total = re.search(r"Total RAM:\s+([\d,]+)K", ask(device, "dumpsys", "meminfo").stdout)
    real = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
    assert total is not None and real is not None and total[1].replace(",", "") == real[1]


def test_chrome_is_listed_with_the_version_of_this_computers_chromium(device: Device) -> None:
    assert "versionName=156.0.8078.79\n" in ask(device, "dumpsys", "package", CHROME_PACKAGE).stdout
    assert f"package:{CHROME_PACKAGE}\n" in ask(device, "pm", "list", "packages").stdout
    assert ask(device, "pm", "path", CHROME_PACKAGE).code == 0


@pytest.mark.parametrize("without", ["chromium", "installation"])
def test_a_phone_without_chrome_reports_it(tmp_path: Path, without: str) -> None:
    device = make_device(tmp_path, chromium=None if without == "chromium" else Program("/nowhere", "1.2.3.4"))
    if without == "installation":
        device.files.change(lambda state: with_value(state, "chrome_installed", False))
    assert ask(device, "dumpsys", "package", CHROME_PACKAGE).stdout == f"Unable to find package: {CHROME_PACKAGE}\n"
    assert CHROME_PACKAGE not in ask(device, "pm", "list", "packages").stdout
    assert ask(device, "pm", "path", CHROME_PACKAGE).code == 1
    started = ask(device, "am", "start", "-n", f"{CHROME_PACKAGE}/com.google.android.apps.chrome.Main")
    assert started.code == 0 and "does not exist" in started.stderr


def test_starting_an_app_that_is_not_there_fails_as_on_a_phone(device: Device) -> None:
    started = ask(device, "am", "start", "-n", "com.example/.Main")
    assert started.code == 0 and "Activity class {com.example/com.example.Main} does not exist." in started.stderr


def test_settings_are_put_read_listed_and_deleted(device: Device) -> None:
    assert ask(device, "settings", "get", "global", "x").stdout == "null\n"
    ask(device, "settings", "put", "global", "x", "a b")
    assert ask(device, "settings", "get", "global", "x").stdout == "a b\n"
    assert "x=a b\n" in ask(device, "settings", "list", "global").stdout
    assert ask(device, "settings", "delete", "global", "x").stdout == "Deleted 1 rows\n"
    assert ask(device, "settings", "delete", "global", "x").stdout == "Deleted 0 rows\n"
    assert ask(device, "settings", "get", "planet", "x").code == 255


def test_only_a_persistent_debug_app_is_a_setting(device: Device) -> None:
    ask(device, "am", "set-debug-app", CHROME_PACKAGE)
    assert ask(device, "settings", "get", "global", "debug_app").stdout == "null\n"
    ask(device, "am", "set-debug-app", "--persistent", CHROME_PACKAGE)
    assert ask(device, "settings", "get", "global", "debug_app").stdout == f"{CHROME_PACKAGE}\n"
    ask(device, "am", "clear-debug-app")
    assert ask(device, "settings", "get", "global", "debug_app").stdout == "null\n"


def test_keys_switch_the_screen(device: Device) -> None:
    device.files.change(lambda state: with_value(state, "screen.locked", True))
    ask(device, "input", "keyevent", "KEYCODE_SLEEP")
    assert "mWakefulness=Asleep" in ask(device, "dumpsys", "power").stdout
    ask(device, "input", "keyevent", "224")
    ask(device, "wm", "dismiss-keyguard")
    assert "mWakefulness=Awake" in ask(device, "dumpsys", "power").stdout
    assert "showing=false" in ask(device, "dumpsys", "window").stdout


def test_fixed_performance_and_stay_awake_are_kept(device: Device) -> None:
    assert ask(device, "cmd", "power", "set-fixed-performance-mode-enabled", "true").code == 0
    ask(device, "svc", "power", "stayon", "usb")
    assert device.state.fixed_performance
    assert ask(device, "settings", "get", "global", "stay_on_while_plugged_in").stdout == "2\n"


@pytest.mark.parametrize(
    ("words", "code"),
    [(("cmd", "nosuch", "x"), 20), (("am", "nosuch"), 255), (("input", "nosuch"), 255), (("wm", "nosuch"), 255)],
)
def test_unknown_commands_are_refused(device: Device, words: tuple[str, ...], code: int) -> None:
    answer = ask(device, *words)
    assert answer.code == code and answer.stderr


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("_ --a --b=c\n", ["--a", "--b=c"]),
        ("chrome --a='b c'", ["--a=b c"]),
        ("", []),
        ("_ --a='unclosed", []),
    ],
)
def test_chromes_flags_begin_after_the_first_word(text: str, flags: list[str]) -> None:
    assert read_chrome_flags(text) == flags


def test_a_state_survives_its_file() -> None:
    state = with_value(with_value(State(), "settings.system.a.b", "1"), "battery.level", 3)
    assert from_json(to_json(state)) == state


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("battery.colour", 1),
        ("battery", 1),
        ("battery.level", "full"),
        ("battery.level", True),
        ("battery.level", 1.5),
        ("screen.on", 1),
        ("fault", "asleep"),
        ("settings.planet.x", "1"),
        ("nothing", 1),
    ],
)
def test_a_state_takes_only_what_a_phone_has(name: str, value: object) -> None:
    with pytest.raises(BadState):
        with_value(State(), name, value)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"battery": {"colour": 1}}', '{"nothing": 1}'])
def test_a_damaged_state_is_refused(text: str) -> None:
    with pytest.raises(BadState):
        from_json(text)


def test_the_phones_folders_are_below_its_prefix_and_nothing_else(device: Device) -> None:
    inside = dataclasses.replace(device.config, prefix="")
    assert device.config.path("/data/local/tmp/x") == f"{device.config.prefix}/data/local/tmp/x"
    assert device.config.path("/database") == "/database"
    assert device.config.path("/proc/cpuinfo") == "/proc/cpuinfo"
    assert inside.path("/data/local") == "/data/local"


def test_a_service_can_be_missing_refuse_or_say_something_else(device: Device) -> None:
    for word in ("missing", "denied", "Current Battery Service state:\n  present: false"):
        device.files.change(lambda state, word=word: with_value(state, "services.battery", word))  # type: ignore[misc]
        answer = ask(device, "dumpsys", "battery")
        output = answer.stdout + answer.stderr
        assert {"missing": "Can't find service: battery", "denied": "Permission Denial"}.get(word, word) in output
    device.files.change(lambda state: with_value(state, "services.battery", None))
    assert fields(ask(device, "dumpsys", "battery").stdout)["present"] == "true"


def test_battery_values_set_by_hand_are_marked_until_they_are_reset(device: Device) -> None:
    assert "UPDATES STOPPED" not in ask(device, "dumpsys", "battery").stdout
    ask(device, "dumpsys", "battery", "set", "level", "12")
    output = ask(device, "dumpsys", "battery").stdout
    assert "(UPDATES STOPPED -- use 'reset' to restart)" in output
    assert fields(output)["level"] == "12"
    ask(device, "dumpsys", "battery", "reset")
    assert "UPDATES STOPPED" not in ask(device, "dumpsys", "battery").stdout


@pytest.mark.parametrize(
    ("mode", "zen"), [("on", "2"), ("none", "2"), ("priority", "1"), ("alarms", "3"), ("all", "0"), ("off", "0")]
)
def test_do_not_disturb_changes_the_zen_mode(device: Device, mode: str, zen: str) -> None:
    assert ask(device, "cmd", "notification", "set_dnd", mode) == CommandOutput()
    assert ask(device, "settings", "get", "global", "zen_mode").stdout == f"{zen}\n"
    assert ask(device, "cmd", "notification", "set_dnd", "loud") == CommandOutput()
    assert ask(device, "settings", "get", "global", "zen_mode").stdout == f"{zen}\n"
    assert ask(device, "cmd", "notification", "hush").code == 255


@pytest.mark.parametrize(
    ("radio", "setting"), [("wifi", "wifi_on"), ("data", "mobile_data"), ("bluetooth", "bluetooth_on")]
)
def test_radios_are_switched(device: Device, radio: str, setting: str) -> None:
    for verb, value in (("disable", "0"), ("enable", "1")):
        assert ask(device, "svc", radio, verb).code == 0
        assert ask(device, "settings", "get", "global", setting).stdout == f"{value}\n"


def test_a_maker_without_power_modes_refuses_fixed_performance(device: Device) -> None:
    device.files.change(lambda state: with_value(state, "services.android.hardware.power", "missing"))
    answer = ask(device, "cmd", "power", "set-fixed-performance-mode-enabled", "true")
    assert (answer.code, answer.stderr.splitlines()[0]) == (255, "Failed to set FIXED_PERFORMANCE mode")
    assert not device.state.fixed_performance


def test_settings_that_a_maker_protects_can_be_read_but_not_changed(device: Device) -> None:
    device.files.change(lambda state: with_value(state, "services.settings", "denied"))
    for words in (["put", "global", "wifi_on", "0"], ["delete", "global", "wifi_on"]):
        answer = ask(device, "settings", *words)
        assert answer.code == 255 and "SecurityException" in answer.stderr
    assert ask(device, "settings", "get", "global", "wifi_on").stdout == "1\n"
    device.files.change(lambda state: with_value(state, "services.settings", "missing"))
    assert ask(device, "settings", "get", "global", "wifi_on").code == 20


def test_only_a_rooted_phone_keeps_what_is_written_into_its_clocks(device: Device) -> None:
    governor = device.files.root / "sys/devices/system/cpu/cpufreq/policy0/scaling_governor"
    assert governor.stat().st_mode & 0o777 == 0o444
    device.files.change(lambda state: with_value(state, "rooted", True))
    assert governor.stat().st_mode & 0o777 == 0o644
    governor.write_text("performance\n")
    device.files.change(lambda state: with_value(state, "battery.level", 50))
    assert governor.read_text() == "performance\n"
    device.files.change(lambda state: with_value(state, "rooted", False))
    assert (governor.read_text(), governor.stat().st_mode & 0o777) == ("walt\n", 0o444)
