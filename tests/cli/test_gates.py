"""The option `--gate` of `run`, and what progress says of gates."""

from __future__ import annotations

import inspect
import io
import json
import re
from typing import get_args, get_type_hints

from rich.console import Console

from mobilebench.cli.progress import RunLines
from mobilebench.cli.run import run
from mobilebench.session import events
from mobilebench.session.estimate import TimeLeft
from mobilebench.suite import gates
from tests.results.making import phone, planned


def test_the_help_states_the_limits_that_phones_have() -> None:
    hint = get_type_hints(inspect.unwrap(run), include_extras=True)["gate"]
    text = get_args(hint)[1].help
    stated = re.search(r"phones ([a-z_=0-9,]+)\]", text)
    assert stated is not None
    words = gates.parse_words(stated[1].split(","))
    assert gates.limits_of(phone(), gates.parse("none"), words) == gates.PHONES
    for key in gates.KEYS:
        assert key in text


def said(*happened: events.Event) -> str:
    out = io.StringIO()
    lines = RunLines(Console(file=out, width=300), TimeLeft((), ()))
    for event in happened:
        lines(event)
    return out.getvalue()


def test_progress_says_what_is_waited_for() -> None:
    reasons = ("battery 41.2 °C, limit 38 °C",)
    waiting = events.GateWaiting(target="R58M", planned=planned(), reasons=reasons, left_s=570.0)
    assert said(waiting) == "R58M: waiting: battery 41.2 °C, limit 38 °C, at most 9 min 30 s\n"
    assert said(events.GateWaiting(target="R58M", planned=planned())) == ""


def test_progress_says_what_follows_when_the_time_is_over() -> None:
    reasons = ("battery 41.2 °C, limit 38 °C",)
    for skipped, then in ((True, "skipped"), (False, "measured and marked")):
        event = events.GateTimedOut(target="R58M", planned=planned(), reasons=reasons, waited_s=600, skipped=skipped)
        assert f"not ready after 10 min 00 s, {then}: battery 41.2 °C, limit 38 °C" in said(event)
    for repeated, then in ((True, "cooled and repeated"), (False, "given up")):
        stopped = events.BlockStopped(target="R58M", planned=planned(), reason="it became too hot", repeated=repeated)
        assert f"stopped, {then}: it became too hot" in said(stopped)


def test_these_events_are_lines_of_json() -> None:
    waiting = events.GateWaiting(target="R58M", planned=planned(), reasons=("skin 41.2 °C, limit 38 °C",), left_s=5.0)
    assert events.from_json(events.to_json(waiting)) == waiting
    old = json.loads(events.to_json(waiting))
    del old["reasons"], old["left_s"]
    assert events.from_json(json.dumps(old)) == events.GateWaiting(target="R58M", planned=planned(), at=waiting.at)
