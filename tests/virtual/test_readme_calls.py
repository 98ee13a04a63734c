"""Calls that the documentation of uiautomator2 shows, on a virtual phone.

Each works, or fails as on a phone that has no such app or keyboard.
"""

from __future__ import annotations

import io
from typing import Any

import pytest
import uiautomator2
from PIL import Image

from mobilebench.virtual import faults
from tests.virtual.readme import BAR, CHROME, ICON, Both, Call, browsing, then

pytestmark = [pytest.mark.adb, pytest.mark.browser, pytest.mark.usefixtures("at_home")]


def set_clipboard(both: Both) -> None:
    both.ui.clipboard = "hello-world"


def watch(both: Both) -> list[str]:
    """Answer a dialog that appears while another thing is done; the apps that are in front then."""
    with both.ui.watch_context() as context:
        context.when("Wait").click()
        faults.apply("readme", "dialog", option="anr")
        context.wait_stable(0.5, 30)
    return [view.info["text"] for view in both.ui(text="Chrome")]


def broken_session(both: Both) -> None:
    """Use a session whose app was ended."""
    session = both.ui.session(CHROME)
    both.adb.app_stop(CHROME)
    session(text="Chrome").click(timeout=0.2)


UIAUTOMATOR: dict[str, tuple[Call, Any]] = {
    "info": (lambda both: (both.ui.info["sdkInt"], both.ui.info["screenOn"]), (33, True)),
    "device_info": (lambda both: both.ui.device_info["serial"], "readme"),
    "window_size": (lambda both: both.ui.window_size(), (1080, 2400)),
    "app_current": (lambda both: both.ui.app_current()["package"], "com.android.launcher3"),
    "wait_activity": (lambda both: both.ui.wait_activity("com.android.launcher3.Main", timeout=60), True),
    "wlan_ip": (lambda both: both.ui.wlan_ip.startswith("127.77."), True),
    "serial": (lambda both: both.ui.serial == both.adb.serial, True),
    "implicitly_wait": (lambda both: (both.ui.implicitly_wait(20.0), both.ui.settings["wait_timeout"]), (20.0, 20.0)),
    "stop_uiautomator": (then(lambda both: both.ui.stop_uiautomator(), lambda both: both.ui.info["sdkInt"]), 33),
    "clipboard": (then(set_clipboard, lambda both: both.ui.clipboard), "hello-world"),
    "set_clipboard": (
        then(lambda both: both.ui.set_clipboard("labelled", "label"), lambda both: both.ui.clipboard),
        "labelled",
    ),
    "screen_off": (then(lambda both: both.ui.screen_off(), lambda both: both.ui.info["screenOn"]), False),
    "screen_on": (
        then(
            lambda both: both.ui.screen_off(), lambda both: both.ui.screen_on(), lambda both: both.ui.info["screenOn"]
        ),
        True,
    ),
    "press": (lambda both: [both.ui.press(key) for key in ("home", "back", "recent", "volume_up")], [True] * 4),
    "press code": (lambda both: both.ui.press(0x07, 0x02), True),
    "press home": (
        browsing(then(lambda both: both.ui.press("home"), lambda both: both.ui.app_current()["package"])),
        "com.android.launcher3",
    ),
    "unlock": (
        then(lambda both: both.ui.screen_off(), lambda both: both.ui.unlock(), lambda both: both.ui.info["screenOn"]),
        True,
    ),
    "click": (lambda both: both.ui.click(5, 5), None),
    "double_click": (lambda both: both.ui.double_click(5, 5, 0.01), None),
    "long_click": (lambda both: both.ui.long_click(0.5, 0.1), None),
    "swipe": (lambda both: both.ui.swipe(100, 900, 100, 500, 0.1), True),
    "swipe_ext": (lambda both: [both.ui.swipe_ext(way) for way in ("left", "right", "up", "down")], [None] * 4),
    "swipe_ext of a direction": (lambda both: both.ui.swipe_ext(uiautomator2.Direction.FORWARD), None),
    "swipe_ext in a box": (lambda both: both.ui.swipe_ext("right", box=(0, 0, 100, 100), scale=0.8), None),
    "drag": (lambda both: both.ui.drag(5, 5, 50, 50, 0.1), True),
    "swipe_points": (lambda both: both.ui.swipe_points([(5, 5), (20, 20), (30, 30)], 0.1), True),
    "touch": (lambda both: both.ui.touch.down(5, 5).move(6, 6).up(6, 6) is not None, True),
    "orientation": (lambda both: both.ui.orientation, "natural"),
    "set_orientation": (then(lambda both: both.ui.set_orientation("l"), lambda both: both.ui.orientation), "left"),
    "window_size turned": (
        then(lambda both: both.ui.set_orientation("r"), lambda both: both.ui.window_size()),
        (2400, 1080),
    ),
    "freeze_rotation": (lambda both: (both.ui.freeze_rotation(), both.ui.freeze_rotation(False)), (None, None)),
    "screenshot": (lambda both: both.ui.screenshot().size, (1080, 2400)),
    "dump_hierarchy": (
        lambda both: "Chrome" in both.ui.dump_hierarchy(compressed=False, pretty=True, max_depth=30),
        True,
    ),
    "dump_hierarchy root": (lambda both: "Chrome" in both.ui.dump_hierarchy(root_in_active=True), True),
    "open_notification": (
        then(lambda both: both.ui.open_notification(), lambda both: both.ui(text="No notifications").exists()),
        True,
    ),
    "open_quick_settings": (
        then(lambda both: both.ui.open_quick_settings(), lambda both: both.ui(text="Quick settings").exists()),
        True,
    ),
    "show_touch_trace": (
        then(lambda both: both.ui.show_touch_trace(), lambda both: both.adb.shell("settings get system show_touches")),
        "1",
    ),
    "hide touch trace": (
        then(
            lambda both: both.ui.show_touch_trace(pointer_location=False, show_touches=False),
            lambda both: both.adb.shell("settings get system show_touches"),
        ),
        "0",
    ),
    "selector": (lambda both: both.ui(text="Chrome", className=ICON).info["packageName"], "com.android.launcher3"),
    "selector parts": (lambda both: [both.ui(textContains="hrom").count, both.ui(textMatches="Set.*").count], [1, 1]),
    "child": (lambda both: both.ui(className="android.widget.FrameLayout").child(text="Chrome").exists(), True),
    "sibling": (lambda both: both.ui(text="Settings").sibling(text="Chrome").exists(), True),
    "relative": (lambda both: both.ui(text="Settings").right(className=ICON).info["text"], "Chrome"),
    "child_by_text": (
        lambda both: (
            both.ui(className="android.widget.FrameLayout").child_by_text("Chrome", className=ICON).info["text"]
        ),
        "Chrome",
    ),
    "child_by_instance": (
        lambda both: (
            both.ui(className="android.widget.FrameLayout").child_by_instance(0, className=ICON).info["className"]
        ),
        ICON,
    ),
    "exists within a time": (lambda both: both.ui(text="Settings").exists(timeout=60), True),
    "info of a view": (
        lambda both: {
            name: both.ui(text="Settings").info[name] for name in ("clickable", "enabled", "scrollable", "childCount")
        },
        {"clickable": True, "enabled": True, "scrollable": False, "childCount": 0},
    ),
    "instances": (lambda both: [view.info["text"] for view in both.ui(className=ICON)], ["Settings", "Chrome"]),
    "get_text": (lambda both: both.ui(className=ICON, instance=1).get_text(), "Chrome"),
    "wait": (lambda both: both.ui(text="Nothing").wait(timeout=0.2), False),
    "wait_gone": (lambda both: both.ui(text="Nothing").wait_gone(timeout=0.2), True),
    "click_exists": (lambda both: both.ui(text="Nothing").click_exists(timeout=0.2), False),
    "xpath": (
        then(
            lambda both: both.ui.xpath('//*[@text="Chrome"]').click(),
            lambda both: both.ui.app_wait(CHROME, front=True, timeout=60) > 0,
        ),
        True,
    ),
    "xpath of a resource": (browsing(lambda both: both.ui.xpath(f"@{BAR}").exists), True),
    "xpath waits": (
        lambda both: (
            both.ui.xpath('//*[@text="Chrome"]').wait(timeout=60) is not None,
            both.ui.xpath('//*[@text="Nothing"]').wait(timeout=0.2),
            both.ui.xpath('//*[@text="Nothing"]').wait_gone(timeout=0.2),
            both.ui.xpath('//*[@text="Nothing"]').click_exists(timeout=0.2),
        ),
        (True, False, True, False),
    ),
    "xpath texts": (
        browsing(
            then(
                lambda both: both.ui.xpath(f"@{BAR}").set_text("about:version"),
                lambda both: both.ui.xpath(f"@{BAR}").get_text(),
            )
        ),
        "about:version",
    ),
    "set_text": (
        browsing(
            then(
                lambda both: both.ui(resourceId=BAR).set_text("about:blank"),
                lambda both: both.ui(resourceId=BAR).get_text(),
            )
        ),
        "about:blank",
    ),
    "clear_text": (
        browsing(
            then(lambda both: both.ui(resourceId=BAR).clear_text(), lambda both: both.ui(resourceId=BAR).get_text())
        ),
        "",
    ),
    "send_keys": (
        browsing(
            then(
                lambda both: both.ui(resourceId=BAR).clear_text(),
                lambda both: both.ui(resourceId=BAR).click(),
                lambda both: both.ui.send_keys("Hello123"),
                lambda both: both.ui(resourceId=BAR).get_text(),
            )
        ),
        "Hello123",
    ),
    "clear_text of the focus": (
        browsing(
            then(
                lambda both: both.ui(resourceId=BAR).set_text("old"),
                lambda both: both.ui.send_keys("new", clear=True),
                lambda both: both.ui(resourceId=BAR).get_text(),
            )
        ),
        "new",
    ),
    "current_ime": (lambda both: both.ui.current_ime(), "com.android.inputmethod.latin/.LatinIME"),
    "drag_to": (lambda both: both.ui(text="Chrome").drag_to(text="Settings", duration=0.1), True),
    "drag_to place": (lambda both: both.ui(text="Chrome").drag_to(5, 5, duration=0.1), True),
    "gesture": (lambda both: both.ui(text="Chrome").gesture((1, 1), (2, 2), (3, 3), (4, 4), steps=5), True),
    "long_click of a view": (browsing(lambda both: both.ui(scrollable=True).long_click(duration=0.1)), None),
    "click of a view": (
        then(
            lambda both: both.ui(text="Chrome").click(offset=(0.5, 0.5)),
            lambda both: both.ui.app_wait(CHROME, front=True, timeout=60) > 0,
        ),
        True,
    ),
    "click_gone": (lambda both: both.ui(text="Chrome").click_gone(maxretry=3, interval=0.1), True),
    "exists": (lambda both: (both.ui.exists(text="Settings").__bool__(), len(both.ui(className=ICON))), (True, 2)),
    "center": (lambda both: both.ui(text="Settings").center(offset=(0, 0)), (54, 1440)),
    "screenshot of a view": (lambda both: both.ui(text="Settings").screenshot().size, (216, 192)),
    "watch_context": (watch, ["Chrome"]),
    "fling": (browsing(lambda both: both.ui(scrollable=True).fling()), False),
    "fling in each direction": (
        browsing(
            lambda both: [
                both.ui(scrollable=True).fling.horiz.forward(),
                both.ui(scrollable=True).fling.vert.backward(),
                both.ui(scrollable=True).fling.horiz.toBeginning(max_swipes=10),
                both.ui(scrollable=True).fling.vert.toEnd(),
            ]
        ),
        [False] * 4,
    ),
    "scroll in each direction": (
        browsing(
            lambda both: [
                both.ui(scrollable=True).scroll(steps=10),
                both.ui(scrollable=True).scroll.horiz.forward(steps=10),
                both.ui(scrollable=True).scroll.vert.backward(),
                both.ui(scrollable=True).scroll.horiz.toBeginning(steps=10, max_swipes=10),
                both.ui(scrollable=True).scroll.vert.to(text="Security"),
            ]
        ),
        [False] * 5,
    ),
    "pinch_out": (browsing(lambda both: both.ui(scrollable=True).pinch_out(percent=50, steps=5)), True),
    "scroll": (browsing(lambda both: both.ui(scrollable=True).scroll.toEnd()), False),
    "pinch": (browsing(lambda both: both.ui(scrollable=True).pinch_in(percent=50, steps=5)), True),
    "swipe of a view": (browsing(lambda both: both.ui(scrollable=True).swipe("up")), None),
    "toast reset": (
        then(lambda both: both.ui.toast.reset(), lambda both: both.ui.toast.get_message(0.2, default="none")),
        "none",
    ),
    "toast": (then(lambda both: both.ui.toast.show("hi", 0.1), lambda both: both.ui.toast.get_message(1)), "hi"),
    "configurator": (
        then(
            lambda both: both.ui.jsonrpc.setConfigurator({"waitForIdleTimeout": 100}),
            lambda both: both.ui.jsonrpc.getConfigurator()["waitForIdleTimeout"],
        ),
        100,
    ),
    "app_list_running": (browsing(lambda both: CHROME in both.ui.app_list_running()), True),
    "app_stop": (
        browsing(then(lambda both: both.ui.app_stop(CHROME), lambda both: both.ui.app_list_running())),
        [],
    ),
    "app_stop_all but one": (browsing(lambda both: both.ui.app_stop_all(excludes=[CHROME])), []),
    "app_wait in vain": (lambda both: both.ui.app_wait("com.example.demo", timeout=0.2), 0),
    "app_start by monkey": (
        then(
            lambda both: both.ui.app_start(CHROME, use_monkey=True),
            lambda both: both.ui.app_wait(CHROME, front=True, timeout=60) > 0,
        ),
        True,
    ),
    "app_start anew": (
        browsing(
            then(
                lambda both: both.ui.app_start(CHROME, stop=True),
                lambda both: both.ui.app_wait(CHROME, front=True, timeout=60) > 0,
            )
        ),
        True,
    ),
    "open_url": (
        then(
            lambda both: both.ui.open_url("about:blank"),
            lambda both: both.ui.app_wait(CHROME, front=True, timeout=60) > 0,
        ),
        True,
    ),
    "app_stop_all": (browsing(lambda both: both.ui.app_stop_all()), [CHROME]),
    "app_clear": (lambda both: both.ui.app_clear(CHROME), None),
    "app_info": (lambda both: bool(both.ui.app_info(CHROME)["versionName"]), True),
    "session": (lambda both: both.ui.session(CHROME).running(), True),
    "session of a running app": (browsing(lambda both: both.ui.session(CHROME, attach=True).running()), True),
    "session that ends": (
        then(lambda both: both.ui.session(CHROME).close(), lambda both: CHROME in both.ui.app_list_running()),
        False,
    ),
    "pull": (
        then(
            lambda both: both.ui.push(io.BytesIO(b"pulled"), "/sdcard/p.txt", mode=0o644),
            lambda both: both.ui.pull("/sdcard/p.txt", str(both.folder / "p.txt")),
            lambda both: (both.folder / "p.txt").read_bytes(),
        ),
        b"pulled",
    ),
    "push": (
        then(
            lambda both: both.ui.push(io.BytesIO(b"content"), "/sdcard/x.txt"),
            lambda both: both.adb.sync.read_bytes("/sdcard/x.txt"),
        ),
        b"content",
    ),
}
"""By call: the call, and what it returns."""

REFUSED: dict[str, tuple[Call, type[Exception], str]] = {
    "an app that is not installed": (
        lambda both: both.ui.app_info("com.example.demo"),
        uiautomator2.exceptions.AppNotFoundError,
        "not installed",
    ),
    "the keyboard that hides itself": (
        lambda both: both.ui.hide_keyboard(),
        uiautomator2.exceptions.InputIMEError,
        "install AdbKeyboard ime failed",
    ),
    "the keyboard that sends actions": (
        lambda both: both.ui.send_action("search"),
        uiautomator2.exceptions.InputIMEError,
        "install AdbKeyboard ime failed",
    ),
    "the keyboard of uiautomator2": (
        lambda both: both.ui.set_input_ime(),
        uiautomator2.exceptions.InputIMEError,
        "install AdbKeyboard ime failed",
    ),
    "a view that an xpath finds": (
        lambda both: both.ui.xpath('//*[@text="Nothing"]').click(timeout=0.2),
        uiautomator2.exceptions.XPathElementNotFoundError,
        "Nothing",
    ),
    "an app that still runs": (broken_session, uiautomator2.exceptions.SessionBrokenError, CHROME),
    "a view that is not there": (
        lambda both: both.ui(text="Nothing").click(timeout=0.2),
        uiautomator2.exceptions.UiObjectNotFoundError,
        "wait",
    ),
}
"""By what is missing: the call, and its exception."""


@pytest.mark.parametrize("name", UIAUTOMATOR)
def test_uiautomator2(both: Both, name: str) -> None:
    call, expected = UIAUTOMATOR[name]
    assert call(both) == expected


@pytest.mark.parametrize("name", REFUSED)
def test_calls_that_fail_as_on_a_phone_without_it(both: Both, name: str) -> None:
    call, exception, message = REFUSED[name]
    with pytest.raises(exception, match=message):
        call(both)


def test_a_screenshot_is_saved(both: Both) -> None:
    both.ui.screenshot(str(both.folder / "home.jpg"))
    with Image.open(both.folder / "home.jpg") as image:
        assert image.size == (1080, 2400)
        assert len(image.getcolors(1 << 24) or ()) > 2
