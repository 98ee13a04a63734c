"""The probe: our script in a page, which records frames, inputs and long tasks while the page is used.

It is evaluated in the page, so it works on any page, whatever its content policy allows. It loads nothing. Its globals
are not the page's: a page can neither call it nor replace what it records with.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from pydantic import ValidationError

from mobilebench.browsers.page import Page, PageDialog
from mobilebench.core import paths
from mobilebench.core.errors import BadInput, BlockFailed, first_problem
from mobilebench.core.page_quality import Mark
from mobilebench.core.records import Record
from mobilebench.scenarios.base import Outcome, ScenarioFailed
from mobilebench.scenarios.messages import Begun, ProbeAnswer, ProbeOptions

PROBE = "mobilebenchProbe"
ANSWER_SECONDS = 60.0
"""A page that computes for a long time answers questions late."""
_LOOK_SECONDS = 5.0
_REST_SECONDS = 1.0

T = TypeVar("T", bound=Record)


def install(page: Page) -> None:
    """Put the probe into the page that is open now.

    Raises:
        BadInput: the pages have not been built.
        ScenarioFailed: the page does not let scripts run, or threw.
    """
    script = paths.web_pages() / "scenarios" / "probe.js"
    if not script.is_file():
        raise BadInput(f"There is no built probe in {script.parent}.", hint="Build it with `make web`.")
    with named_failures(page):
        page.evaluate(f"{script.read_text(encoding='utf-8')};undefined", timeout=ANSWER_SECONDS, apart=True)


def begin(page: Page, options: ProbeOptions) -> Begun:
    """Begin to record; what the probe recorded before is forgotten."""
    with named_failures(page):
        return asked(page, f"{PROBE}.begin({options.model_dump_json()})", Begun, apart=True)


def mark(page: Page, name: str) -> float:
    """Note this moment under a name, and return it in milliseconds since the measurement began."""
    with named_failures(page):
        return asked(page, f"{PROBE}.mark({json.dumps(name)})", Mark, apart=True).at_ms


def end(page: Page) -> ProbeAnswer:
    """End the recording, and return what was recorded.

    Raises:
        ScenarioFailed: also if the page was hidden for a moment: a hidden page draws nothing.
    """
    with named_failures(page):
        answer = asked(page, f"{PROBE}.end()", ProbeAnswer, apart=True)
    if answer.hidden_ms:
        at = answer.hidden_ms[0] / 1000
        raise ScenarioFailed(
            "background",
            f"The page was in the background (from second {at:.0f} on), where browsers draw nothing.",
        )
    return answer


def rest(page: Page, seconds: float) -> None:
    """Let the page go on for so many seconds, and notice at once if it crashes, is left or shows a dialog."""
    ends = time.monotonic() + seconds
    with named_failures(page):
        while (left := ends - time.monotonic()) > 0:
            milliseconds = 1000 * min(left, _REST_SECONDS)
            page.evaluate(f"{PROBE}.rest({milliseconds:.0f})", timeout=ANSWER_SECONDS, apart=True)


def open_seconds(page: Page) -> float:
    """How long the page has been open, by its own clock.

    Raises:
        ScenarioFailed: the page does not answer.
    """
    with named_failures(page):
        answer = page.evaluate("performance.now()", timeout=ANSWER_SECONDS, apart=True)
    return answer / 1000 if isinstance(answer, int | float) else 0.0


def asked(page: Page, expression: str, record: type[T], *, apart: bool = False) -> T:
    """The record that an expression answers as JSON text; `apart`: see `Page.evaluate`.

    Raises:
        BlockFailed: the page did not answer, or with something else.
    """
    answer = page.evaluate(expression, timeout=ANSWER_SECONDS, apart=apart)
    try:
        return record.model_validate_json(answer if isinstance(answer, str) else "")
    except ValidationError as error:
        problem = first_problem(error).sentence()
        raise BlockFailed(
            f"The page answered with an invalid {record.__name__}: {problem}.", fault="bad answer"
        ) from None


@contextmanager
def named_failures(page: Page) -> Iterator[None]:
    """Give failures of the page inside the context their names."""
    try:
        yield
    except (ScenarioFailed, BadInput):
        raise
    except PageDialog as error:
        answer_dialog(page)
        raise ScenarioFailed("dialog", error.message, fault=error.fault) from error
    except BlockFailed as error:
        raise ScenarioFailed(*_named(page, error), hint=error.hint, fault=error.fault) from error


def answer_dialog(page: Page) -> None:
    """Close the page's dialog, so that its tab can be closed."""
    with suppress(BlockFailed):
        page.call("Page.handleJavaScriptDialog", {"accept": True}, timeout=_LOOK_SECONDS)


def _named(page: Page, error: BlockFailed) -> tuple[Outcome, str]:
    if error.fault in ("crash", "killed for memory"):
        return "crashed", error.message
    if error.fault == "cut connection":
        return "disconnected", error.message
    if error.fault in ("page error", "bad answer", "hang"):
        found: Any = None
        try:
            found = page.evaluate(f"[typeof {PROBE}, location.href]", timeout=_LOOK_SECONDS, apart=True)
        except BlockFailed as again:
            if error.fault == again.fault == "bad answer":  # this document is gone, too
                return "left", "The page goes on to another one, or to itself, again and again."
        if isinstance(found, list) and len(found) == 2 and found[0] == "undefined":
            return "left", f"The page was left while it was measured: {str(found[1])[:300]} is shown now."
    return ("no answer" if error.fault == "hang" else "page error"), error.message
