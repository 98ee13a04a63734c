"""A foreign page in Firefox whose browser answers and reports in an order that real ones seldom show."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

import pytest

from mobilebench.browsers.bidi import BidiPage
from mobilebench.browsers.websocket_rpc import Exchange, Message
from mobilebench.scenarios.base import ScenarioFailed
from mobilebench.scenarios.injection.firefox_page import FirefoxPage, ForeignNotices

TAB = "tab-1"
URL = "http://example.org/"
DOWNLOAD = {"method": "browsingContext.downloadWillBegin", "params": {"context": TAB, "url": URL}}
INTERRUPTED = {"error": "unknown error", "message": "Error: A new navigation interrupted an unfinished navigation"}
REFUSED = {"error": "unknown error", "message": "Error: NS_ERROR_CONNECTION_REFUSED"}


class ScriptedSocket:
    """A browser that answers `navigate` by the given messages, and any other command by an empty result."""

    def __init__(self, *navigations: list[Message]) -> None:
        self._navigations = list(navigations)
        self._messages: list[Message] = []

    def send(self, text: str) -> None:
        asked = json.loads(text)
        answer: list[Message] = [{"result": {}}]
        if asked["method"] == "browsingContext.navigate":
            answer = self._navigations.pop(0)
        elif asked["method"] == "script.evaluate":
            answer = [
                {"result": {"type": "success", "realm": "realm-1", "result": {"type": "boolean", "value": False}}}
            ]
        self._messages += [one if "method" in one else {"id": asked["id"], **one} for one in answer]

    def recv(self, timeout: float) -> str:
        if not self._messages:
            raise TimeoutError
        return json.dumps(self._messages.pop(0))


@pytest.fixture
def opened() -> Callable[..., FirefoxPage]:
    def page(*navigations: list[Message]) -> FirefoxPage:
        watch = ForeignNotices()
        exchange = Exchange(cast(Any, ScriptedSocket(*navigations)), watch.notice)
        watch.send, watch.context = exchange.send, TAB
        return FirefoxPage(BidiPage(watch, exchange, TAB), watch, exchange)

    return page


@pytest.mark.parametrize("messages", [[DOWNLOAD, {"result": {}}], [{"result": {}}, DOWNLOAD]])
def test_a_download_has_a_name_in_either_order(opened: Callable[..., FirefoxPage], messages: list[Message]) -> None:
    with pytest.raises(ScenarioFailed, match=r"http://example.org/ is a download") as caught:
        opened(messages).open(URL, timeout=60)
    assert caught.value.outcome == "not a page"


def test_the_end_of_an_earlier_navigation_is_not_that_of_this_one(opened: Callable[..., FirefoxPage]) -> None:
    with pytest.raises(ScenarioFailed) as caught:
        opened([INTERRUPTED], [REFUSED]).open(URL, timeout=60)
    assert caught.value.outcome == "unreachable"
    assert "NS_ERROR_CONNECTION_REFUSED" in caught.value.message


def test_a_page_that_does_not_answer_again_never_loads(opened: Callable[..., FirefoxPage]) -> None:
    with pytest.raises(ScenarioFailed) as caught:
        opened([INTERRUPTED], [{"result": {}}]).open(URL, timeout=0.2)
    assert caught.value.outcome == "never loaded"
