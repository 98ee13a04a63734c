"""Each failure of a page has its name, and a page's answer is not trusted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from mobilebench.browsers.page import Page, PageDialog, PageNotOpened
from mobilebench.cli.scenario import scenario
from mobilebench.core.errors import BlockFailed, Killed, PageHidden
from mobilebench.scenarios import block, measuring, probe
from mobilebench.scenarios.base import NEXT_STEPS, Outcome, ScenarioFailed, name_kept
from mobilebench.scenarios.messages import Begun, ProbeAnswer

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "quality.md"


class FakePage:
    """A page that answers each evaluation with the next of these, or fails with it."""

    capabilities: frozenset[Any] = frozenset()

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.calls: list[str] = []

    def open(self, url: str, *, timeout: float = 60.0) -> None:
        self._next()

    def evaluate(self, expression: str, *, timeout: float, what: str = "The page", apart: bool = False) -> Any:
        return self._next()

    def call(self, method: str, params: dict[str, Any] | None = None, *, timeout: float = 15.0) -> dict[str, Any]:
        self.calls.append(method)
        return {}

    def _next(self) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def failure_of(*answers: Any) -> tuple[str, FakePage]:
    page: Any = FakePage(*answers)
    with pytest.raises(ScenarioFailed) as failure, probe.named_failures(page):
        page.evaluate("", timeout=1)
    return failure.value.outcome, page


@pytest.mark.parametrize(
    ("outcome", "explained", "name"),
    [
        ("crashed", BlockFailed("The heap was full.", fault="killed for memory"), "crashed"),
        ("no answer", BlockFailed("A process had ended.", fault="crash"), "crashed"),
        ("disconnected", Killed("chrome was killed.", subject="chrome"), "disconnected"),
        ("left", BlockFailed("The phone updated it.", fault="app updated"), None),
        ("background", PageHidden("The screen is locked.", fault="screen locked"), None),
        (None, BlockFailed("The browser did not start.", fault="crash"), None),
    ],
)
def test_a_failure_that_the_browser_explained_keeps_its_name(
    outcome: Outcome | None, explained: BlockFailed, name: str | None
) -> None:
    with pytest.raises(BlockFailed) as failure, name_kept():
        between = BlockFailed("between")
        between.__cause__ = ScenarioFailed(outcome, "first") if outcome else None
        raise explained from between
    found = failure.value
    if name is None:
        assert found is explained
    else:
        assert isinstance(found, ScenarioFailed)
        assert (found.outcome, found.message, found.fault) == (name, explained.message, explained.fault)
        assert found.hint


def test_a_dialog_is_answered_and_named() -> None:
    outcome, page = failure_of(PageDialog.of({"type": "alert", "message": "hello"}))
    assert outcome == "dialog"
    assert page.calls == ["Page.handleJavaScriptDialog"]


@pytest.mark.parametrize(
    "error",
    [
        BlockFailed("gone", fault="crash"),
        BlockFailed("full", fault="killed for memory"),
        Killed("killed", subject="The page"),
    ],
)
def test_a_page_that_ends_has_crashed(error: BlockFailed) -> None:
    assert failure_of(error)[0] == "crashed"


def test_a_browser_that_is_gone_is_no_crash_of_the_page() -> None:
    assert failure_of(BlockFailed("cut", fault="cut connection"))[0] == "disconnected"


@pytest.mark.parametrize("fault", ["page error", "bad answer", "hang"])
def test_a_page_without_the_probe_was_left(fault: Any) -> None:
    outcome, _ = failure_of(BlockFailed("?", fault=fault), ["undefined", "https://example.org/next"])
    assert outcome == "left"


def test_a_page_that_never_stays_was_left() -> None:
    gone = BlockFailed("The browser refused Runtime.evaluate: Cannot find context", fault="bad answer")
    assert failure_of(gone, gone)[0] == "left"
    assert failure_of(gone, BlockFailed("late", fault="hang"))[0] == "page error"


def test_other_failures() -> None:
    here = ["object", "https://example.org/"]
    assert failure_of(BlockFailed("late", fault="hang"), here)[0] == "no answer"
    assert failure_of(BlockFailed("threw", fault="page error"), here)[0] == "page error"
    assert failure_of(BlockFailed("late", fault="hang"), BlockFailed("late", fault="hang"))[0] == "no answer"


@pytest.mark.parametrize("answer", [None, 7, "", "no JSON", "{}", json.dumps({"video": "playing", "more": 1})])
def test_an_answer_that_is_none(answer: Any) -> None:
    page: Any = FakePage(answer)
    with pytest.raises(BlockFailed, match="invalid Begun"):
        probe.asked(page, "", Begun)


def answered(**changed: Any) -> str:
    usual = {
        "address": "https://example.org/",
        "began_ms": 5,
        "duration_ms": 1000,
        "frames_ms": [1.5],
        "marks": [],
        "hidden_ms": [],
        "focused": True,
        "inputs": 0,
        "untrusted": 0,
        "void": {},
    }
    return json.dumps({**usual, **changed})


def test_a_whole_answer() -> None:
    page: Any = FakePage(answered())
    assert isinstance(probe.end(page), ProbeAnswer)


def test_a_page_in_the_background_is_no_measurement() -> None:
    page: Any = FakePage(answered(hidden_ms=[400]))
    with pytest.raises(ScenarioFailed) as failure:
        probe.end(page)
    assert failure.value.outcome == "background"


@pytest.mark.parametrize(
    "changed", [{"frames_ms": [-1]}, {"frames_ms": ["x"]}, {"duration_ms": 1e300}, {"void": {"a": 1}}]
)
def test_an_impossible_answer(changed: dict[str, Any]) -> None:
    page: Any = FakePage(answered(**changed), ["object", ""])
    with pytest.raises(ScenarioFailed, match="invalid ProbeAnswer"):
        probe.end(page)


def loaded(*answers: Any) -> ScenarioFailed:
    page: Any = FakePage(*answers)
    typed: Page = page
    with pytest.raises(ScenarioFailed) as failure:
        measuring.load(typed, "https://example.org/")
    return failure.value


def test_a_page_that_does_not_load() -> None:
    assert loaded(BlockFailed("late", fault="hang")).outcome == "never loaded"
    assert loaded(BlockFailed("cut", fault="cut connection")).outcome == "disconnected"
    assert loaded(PageNotOpened("net::ERR_CONNECTION_REFUSED")).outcome == "unreachable"
    assert loaded(PageNotOpened("Error: NS_ERROR_REDIRECT_LOOP")).outcome == "too many redirects"
    assert loaded(BlockFailed("gone", fault="crash")).outcome == "crashed"
    assert loaded(PageDialog.of({"type": "prompt"})).outcome == "dialog"


def test_a_page_that_goes_on_at_once() -> None:
    found = json.dumps(["https://example.org/next", "https://example.org/", 200])
    assert loaded(None, BlockFailed("the context is gone", fault="bad answer"), found).outcome == "redirected"


def test_another_page_answers() -> None:
    found = json.dumps(["https://example.org/en/", "https://example.org/", 200])
    failure = loaded(None, found)
    assert failure.outcome == "redirected"
    assert "https://example.org/en/" in failure.message
    assert loaded(None, json.dumps(["https://a/", "https://a/", 404])).outcome == "error page"
    assert loaded(None, "nonsense").outcome == "page error"


@pytest.mark.parametrize("params", [{}, {"type": 3, "message": 4}, {"type": "alert", "message": "a\nb" * 500}])
def test_every_dialog_is_one_short_line(params: dict[str, Any]) -> None:
    message = PageDialog.of(params).message
    assert len(message) < 300
    assert "\n" not in message


@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_every_failure_has_a_next_step_and_is_explained(outcome: Outcome) -> None:
    assert ScenarioFailed(outcome, "It failed.").hint == NEXT_STEPS[outcome]
    assert ScenarioFailed(outcome, "It failed.", hint="Do this.").hint == "Do this."
    assert f"\n| `{outcome}` | " in DOCUMENT.read_text(encoding="utf-8")
    assert outcome in " ".join((scenario.__doc__ or "").split())


@pytest.mark.parametrize(
    ("fault", "kept"), [("page error", None), ("bad answer", None), ("crash", "crash"), (None, None)]
)
def test_a_block_begins_with_the_name_of_the_failure(fault: Any, kept: Any) -> None:
    with pytest.raises(BlockFailed) as failure, block._outcomes_named():
        raise ScenarioFailed("left", "It went on.", fault=fault)
    assert (failure.value.message, failure.value.fault) == ("left: It went on.", kept)
