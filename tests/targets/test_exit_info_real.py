"""Pages and browsers that end on a virtual phone, and the reasons that it reports."""

from __future__ import annotations

from pathlib import Path
from threading import Timer

import pytest

from mobilebench.browsers import browser_processes
from mobilebench.browsers.connect import open_page
from mobilebench.core.errors import BlockFailed
from mobilebench.targets.base import Target
from mobilebench.virtual import phones
from tests.targets.conftest import BUNDLED_ADB

pytestmark = [pytest.mark.adb, pytest.mark.browser]

NAME = "mortal"
CHROME = "com.android.chrome"


@pytest.fixture(scope="module")
def adb_binary() -> Path:
    """The version of adb makes no difference here, so one is enough."""
    return BUNDLED_ADB


def end(phone: Target, kind: str, address: str, exit_: tuple[str, int] | None) -> None:
    """Kill the phone's processes of a kind; `exit_` is the record that Android would keep of it."""
    if exit_:
        now = phone.shell(["date", "+%Y-%m-%d %H:%M:%S"], timeout=60).stdout.decode().strip()
        phones.change_state(NAME, {f"exits.{exit_[0]}": f"{exit_[1]} {now}.500"})
    pids = browser_processes.cpu_seconds(address, kind)
    phone.shell(["kill", "-9", *map(str, pids)], timeout=60)


@pytest.mark.parametrize(
    ("kind", "exit_", "fault", "evidence"),
    [
        (
            "renderer",
            (f"{CHROME}:sandboxed_process0:Service:0", 3),
            "killed for memory",
            f"{CHROME}:sandboxed_process0",
        ),
        ("renderer", None, "crash", "signal 9"),
        ("browser", (CHROME, 5), "crash", CHROME),
        ("browser", None, "cut connection", ""),
    ],
)
def test_exits_are_explained_by_the_phones_records(
    open_phone, kind: str, exit_: tuple[str, int] | None, fault: str, evidence: str
) -> None:
    with open_phone(NAME) as phone:
        with (
            pytest.raises(BlockFailed) as raised,
            phone.browser("chrome") as browser,
            open_page(browser.address) as page,
        ):
            page.open("data:text/html,<p>soon gone</p>")
            Timer(0.3, end, [phone, kind, browser.address, exit_]).start()
            page.evaluate("new Promise(() => {})", timeout=30)
        assert (raised.value.fault, evidence in raised.value.message) == (fault, True), raised.value.message
        with phone.browser("chrome") as browser, open_page(browser.address) as page:
            assert page.evaluate("6 * 7", timeout=30) == 42
    if exit_:
        phones.change_state(NAME, {f"exits.{exit_[0]}": None})
