"""The WebDriver BiDi client against a browser that misbehaves in every way that has a name."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from threading import Event, Timer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.browsers import bidi
from mobilebench.browsers.connect import open_page
from mobilebench.browsers.page import Page, PageDialog
from mobilebench.core.errors import BlockFailed, Unsupported
from tests.browsers.fake_devtools import CUT, FakeDevtools, fake_devtools, success
from tests.browsers.fake_devtools import bidi as opening
from tests.pinning import Pinned

CRASHED = {
    "type": "event",
    "method": "browsingContext.navigationCommitted",
    "params": {"context": "tab1", "url": "about:tabcrashed?e=tabcrashed&u=http%3A//127.0.0.1/"},
}


@pytest.fixture(scope="module", autouse=True)
def short_wait_for_a_crash() -> Iterator[None]:
    """A browser that reports a crash does so at once here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bidi, "_CRASH_SECONDS", 0.05)
        yield


def silent(message: dict[str, Any]) -> list[Any]:
    return []


def address(fake: FakeDevtools) -> str:
    return fake.url.replace("http://", "ws://")


def evaluated(message: dict[str, Any], kind: str, value: Any = None) -> dict[str, Any]:
    return success(message, type="success", realm="r", result={"type": kind, "value": value})


def test_a_value_comes_back_although_events_and_stale_answers_come_first() -> None:
    def answer(message: dict[str, Any]) -> list[Any]:
        event = {"type": "event", "method": "log.entryAdded", "params": {}}
        return [event, {"type": "success", "id": 999, "result": {}}, evaluated(message, "string", "42")]

    with fake_devtools(opening(answer)) as fake, open_page(address(fake)) as page:
        assert page.evaluate("6 * 7", timeout=60) == "42"
    asked = fake.received[-1]
    assert (asked["method"], asked["params"]["awaitPromise"]) == ("script.evaluate", True)
    assert asked["params"]["target"] == {"context": "tab1"}


def test_what_is_evaluated_apart_is_in_a_sandbox() -> None:
    with fake_devtools(opening(lambda m: [evaluated(m, "number", 1)])) as fake, open_page(address(fake)) as page:
        page.evaluate("x", timeout=60, apart=True)
    assert fake.received[-1]["params"]["target"]["sandbox"]


def test_a_second_answer_is_passed_over() -> None:
    def answer(message: dict[str, Any]) -> list[Any]:
        expression = message["params"]["expression"]
        return [evaluated(message, "string", expression), evaluated(message, "string", "again")]

    with fake_devtools(opening(answer)) as fake, open_page(address(fake)) as page:
        assert [page.evaluate(text, timeout=60) for text in ("one", "two", "three")] == ["one", "two", "three"]


def test_opening_waits_until_the_page_is_complete() -> None:
    with fake_devtools(opening(lambda m: [success(m, navigation="1", url="")])) as fake:
        with open_page(address(fake)) as page:
            page.open("http://127.0.0.1/bench.html", timeout=60)
        assert fake.received[-1]["params"] == {
            "context": "tab1",
            "url": "http://127.0.0.1/bench.html",
            "wait": "complete",
        }


def test_a_page_that_cannot_be_reached_is_reported(pinned: Pinned) -> None:
    refused = {"type": "error", "error": "unknown error", "message": "Error: NS_ERROR_CONNECTION_REFUSED"}
    with (
        fake_devtools(opening(lambda m: [{**refused, "id": m["id"]}])) as fake,
        open_page(address(fake)) as page,
        pinned.raises(BlockFailed),
    ):
        page.open("http://127.0.0.1:1/")


def test_an_exception_is_reported_with_its_message(pinned: Pinned) -> None:
    details = {"text": "TypeError: x is not a function\nand more", "exception": {"type": "error"}}
    with (
        fake_devtools(opening(lambda m: [success(m, type="exception", exceptionDetails=details)])) as fake,
        open_page(address(fake)) as page,
        pinned.raises(BlockFailed),
    ):
        page.evaluate("x()", timeout=60)


@pytest.mark.slow
def test_a_page_that_never_answers_is_given_up(pinned: Pinned) -> None:
    with (
        fake_devtools(opening(silent)) as fake,
        pinned.raises(BlockFailed),
        open_page(address(fake)) as page,
    ):
        page.evaluate("new Promise(() => {})", timeout=0.6)


def test_cancelling_ends_the_wait_at_once() -> None:
    cancel = Event()
    with fake_devtools(opening(silent)) as fake:
        Timer(0.2, cancel.set).start()
        began = time.monotonic()
        with pytest.raises(BlockFailed, match="cancelled"), open_page(address(fake), cancel=cancel) as page:
            page.evaluate("new Promise(() => {})", timeout=60)
        assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (CRASHED, "crash"),
        ({"type": "error", "error": "no such frame", "message": "Discarded"}, "crash"),
        ({"type": "error", "error": "unknown error", "message": "allocation size overflow"}, "bad answer"),
        ({"type": "error", "error": "invalid argument", "message": "Odd\nmore"}, "bad answer"),
        ({"type": "error", "error": ["odd"]}, "bad answer"),
        (CUT, "cut connection"),
        ("not json", "bad answer"),
        ("[1, 2]", "bad answer"),
        ({"type": "success"}, "bad answer"),
        ({"type": "success", "result": "text"}, "bad answer"),
    ],
)
def test_everything_that_can_go_wrong_has_a_name(reply: Any, fault: str, pinned: Pinned) -> None:
    def answer(message: dict[str, Any]) -> list[Any]:
        return [{"id": message["id"], **reply} if isinstance(reply, dict) and reply is not CRASHED else reply]

    with (
        fake_devtools(opening(answer)) as fake,
        pinned.raises(BlockFailed) as raised,
        open_page(address(fake)) as page,
    ):
        page.evaluate("1", timeout=60)
    assert raised.value.fault == fault


@pytest.mark.parametrize("contexts", [None, [], [{}], [{"context": 5}], ["tab"], "tab"])
def test_a_browser_without_a_page(contexts: Any, pinned: Pinned) -> None:
    def answer(message: dict[str, Any]) -> list[Any]:
        return [success(message, contexts=contexts)]

    with (
        fake_devtools(answer) as fake,
        pinned.raises(BlockFailed),
        open_page(address(fake)),
    ):
        pass


def test_in_a_user_s_browser_the_empty_tab_is_awaited_and_closed_in_the_end() -> None:
    trees = [[], [{"context": "theirs", "url": "https://example.com/"}, {"context": "ours", "url": "about:blank"}]]

    def answer(message: dict[str, Any]) -> list[Any]:
        told = {"contexts": trees.pop(0)} if message["method"] == "browsingContext.getTree" else {}
        return [success(message, **told)]

    with fake_devtools(answer) as fake, open_page(address(fake), stays=True) as page:
        page.tell_cores(2)
    assert fake.received[-2]["params"]["contexts"] == ["ours"]
    assert (fake.received[-1]["method"], fake.received[-1]["params"]) == ("browsingContext.close", {"context": "ours"})


def test_no_browser_behind_the_address(pinned: Pinned) -> None:
    with pinned.raises(BlockFailed), open_page("ws://127.0.0.1:9"):
        pass


def test_the_number_of_cores_is_set_before_a_page_is_opened() -> None:
    with fake_devtools(opening(lambda m: [success(m)])) as fake, open_page(address(fake)) as page:
        page.tell_cores(8)
    asked = fake.received[-1]
    assert asked["method"] == "script.addPreloadScript"
    assert "hardwareConcurrency" in asked["params"]["functionDeclaration"]
    assert asked["params"]["contexts"] == ["tab1"]


def test_what_bidi_cannot_do_is_unsupported() -> None:
    with fake_devtools(opening(silent)) as fake, open_page(address(fake)) as page:
        assert_lacks_capabilities(page)


def assert_lacks_capabilities(page: Page) -> None:
    assert page.capabilities == frozenset()
    with pytest.raises(Unsupported, match="removes the data"):
        page.clear_origin("http://127.0.0.1:1")


def test_values_become_what_they_were() -> None:
    nested = {
        "type": "object",
        "value": [["a", {"type": "array", "value": [{"type": "number", "value": 1}, {"type": "null"}]}]],
    }
    assert bidi.local_value(nested) == {"a": [1, None]}
    assert bidi.local_value({"type": "number", "value": "-Infinity"}) == -math.inf
    assert math.isnan(bidi.local_value({"type": "number", "value": "NaN"}))
    assert bidi.local_value({"type": "boolean", "value": False}) is False
    assert bidi.local_value({"type": "undefined"}) is None
    assert bidi.local_value({"type": "function", "handle": "1"}) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
remote_values = st.recursive(
    json_values,
    lambda inner: st.fixed_dictionaries(
        {"type": st.sampled_from(["array", "object", "number", "string"]), "value": inner | st.lists(inner)}
    ),
)


@given(remote_values)
@pytest.mark.slow
def test_no_value_breaks_it(value: Any) -> None:
    bidi.local_value(value)


@given(json_values)
@pytest.mark.slow
def test_no_event_breaks_it(params: Any) -> None:
    bidi.BidiNotices().notice({"method": "browsingContext.navigationCommitted", "params": params})


@given(json_values)
@pytest.mark.slow
def test_an_exception_is_always_one_short_line(details: Any) -> None:
    text = bidi.exception_text(details)
    assert 0 < len(text) <= 500
    assert "\n" not in text


def test_a_dialog_of_the_page_is_reported_at_once() -> None:
    dialog = {
        "type": "event",
        "method": "browsingContext.userPromptOpened",
        "params": {"context": "tab1", "type": "confirm", "message": "sure?", "handler": "dismiss"},
    }
    with (
        fake_devtools(opening(lambda m: [dialog])) as fake,
        open_page(address(fake)) as page,
        pytest.raises(PageDialog, match="shows a dialog \\(confirm\\): “sure\\?”"),
    ):
        page.evaluate("confirm('sure?')", timeout=60)
