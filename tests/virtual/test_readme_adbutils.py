"""Calls that the documentation of adbutils shows, on a virtual phone.

Each works, or fails as on a phone that has no such app, encoder or network.
"""

from __future__ import annotations

import io
import socket
from typing import Any

import adbutils
import pytest

from tests.virtual.conftest import wait_until
from tests.virtual.readme import CHROME, TMP, Both, Call, browsing, then

pytestmark = [pytest.mark.adb, pytest.mark.browser, pytest.mark.usefixtures("at_home")]


HI = f"{TMP}/hi.txt"


def push_hi(both: Both) -> None:
    """Put a short file on the phone."""
    both.adb.sync.push(b"hi", HI)


def set_brightness(both: Both) -> None:
    both.adb.brightness_value = 77


def received(both: Both) -> bytes:
    """What a file of the phone sends."""
    with both.adb.create_connection(adbutils.Network.DEV, f"{TMP}/hello.txt") as file:
        return b"".join(iter(lambda: file.recv(500), b""))


def served(both: Both) -> bytes:
    """What a program that listens on the phone answers, by way of `reverse` back to this computer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        both.adb.reverse("tcp:7912", f"tcp:{server.getsockname()[1]}")
        with both.adb.create_connection(adbutils.Network.TCP, 7912) as asking:
            there, _ = server.accept()
            with there:
                there.sendall(b"pong")
            return b"".join(iter(lambda: asking.recv(500), b""))


def log_into_a_file(both: Both) -> bool:
    """Whether the file holds the filtered log."""
    logged = both.adb.logcat(both.folder / "logcat.txt", clear=True, re_filter=".*Going to sleep.*")
    both.adb.switch_screen(False)
    both.adb.switch_screen(True)
    try:
        wait_until(lambda: "Going to sleep" in (both.folder / "logcat.txt").read_text())
    finally:
        logged.stop_nowait()
    return True


def without_wifi(both: Both) -> Any:
    """Ask for an address while Wi-Fi is off."""
    both.adb.switch_wifi(False)
    try:
        return both.adb.wlan_ip()
    finally:
        both.adb.switch_wifi(True)


def recorded(both: Both) -> bool:
    """Whether a video comes of a recording."""
    both.adb.start_recording(str(both.folder / "video.mp4"))
    both.adb.stop_recording()
    return (both.folder / "video.mp4").is_file()


ADBUTILS: dict[str, tuple[Call, Any]] = {
    "shell": (lambda both: both.adb.shell("echo hello"), "hello"),
    "shell2": (lambda both: both.adb.shell2("false").returncode, 1),
    "getprop": (lambda both: both.adb.getprop("ro.product.model"), "2211133G"),
    "prop.model": (lambda both: both.adb.prop.model, "2211133G"),
    "keyevent": (lambda both: both.adb.keyevent("HOME"), None),
    "volume_up": (lambda both: both.adb.volume_up(), None),
    "switch_screen": (then(lambda both: both.adb.switch_screen(False), lambda both: both.adb.is_screen_on()), False),
    "brightness_value": (then(set_brightness, lambda both: both.adb.brightness_value), 77),
    "brightness_mode": (lambda both: both.adb.brightness_mode.name, "MANUAL"),
    "rotation": (lambda both: both.adb.rotation(), 0),
    "window_size": (lambda both: tuple(both.adb.window_size()), (1080, 2400)),
    "app_current": (browsing(lambda both: both.adb.app_current().package), CHROME),
    "app_info": (lambda both: both.adb.app_info(CHROME).package_name, CHROME),
    "battery": (lambda both: (both.adb.battery().usb_powered, both.adb.battery().scale), (True, 100)),
    "list_packages": (lambda both: CHROME in both.adb.list_packages(), True),
    "screenshot": (lambda both: both.adb.screenshot(error_ok=False).size, (1080, 2400)),
    "screenshot of a display": (lambda both: both.adb.screenshot(display_id=0, error_ok=False).size, (1080, 2400)),
    "dump_hierarchy": (lambda both: "Chrome" in both.adb.dump_hierarchy(), True),
    "click": (lambda both: both.adb.click(0.5, 0.1), None),
    "swipe": (lambda both: both.adb.swipe(1, 900, 1, 500, 0.1), None),
    "drag": (lambda both: both.adb.drag(1, 2, 3, 4, 0.1), None),
    "send_keys": (lambda both: both.adb.send_keys("hello world"), ""),
    "switch_airplane": (lambda both: both.adb.switch_airplane(False), None),
    "switch_wifi": (
        then(lambda both: both.adb.switch_wifi(True), lambda both: both.adb.shell("settings get global wifi_on")),
        "1",
    ),
    "shell of words": (lambda both: both.adb.shell(["echo", "two  words"]), "two  words"),
    "serial number": (
        lambda both: (both.adb.get_serialno() == both.adb.serial, both.adb.get_devpath(), both.adb.get_state()),
        (True, "unknown", "device"),
    ),
    "prop": (lambda both: (both.adb.prop.device, both.adb.prop.get("ro.serialno", cache=True)), ("fuxi", "readme")),
    "is_screen_on": (lambda both: both.adb.is_screen_on(), True),
    "open_browser": (
        then(lambda both: both.adb.open_browser("about:blank"), lambda both: both.adb.app_current().package),
        CHROME,
    ),
    "root": (lambda both: both.adb.root(), "adbd cannot run as root in production builds\n"),
    "wlan_ip": (lambda both: both.adb.wlan_ip().startswith("127.77."), True),
    "list": (lambda both: [one.state for one in both.client.list() if one.serial == both.adb.serial], ["device"]),
    "transport": (
        lambda both: both.client.device(
            transport_id=next(
                one.transport_id for one in both.client.list(extended=True) if one.serial == both.adb.serial
            )
        ).getprop("ro.serialno"),
        "readme",
    ),
    "connect": (lambda both: both.client.connect(both.adb.serial), None),
    "disconnect": (lambda both: both.client.disconnect("127.77.250.1:5555"), None),
    "wait_for": (lambda both: both.client.wait_for(both.adb.serial, state="device"), None),
    "track_devices": (
        lambda both: next(one.status for one in both.client.track_devices() if one.serial == both.adb.serial),
        "device",
    ),
    "create_connection to a port": (served, b"pong"),
    "create_connection to a file": (
        then(lambda both: both.adb.sync.push(b"hello", f"{TMP}/hello.txt"), received),
        b"hello",
    ),
    "sync.push of files": (
        then(
            lambda both: (both.folder / "hi.txt").write_bytes(b"hi"),
            lambda both: [
                both.adb.sync.push(source, HI)
                for source in (b"hi", io.BytesIO(b"hi"), str(both.folder / "hi.txt"), both.folder / "hi.txt")
            ],
        ),
        [2] * 4,
    ),
    "sync.iter_content": (then(push_hi, lambda both: b"".join(both.adb.sync.iter_content(HI))), b"hi"),
    "sync.read_text": (then(push_hi, lambda both: both.adb.sync.read_text(HI, encoding="utf-8")), "hi"),
    "sync.pull": (then(push_hi, lambda both: both.adb.sync.pull(HI, both.folder / "back.txt")), 2),
    "start_recording": (recorded, False),  # there is no encoder
    "logcat into a file": (log_into_a_file, True),
    "app_start": (then(lambda both: both.adb.app_start(CHROME), lambda both: both.adb.app_current().package), CHROME),
    "app_stop": (lambda both: both.adb.app_stop(CHROME), None),
    "remove": (lambda both: both.adb.remove("/sdcard/nothing"), None),
    "rmtree": (lambda both: both.adb.rmtree("/sdcard/nothing"), None),
    "logcat": (lambda both: "beginning of" in both.adb.shell("logcat -d -b all"), True),
}

REFUSED: dict[str, tuple[Call, type[Exception], str]] = {
    "a Wi-Fi address": (without_wifi, adbutils.AdbError, "wlan ip"),
    "a command that ends in time": (
        lambda both: both.adb.shell("sleep 60", timeout=0.3),
        adbutils.AdbTimeout,
        "timeout",
    ),
    "a phone at this address": (
        lambda both: both.client.disconnect("127.77.250.1:5555", raise_error=True),
        adbutils.AdbError,
        "no such device",
    ),
    "a file that is not there": (
        lambda both: both.adb.sync.read_bytes("/sdcard/none.txt"),
        adbutils.AdbError,
        "No such file",
    ),
}
"""By what is missing: the call, and its exception."""


@pytest.mark.parametrize("name", ADBUTILS)
def test_adbutils(both: Both, name: str) -> None:
    call, expected = ADBUTILS[name]
    result = call(both)
    assert expected is None or result == expected


@pytest.mark.parametrize("name", REFUSED)
def test_calls_that_fail_as_on_a_phone_without_it(both: Both, name: str) -> None:
    call, exception, message = REFUSED[name]
    with pytest.raises(exception, match=message):
        call(both)
