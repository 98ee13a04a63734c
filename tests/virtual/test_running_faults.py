"""Faults on phones that are in use, seen through adb."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mobilebench.core.errors import BadInput, TargetLost
from mobilebench.virtual import adb, faults, phones, sandbox
from mobilebench.virtual.fault_kinds import FAULTS
from mobilebench.virtual.phone_records import VirtualPhone
from tests.virtual.conftest import Desk, wait_until

pytestmark = pytest.mark.adb

BOOT_ID = "cat /proc/sys/kernel/random/boot_id"


@pytest.fixture(scope="module")
def phone(one_desk: Desk) -> Iterator[VirtualPhone]:
    (started,) = phones.up(1, ["snapdragon-8-gen-2"], names=["faulty"], data_mb=16)
    yield started
    phones.down(["faulty"])


@pytest.fixture(autouse=True)
def cleared(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "phone" in request.fixturenames:
        faults.clear("faulty")


def state(phone: VirtualPhone) -> Callable[[str], bool]:
    return lambda expected: adb.state(phone.serial) == expected


@pytest.mark.parametrize("fault", ["offline", "unauthorise"])
def test_adb_is_refused_in_mid_run_until_it_is_cleared(one_desk: Desk, phone: VirtualPhone, fault: str) -> None:
    running = subprocess.Popen([one_desk.adb, "-s", phone.serial, "shell", "sleep 100"], stdin=subprocess.DEVNULL)
    wait_until(lambda: "sleep" in one_desk.shell(phone, "ps -A"))
    faults.apply("faulty", fault)
    running.wait(60)
    shown = {"offline": "offline", "unauthorise": "unauthorized"}[fault]
    wait_until(lambda: adb.state(phone.serial) == shown, 60)
    assert one_desk.run(phone, "shell", "true").returncode != 0
    faults.clear("faulty")
    assert one_desk.shell(phone, "echo well") == "well"


@pytest.mark.parametrize("mode", FAULTS["recovery"].options)
def test_a_phone_in_another_mode_offers_nothing_until_it_is_cleared(
    one_desk: Desk, phone: VirtualPhone, mode: str
) -> None:
    before = one_desk.shell(phone, BOOT_ID)
    faults.apply("faulty", "recovery", option=mode)
    wait_until(lambda: adb.state(phone.serial) == mode, 60)
    assert one_desk.run(phone, "shell", "true").returncode != 0
    faults.clear("faulty")
    assert one_desk.shell(phone, "echo well") == "well"
    if sandbox.namespaces() != "none":
        assert one_desk.shell(phone, BOOT_ID) != before


def test_an_unplugged_phone_is_gone_for_a_while_and_comes_back(one_desk: Desk, phone: VirtualPhone) -> None:
    before = one_desk.shell(phone, BOOT_ID)
    faults.apply("faulty", "unplug", seconds=600)
    wait_until(lambda: adb.state(phone.serial) == "absent", 60)
    assert phones.state_of("faulty").battery.plugged == "none"
    assert faults.active("faulty") == {"unplug": ""}
    faults.apply("faulty", "unplug", seconds=0.5)
    wait_until(lambda: adb.state(phone.serial) == "device", 60)
    assert one_desk.shell(phone, BOOT_ID) == before
    assert phones.state_of("faulty").battery.plugged == "usb"


def test_an_unplugged_phone_cannot_be_connected_before_it_is_back(one_desk: Desk, phone: VirtualPhone) -> None:
    faults.apply("faulty", "unplug", seconds=60, reconnect=False)
    adb.disconnect(phone.serial)
    done = subprocess.run([one_desk.adb, "connect", phone.serial], capture_output=True, text=True, timeout=60)
    assert "connected to" not in done.stdout
    faults.clear("faulty")
    assert adb.state(phone.serial) == "device"


def test_a_rebooted_phone_has_lost_what_is_not_stored(one_desk: Desk, phone: VirtualPhone) -> None:
    one_desk.shell(phone, "setprop debug.mine 1; setprop persist.mine 1; settings put global mine 1")
    one_desk.shell(phone, "echo kept > /data/local/tmp/kept; sleep 1000 >/dev/null 2>&1 &")
    before = one_desk.shell(phone, BOOT_ID)
    faults.apply("faulty", "reboot", seconds=600)
    wait_until(lambda: adb.state(phone.serial) == "absent", 60)
    faults.clear("faulty")
    assert one_desk.shell(phone, "getprop debug.mine; getprop persist.mine; settings get global mine") == "1\n1"
    assert one_desk.shell(phone, "cat /data/local/tmp/kept") == "kept"
    assert "sleep" not in one_desk.shell(phone, "ps -A")
    if sandbox.namespaces() != "none":
        after = one_desk.shell(phone, BOOT_ID)
        assert after != before and re.fullmatch(r"[0-9a-f-]{36}", after)


def test_a_cleared_phone_stays_connected_when_its_fault_would_have_ended(one_desk: Desk, phone: VirtualPhone) -> None:
    for fault in ("unplug", "reboot", "offline"):
        faults.apply("faulty", fault, seconds=1.0)
        faults.clear("faulty")
        watching = subprocess.run(
            [one_desk.adb, "-s", phone.serial, "shell", "sleep 1.8; echo whole"],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert watching.stdout == "whole\n", fault


def test_a_full_disk_takes_nothing_until_it_is_cleared(one_desk: Desk, phone: VirtualPhone, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * (2 << 20))
    faults.apply("faulty", "fill-disk")
    done = one_desk.run(phone, "push", str(tmp_path / "file"), "/data/local/tmp/file")
    assert done.returncode != 0 and b"No space left on device" in done.stdout + done.stderr
    faults.clear("faulty", "fill-disk")
    assert one_desk.run(phone, "push", str(tmp_path / "file"), "/data/local/tmp/file").returncode == 0


def test_a_phone_whose_disk_has_no_size_cannot_be_filled(one_desk: Desk) -> None:
    phones.up(1, names=["endless"])
    with pytest.raises(BadInput, match="--data-mb"):
        faults.apply("endless", "fill-disk")
    phones.down(["endless"])


def test_a_hot_phone_reports_it_everywhere(one_desk: Desk, phone: VirtualPhone) -> None:
    faults.apply("faulty", "heat")
    answer = one_desk.shell(phone, "dumpsys thermalservice; dumpsys battery; cat /sys/class/thermal/thermal_zone0/temp")
    assert "Thermal Status: 4" in answer
    assert "temperature: 460" in answer
    assert answer.splitlines()[-1] == "92000"
    clocks = one_desk.shell(phone, "cd /sys/devices/system/cpu/cpu0/cpufreq; cat scaling_cur_freq cpuinfo_max_freq")
    now, highest = map(int, clocks.split())
    assert now < highest
    assert "Thermal status" in one_desk.shell(phone, "logcat -d")


def test_a_dialog_is_seen_by_dumpsys_and_uiautomator(one_desk: Desk, phone: VirtualPhone) -> None:
    faults.apply("faulty", "dialog", option="crash")
    assert "mCurrentFocus=Window{1 u0 Application Error: " in one_desk.shell(phone, "dumpsys window")
    xml = one_desk.shell(phone, "uiautomator dump /dev/tty")
    found = re.search(r'aerr_close".*?bounds="\[(\d+),(\d+)\]', xml)
    assert found is not None
    one_desk.shell(phone, f"input tap {int(found[1]) + 1} {int(found[2]) + 1}")
    assert "Application Error" not in one_desk.shell(phone, "dumpsys window")
    assert faults.active("faulty") == {}


@pytest.mark.browser
def test_a_browser_hangs_while_the_dialog_about_it_is_shown(one_desk: Desk) -> None:
    (phone,) = phones.up(1, names=["browsing"])
    start = "am start -n com.android.chrome/com.google.android.apps.chrome.Main -a android.intent.action.MAIN"
    start += " -c android.intent.category.LAUNCHER"
    process = "cut -d' ' -f3 /proc/$(pidof com.android.chrome)/stat"
    one_desk.shell(phone, start)

    faults.apply("browsing", "dialog", option="anr")
    wait_until(lambda: one_desk.shell(phone, process) == "T", 60)
    faults.clear("browsing", "dialog")
    wait_until(lambda: one_desk.shell(phone, process) != "T", 60)

    faults.apply("browsing", "dialog", option="anr")
    one_desk.shell(phone, "am force-stop com.android.chrome")
    assert "Application" not in one_desk.shell(phone, "dumpsys window")
    assert faults.active("browsing") == {}

    one_desk.shell(phone, start)
    faults.apply("browsing", "dialog", option="crash")
    wait_until(lambda: one_desk.shell(phone, process) == "T", 60)
    faults.clear("browsing", "dialog")
    assert one_desk.run(phone, "shell", "pidof com.android.chrome").returncode == 1
    assert "reason=4" in one_desk.shell(phone, "dumpsys activity exit-info com.android.chrome")
    phones.down(["browsing"])


def test_a_slow_link_is_slow_in_both_directions(one_desk: Desk, phone: VirtualPhone, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(96 << 10))
    faults.apply("faulty", "slow-link")
    for words in (("push", str(tmp_path / "file"), "/data/local/tmp/f"), ("exec-out", "cat /data/local/tmp/f")):
        began = time.monotonic()
        assert one_desk.run(phone, *words).returncode == 0
        assert time.monotonic() - began > 0.5
    assert one_desk.run(phone, "exec-out", "cat /data/local/tmp/f").stdout == bytes(96 << 10)


def test_settings_are_refused(one_desk: Desk, phone: VirtualPhone) -> None:
    faults.apply("faulty", "refuse-settings")
    for words in ("settings put global x 1", "settings delete global x", "cmd settings put global x 1"):
        done = one_desk.run(phone, "shell", words)
        assert b"SecurityException" in done.stderr
        assert done.returncode == 255
    assert one_desk.shell(phone, "settings get global x") == "null"
    faults.clear("faulty")
    assert one_desk.shell(phone, "settings put global x 1; settings get global x") == "1"


def test_a_service_dies_and_lives_again(one_desk: Desk, phone: VirtualPhone) -> None:
    faults.apply("faulty", "service-dies", option="battery:denied")
    assert "Permission Denial" in one_desk.shell(phone, "dumpsys battery")
    faults.apply("faulty", "service-dies", option="thermalservice")
    assert "level: " in one_desk.shell(phone, "dumpsys battery")
    assert b"Can't find service" in one_desk.run(phone, "shell", "dumpsys thermalservice").stderr
    faults.clear("faulty")
    assert "Thermal Status" in one_desk.shell(phone, "dumpsys thermalservice")


def test_a_locked_phone_asks_for_its_secret(one_desk: Desk, phone: VirtualPhone) -> None:
    faults.apply("faulty", "lock")
    assert "mWakefulness=Asleep" in one_desk.shell(phone, "dumpsys power")
    shown = one_desk.shell(phone, "input keyevent WAKEUP; wm dismiss-keyguard; dumpsys window")
    assert "showing=true" in shown and "mCurrentFocus=Window{1 u0 NotificationShade}" in shown
    faults.clear("faulty")
    assert "showing=false" in one_desk.shell(phone, "dumpsys window")


def test_the_clock_jumps(one_desk: Desk, phone: VirtualPhone) -> None:
    faults.apply("faulty", "clock-jump")
    assert 7100 < int(one_desk.shell(phone, "date +%s")) - time.time() < 7300
    assert one_desk.shell(phone, "date -u -d @0 +%Y") == "1970"
    faults.clear("faulty")
    assert abs(int(one_desk.shell(phone, "date +%s")) - time.time()) < 60


def test_the_busiest_process_is_killed_for_memory(one_desk: Desk, phone: VirtualPhone) -> None:
    argv = [one_desk.adb, "-s", phone.serial, "shell", "exec yes > /dev/null"]
    busy = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    wait_until(lambda: re.search(r" yes$", one_desk.shell(phone, "ps -A"), re.MULTILINE) is not None)
    used = "cut -d' ' -f14 /proc/$(pidof yes)/stat"  # in hundredths of a second; it has to be the busiest
    wait_until(lambda: int(one_desk.shell(phone, used)) > 20, 60)
    faults.apply("faulty", "low-memory-kill")
    assert busy.wait(60) == 137
    assert "Kill 'yes'" in one_desk.shell(phone, "logcat -d -b main")


@pytest.mark.browser
def test_chrome_is_killed_and_updated(one_desk: Desk, phone: VirtualPhone) -> None:
    version = re.compile(r"versionName=(\S+)")
    start = "am start -n com.android.chrome/com.google.android.apps.chrome.Main -a android.intent.action.MAIN"
    start += " -c android.intent.category.LAUNCHER"
    one_desk.shell(phone, start)
    faults.apply("faulty", "kill-chrome")
    assert one_desk.run(phone, "shell", "pidof com.android.chrome").returncode == 1
    assert "reason=2 (SIGNALED)" in one_desk.shell(phone, "dumpsys activity exit-info com.android.chrome")
    before = version.search(one_desk.shell(phone, "dumpsys package com.android.chrome"))
    one_desk.shell(phone, start)
    faults.apply("faulty", "chrome-update")
    after = version.search(one_desk.shell(phone, "dumpsys package com.android.chrome"))
    assert before and after and before[1] != after[1]
    assert "reason=16" in one_desk.shell(phone, "dumpsys activity exit-info com.android.chrome")


def test_a_fault_begins_and_ends_in_time(one_desk: Desk, phone: VirtualPhone) -> None:
    faults.apply("faulty", "refuse-settings", after=0.3)
    wait_until(lambda: faults.active("faulty") == {"refuse-settings": ""})
    faults.apply("faulty", "refuse-settings", seconds=0.3)
    wait_until(lambda: faults.active("faulty") == {})
    faults.apply("faulty", "heat", after=0.3)
    faults.clear("faulty")
    time.sleep(0.6)  # after the time at which it would have begun
    assert faults.active("faulty") == {}


def test_impossible_faults_are_refused(one_desk: Desk, phone: VirtualPhone) -> None:
    with pytest.raises(BadInput, match="earthquake"):
        faults.apply("faulty", "earthquake")
    with pytest.raises(BadInput, match="takes one of anr"):
        faults.apply("faulty", "dialog", option="nope")
    with pytest.raises(BadInput, match="cannot take"):
        faults.apply("faulty", "unplug", seconds=-1)
    with pytest.raises(BadInput, match="no virtual phone"):
        faults.apply("nobody", "heat")


def test_a_phone_that_is_off_cannot_have_a_fault(one_desk: Desk) -> None:
    phones.up(1, names=["dark"])
    phones.down(["dark"])
    with pytest.raises(TargetLost, match="does not run"):
        faults.apply("dark", "heat")


def test_a_day_passes_in_seconds(one_desk: Desk, phone: VirtualPhone) -> None:
    stays = {"battery.plugged": "none", "settings.global.stay_on_while_plugged_in": "0"}
    phones.change_state("faulty", {**stays, "simulation.speed": 86400.0})
    wait_until(lambda: phones.state_of("faulty").battery.level < 80, 60)
    drained = phones.state_of("faulty")
    assert not drained.screen.on
    phones.change_state("faulty", {"battery.plugged": "ac"})
    wait_until(lambda: phones.state_of("faulty").battery.level == 100, 60)
    phones.change_state("faulty", {"battery.plugged": "usb", "simulation.speed": 1.0, "screen.on": True})


def test_thirty_shells_at_once(one_desk: Desk, phone: VirtualPhone) -> None:
    answers: list[bytes] = []

    def ask(number: int) -> None:
        answers.append(one_desk.run(phone, "shell", f"dumpsys battery | grep level; echo {number}").stdout.split()[-1])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(int, answers)) == list(range(30))


def test_a_phone_that_was_switched_off_in_a_fault_starts_without_it(one_desk: Desk) -> None:
    (started,) = phones.up(1, ["kirin-990"], names=["dropped"], data_mb=8)
    for name in ("lock", "unplug", "clock-jump", "service-dies", "fill-disk"):
        faults.apply("dropped", name, seconds=600, reconnect=False)
    assert phones.state_of("dropped").clock_ahead_s > 0
    phones.down(["dropped"])
    phones.up(1, names=["dropped"])
    state = phones.state_of("dropped")
    assert (state.screen.on, state.screen.locked, state.screen.keyguard) == (True, False, "none")
    assert (state.battery.plugged, state.clock_ahead_s, dict(state.services)) == ("usb", 0.0, {})
    assert abs(int(one_desk.shell(started, "date +%s")) - time.time()) < 60
    phones.down(["dropped"])


def test_the_phones_own_command_reboots_it(one_desk: Desk, phone: VirtualPhone) -> None:
    one_desk.run(phone, "shell", "setprop debug.own 1; reboot")
    wait_until(lambda: adb.state(phone.serial) != "device", 60)

    def is_back() -> bool:
        adb.disconnect(phone.serial)
        done = subprocess.run([one_desk.adb, "connect", phone.serial], capture_output=True, text=True, timeout=60)
        return "connected to" in done.stdout

    wait_until(is_back, 60)
    wait_until(lambda: adb.state(phone.serial) == "device", 60)
    assert one_desk.shell(phone, "getprop debug.own") == ""
