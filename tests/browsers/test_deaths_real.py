"""Real pages that die for want of memory, and connections that are cut while the browser lives."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

import pytest

from mobilebench.browsers import builds
from mobilebench.browsers.connect import open_page
from mobilebench.core.errors import BlockFailed, Fault
from mobilebench.profiles import machine
from tests.browsers import memory_limit
from tests.browsers.processes import group, kill_pages, pages_in, wait_until
from tests.browsers.relay import relay

pytestmark = pytest.mark.browser

FILLING = "(() => { const a = []; for (;;) a.push(new Uint8Array(1 << 24).fill(1)); })()"
FILLING_HEAP = "(() => { const a = []; for (;;) a.push(new Array(100000).fill({})); })()"
WAITING = "new Promise(() => {})"
PAGE = "data:text/html,<p>soon gone</p>"


@dataclass(frozen=True)
class Killer:
    """Who kills a page of the browser with this process id, and how its end is to be named."""

    act: Callable[[int], object]
    expression: str
    fault: Fault
    counted: bool
    """By the kernel, as killed for memory."""


@pytest.fixture
def killer() -> Iterator[Killer]:
    """The kernel, where this machine lets us limit a page's memory; else we, and then memory must not be blamed."""
    parent = memory_limit.parent()
    if parent is None:
        yield Killer(lambda pid: Timer(0.3, kill_pages, [pid]).start(), WAITING, "crash", False)
        return
    with memory_limit.limited(parent) as put:
        yield Killer(lambda pid: put(pages_in(pid)), FILLING, "killed for memory", True)


@pytest.mark.parametrize("browser", ["chrome", "firefox"])
def test_a_tab_that_is_killed_is_named_by_who_killed_it(browser: str, killer: Killer, temporary: Path) -> None:
    before = machine.count_memory_kills()
    with (
        pytest.raises(BlockFailed) as raised,
        builds.launch(browser) as running,
        open_page(running.address) as page,
    ):
        page.open(PAGE)
        killer.act(running.pid)
        page.evaluate(killer.expression, timeout=8)
    assert raised.value.fault == killer.fault, raised.value.message
    assert ("the kernel ended" in raised.value.message) is killer.counted
    assert (machine.count_memory_kills() != before) is killer.counted
    wait_until(lambda: not group(running.pid))
    assert list(temporary.iterdir()) == []


def test_a_page_whose_heap_is_full_is_named(temporary: Path) -> None:
    with (
        pytest.raises(BlockFailed, match=r"ended itself because memory ran out: V8 javascript OOM") as raised,
        builds.launch("chrome", ["--js-flags=--max-old-space-size=32"]) as running,
        open_page(running.address) as page,
    ):
        page.open(PAGE)
        page.evaluate(FILLING_HEAP, timeout=60)
    assert raised.value.fault == "killed for memory"


@pytest.mark.parametrize("browser", ["chrome", "firefox"])
def test_a_connection_that_is_cut_while_the_browser_lives_is_named(browser: str, temporary: Path) -> None:
    with (
        pytest.raises(BlockFailed, match=r"^The connection to the browser was cut \(\w+\)\.$") as raised,
        builds.launch(browser) as running,
        relay(running.address) as cable,
        open_page(cable.address) as page,
    ):
        Timer(0.3, cable.cut).start()
        page.evaluate(WAITING, timeout=60)
    assert raised.value.fault == "cut connection"


def test_a_tab_that_a_person_closes_is_a_cut_connection(temporary: Path) -> None:
    with (
        pytest.raises(BlockFailed) as raised,
        builds.launch("chrome") as running,
        open_page(running.address) as page,
    ):
        page.open(PAGE)
        Timer(0.3, close_tabs, [running.address]).start()
        page.evaluate(WAITING, timeout=60)
    assert raised.value.fault == "cut connection"


def close_tabs(address: str) -> None:
    tabs = json.loads(asked(f"{address}/json/list"))
    for tab in tabs:
        if tab["url"] == PAGE:
            asked(f"{address}/json/close/{tab['id']}")


def asked(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return bytes(answer.read())
