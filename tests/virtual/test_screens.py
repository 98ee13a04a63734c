"""What is on the display, and its picture."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

from mobilebench.virtual.android.device import Device
from mobilebench.virtual.android.dialogs import dialog
from mobilebench.virtual.android.pictures import Box, draw
from mobilebench.virtual.config import Program
from mobilebench.virtual.state import with_value
from tests.virtual.test_commands import ask, make_device


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return make_device(tmp_path, chromium=Program("/nowhere/chromium", "156.0.8078.79"))


def picture(device: Device, *words: str) -> Image.Image:
    data = ask(device, "screencap", "-p", *words).stdout.encode("utf-8", "surrogateescape")
    return Image.open(io.BytesIO(data))


def texts(device: Device) -> list[str]:
    xml = ask(device, "uiautomator", "dump", "/dev/tty").stdout
    root = ElementTree.fromstring(xml[: xml.rindex(">") + 1])
    return [node.attrib["text"] for node in root.iter("node")]


def put(device: Device, field: str, value: object) -> None:
    device.files.change(lambda state: with_value(state, field, value))


async def nothing() -> None:
    pass


def test_a_picture_has_the_drawn_pixels() -> None:
    drawn = draw(60, 40, [Box((10, 10, 50, 30), (255, 0, 0), "I")])
    image = Image.open(io.BytesIO(drawn.png()))
    assert image.size == (60, 40)
    assert image.getpixel((11, 11)) == (255, 0, 0)
    assert image.getpixel((5, 5)) == (24, 26, 30)
    assert (255, 255, 255) in {image.getpixel((x, 20)) for x in range(10, 50)}
    assert drawn.rgba()[:4] == bytes((24, 26, 30, 255))


def test_a_screenshot_shows_the_state_of_the_screen(device: Device) -> None:
    home = picture(device)
    assert home.size == (1080, 2400)
    assert "Chrome" in texts(device)
    put(device, "screen.on", False)
    assert picture(device).getextrema() == ((0, 0), (0, 0), (0, 0))
    assert texts(device) == [""]
    put(device, "screen.on", True)
    put(device, "screen.locked", True)
    assert "Locked" in texts(device)
    assert picture(device).tobytes() != home.tobytes()


def test_a_raw_screenshot_has_a_head_of_sizes(device: Device) -> None:
    data = ask(device, "screencap").stdout.encode("utf-8", "surrogateescape")
    assert struct.unpack_from("<3I", data) == (1080, 2400, 1)
    assert len(data) == 16 + 4 * 1080 * 2400
    assert ask(device, "screencap", "-x").code == 1


def test_a_turned_phone_has_a_turned_picture(device: Device) -> None:
    put(device, "settings.system.user_rotation", "1")
    assert picture(device).size == (2400, 1080)
    put(device, "settings.system.accelerometer_rotation", "1")
    assert picture(device).size == (1080, 2400)


@pytest.mark.parametrize("kind", ["anr", "crash", "update", "usb"])
def test_a_dialog_is_in_front_until_it_is_touched(device: Device, kind: str) -> None:
    shown = dialog(kind, "com.android.chrome")
    device.dialogs.show(shown, nothing)
    focus = ask(device, "dumpsys", "window").stdout
    assert f"mCurrentFocus=Window{{1 u0 {shown.component}}}" in focus
    assert "mFocusedApp=ActivityRecord{1 u0 com.android.launcher3/" in focus
    assert [button.text for button in shown.buttons] == texts(device)[1:]
    left, top, right, bottom = shown.buttons[1].bounds(device.state.screen)
    ask(device, "input", "tap", "1", "1")
    assert device.dialogs.now is shown
    ask(device, "input", "tap", str((left + right) // 2), str((top + bottom) // 2))
    assert device.dialogs.now is None


def test_keys_switch_the_screen_and_leave_lock_screens(device: Device) -> None:
    put(device, "screen.keyguard", "swipe")
    ask(device, "input", "keyevent", "26")
    assert (device.state.screen.on, device.state.screen.locked) == (False, True)
    ask(device, "input", "keyevent", "HOME")
    assert not device.state.screen.on
    ask(device, "input", "keyevent", "KEYCODE_WAKEUP")
    assert (device.state.screen.on, device.state.screen.locked) == (True, True)
    ask(device, "input", "swipe", "500", "2000", "500", "500")
    assert not device.state.screen.locked
    put(device, "screen.keyguard", "secret")
    ask(device, "input", "keyevent", "SLEEP", "WAKEUP")
    ask(device, "input", "swipe", "500", "2000", "500", "500")
    ask(device, "wm", "dismiss-keyguard")
    assert device.state.screen.locked


def test_notifications_are_pulled_down_and_closed(device: Device) -> None:
    ask(device, "input", "swipe", "500", "10", "500", "1500")
    assert "No notifications" in texts(device)
    ask(device, "input", "keyevent", "BACK")
    assert "Chrome" in texts(device)


def test_processes_are_listed_as_toybox_lists_them(device: Device) -> None:
    head, *rows = ask(device, "ps", "-A").stdout.splitlines()
    assert head.split() == ["USER", "PID", "PPID", "VSZ", "RSS", "WCHAN", "ADDR", "S", "NAME"]
    assert any(row.split()[-1] == "adbd" for row in rows)
    assert ask(device, "ps", "-o", "PID,NAME").stdout.splitlines()[0].split() == ["PID", "NAME"]
    assert ask(device, "ps", "--nope").code == 1
    assert ask(device, "pidof", "com.android.chrome").code == 1
