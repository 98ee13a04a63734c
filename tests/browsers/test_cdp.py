"""The DevTools client against a browser that misbehaves in every way that has a name."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from threading import Event, Timer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.browsers import cdp, websocket_rpc
from mobilebench.browsers.page import PageDialog
from mobilebench.browsers.websocket_rpc import parse_message
from mobilebench.core.errors import BlockFailed
from tests.browsers.fake_devtools import CUT, fake_devtools, result
from tests.pinning import Pinned


@pytest.fixture(scope="module", autouse=True)
def short_wait_for_a_crash() -> Iterator[None]:
    """A browser that reports a crash does so at once here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cdp, "_CRASH_REPORT_SECONDS", 0.05)
        yield


def silent(message: dict[str, Any]) -> list[Any]:
    return []


def evaluated(value: Any) -> dict[str, Any]:
    return {"result": {"type": "string", "value": value}}


def test_a_value_comes_back_although_events_and_stale_answers_come_first() -> None:
    def answer(message: dict[str, Any]) -> list[Any]:
        event = {"method": "Runtime.consoleAPICalled", "params": {}}
        return [event, {"id": 999, "result": {}}, result(message, **evaluated("42"))]

    with fake_devtools(answer) as fake, cdp.open_page(fake.url) as page:
        assert page.evaluate("6 * 7", timeout=60) == "42"
    assert fake.received[0]["params"]["awaitPromise"] is True


def test_a_page_is_opened_at_our_end_of_the_connection_and_closed() -> None:
    with fake_devtools(silent) as fake:
        with cdp.open_page(fake.url):
            assert fake.closed == []
        assert fake.closed == ["page1"]


def test_windows_that_the_page_opened_are_closed_with_it() -> None:
    def created(name: str, opener: str) -> dict[str, Any]:
        info = {"targetId": name, "type": "page", "openerId": opener}
        return {"method": "Target.targetCreated", "params": {"targetInfo": info}}

    events = [created("user's", "other"), created("one", "page1"), created("two", "one")]
    with fake_devtools(lambda m: [*events, result(m, **evaluated("x"))]) as fake:
        with cdp.open_page(fake.url) as page:
            page.evaluate("open()", timeout=60)
        assert fake.closed == ["page1", "one", "two"]


def test_what_is_evaluated_apart_has_a_world_for_each_document() -> None:
    worlds = iter((7, 8))
    gone = [False]

    def answer(message: dict[str, Any]) -> list[Any]:
        match message["method"]:
            case "Page.getFrameTree":
                return [result(message, frameTree={"frame": {"id": "F"}})]
            case "Page.createIsolatedWorld":
                return [result(message, executionContextId=next(worlds))]
            case _ if gone[0]:
                gone[0] = False
                return [{"id": message["id"], "error": {"message": "Cannot find context with specified id"}}]
        return [result(message, **evaluated(message["params"].get("contextId")))]

    with fake_devtools(answer) as fake, cdp.open_page(fake.url) as page:
        assert [page.evaluate("x", timeout=60, apart=apart) for apart in (True, False, True)] == [7, None, 7]
        gone[0] = True
        with pytest.raises(BlockFailed, match="Cannot find context"):
            page.evaluate("x", timeout=60, apart=True)
        assert page.evaluate("x", timeout=60, apart=True) == 8


@pytest.mark.parametrize("frames", [{}, {"frameTree": []}, {"frameTree": {"frame": None}}])
def test_a_browser_that_gives_no_world(frames: dict[str, Any]) -> None:
    with (
        fake_devtools(lambda m: [result(m, **frames)]) as fake,
        cdp.open_page(fake.url) as page,
        pytest.raises(BlockFailed, match="gave no world"),
    ):
        page.evaluate("x", timeout=60, apart=True)


def test_answers_may_be_larger_than_a_websocket_library_likes() -> None:
    big = "x" * 3_000_000
    with fake_devtools(lambda m: [result(m, **evaluated(big))]) as fake, cdp.open_page(fake.url) as page:
        assert page.evaluate("big", timeout=60) == big


def test_opening_waits_for_the_load_event_even_when_it_comes_before_the_answer() -> None:
    def answer(message: dict[str, Any]) -> list[Any]:
        loaded = {"method": "Page.loadEventFired", "params": {}}
        return [loaded, result(message)] if message["method"] == "Page.navigate" else [result(message)]

    with fake_devtools(answer) as fake, cdp.open_page(fake.url) as page:
        page.open("http://127.0.0.1/bench.html", timeout=60)
    begun = ["Page.enable", "Inspector.enable", "Page.bringToFront", "Target.setDiscoverTargets"]
    assert fake.methods() == [*begun, "Page.navigate"]


def test_a_page_that_cannot_be_reached_is_reported() -> None:
    with (
        fake_devtools(lambda m: [result(m, errorText="net::ERR_CONNECTION_REFUSED")]) as fake,
        cdp.open_page(fake.url) as page,
        pytest.raises(BlockFailed, match="net::ERR_CONNECTION_REFUSED"),
    ):
        page.open("http://127.0.0.1:1/")


def test_an_exception_is_reported_with_its_message(pinned: Pinned) -> None:
    details = {"text": "Uncaught", "exception": {"description": "TypeError: x is not a function\n    at <anonymous>"}}
    with (
        fake_devtools(lambda m: [result(m, exceptionDetails=details, result={})]) as fake,
        cdp.open_page(fake.url) as page,
        pinned.raises(BlockFailed),
    ):
        page.evaluate("x()", timeout=60)


@pytest.mark.slow
def test_a_page_that_never_answers_is_given_up_and_stopped(pinned: Pinned) -> None:
    with fake_devtools(silent) as fake:
        with pinned.raises(BlockFailed), cdp.open_page(fake.url) as page:
            page.evaluate("new Promise(() => {})", timeout=0.6)
        wait_until(lambda: "Runtime.terminateExecution" in fake.methods())
        assert fake.closed == ["page1"]


def test_cancelling_ends_the_wait_at_once() -> None:
    cancel = Event()
    with fake_devtools(silent) as fake:
        Timer(0.2, cancel.set).start()
        began = time.monotonic()
        with (
            pytest.raises(BlockFailed, match="cancelled"),
            cdp.open_page(fake.url, cancel=cancel) as page,
        ):
            page.evaluate("new Promise(() => {})", timeout=60)
        assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        ({"method": "Inspector.targetCrashed", "params": {}}, "crash"),
        ({"method": "Inspector.detached", "params": {"reason": "Process gone."}}, "cut connection"),
        ({"method": "Inspector.detached", "params": {"reason": "target_closed"}}, "cut connection"),
        ({"method": "Inspector.detached"}, "cut connection"),
        (CUT, "cut connection"),
        ("not json", "bad answer"),
        ("[1, 2]", "bad answer"),
        ({"id": 1, "error": {"code": -32000, "message": "Cannot find context"}}, "bad answer"),
        ({"id": 1, "error": "broken"}, "bad answer"),
        ({"id": 1}, "bad answer"),
        ({"id": 1, "result": "text"}, "bad answer"),
    ],
)
def test_everything_that_can_go_wrong_has_a_name(reply: Any, fault: str, pinned: Pinned) -> None:
    with (
        fake_devtools(lambda m: [reply]) as fake,
        pinned.raises(BlockFailed) as raised,
        cdp.open_page(fake.url) as page,
    ):
        page.evaluate("1", timeout=60)
    assert raised.value.fault == fault


@pytest.mark.parametrize(
    ("status", "code", "fault"),
    [
        ("killed", 9, "crash"),
        ("oom protected", 9, "crash"),
        ("oom", 5, "killed for memory"),
        ("crashed", 5, "crash"),
        (None, "odd", "crash"),
    ],
)
def test_the_reason_why_a_page_ended_is_reported(
    status: Any, code: Any, fault: str, pinned: Pinned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cdp, "_CRASH_REPORT_SECONDS", 60)  # the reason comes after the crash
    ended = {"targetId": "page1", "status": status, "errorCode": code}
    other = {"targetId": "another", "status": "killed", "errorCode": 9}
    events = [
        {"method": "Inspector.targetCrashed", "params": {}},
        {"method": "Target.targetCrashed", "params": other},
        {"method": "Target.targetCrashed", "params": ended},
    ]
    with (
        fake_devtools(lambda m: events) as fake,
        pinned.raises(BlockFailed) as raised,
        cdp.open_page(fake.url) as page,
    ):
        page.evaluate("1", timeout=60)
    assert raised.value.fault == fault


def test_a_second_answer_is_passed_over() -> None:
    def answer(message: dict[str, Any]) -> list[Any]:
        expression = message["params"]["expression"]
        return [result(message, **evaluated(expression)), result(message, **evaluated("again"))]

    with fake_devtools(answer) as fake, cdp.open_page(fake.url) as page:
        assert [page.evaluate(text, timeout=60) for text in ("one", "two", "three")] == ["one", "two", "three"]


def test_an_answer_of_gigabytes_is_not_taken(monkeypatch: pytest.MonkeyPatch, pinned: Pinned) -> None:
    monkeypatch.setattr(websocket_rpc, "MESSAGE_LIMIT", 1024 * 1024)
    with (
        fake_devtools(lambda m: [result(m, **evaluated("x" * 2_000_000))]) as fake,
        pinned.raises(BlockFailed),
        cdp.open_page(fake.url) as page,
    ):
        page.evaluate("big", timeout=60)


def test_no_browser_behind_the_address(pinned: Pinned) -> None:
    with pinned.raises(BlockFailed), cdp.open_page("http://127.0.0.1:9"):
        pass


def test_a_browser_that_opens_no_page(pinned: Pinned) -> None:
    with fake_devtools(silent) as fake:
        fake.new_status = 500
        with pinned.raises(BlockFailed), cdp.open_page(fake.url):
            pass


def test_the_version_is_read_from_what_runs(pinned: Pinned) -> None:
    with fake_devtools(silent) as fake:
        assert cdp.browser_version(fake.url) == "156.0.8078.79"
        fake.version = {"Browser": None}
        with pinned.raises(BlockFailed):
            cdp.browser_version(fake.url)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(json_values | st.fixed_dictionaries({"method": st.just("Inspector.detached"), "params": json_values}))
@pytest.mark.slow
def test_no_message_breaks_the_parser(value: Any) -> None:
    try:
        message = parse_message(json.dumps(value))
        cdp.CdpNotices("page1").notice(message)
    except BlockFailed:
        return
    assert message == value or value != value or isinstance(message, dict)


@given(st.binary())
def test_no_bytes_break_the_parser(raw: bytes) -> None:
    try:
        assert isinstance(parse_message(raw), dict)
    except BlockFailed as failed:
        assert failed.message.endswith(".")


@given(json_values)
@pytest.mark.slow
def test_an_exception_is_always_one_short_line(details: Any) -> None:
    text = cdp.exception_text(details)
    assert 0 < len(text) <= 500
    assert "\n" not in text


def wait_until(condition: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_dialog_of_the_page_is_reported_at_once() -> None:
    dialog = {"method": "Page.javascriptDialogOpening", "params": {"type": "alert", "message": "hello"}}
    with (
        fake_devtools(lambda m: [dialog]) as fake,
        cdp.open_page(fake.url) as page,
        pytest.raises(PageDialog, match="shows a dialog \\(alert\\): “hello”"),
    ):
        page.evaluate("alert('hello')", timeout=60)
