"""The option `--gate` of `run`, and what progress says of gates."""

from __future__ import annotations

import inspect
import io
import json
import re
from typing import get_args, get_type_hints

import pytest
from rich.console import Console
from rich.progress import Progress

from mobilebench.cli.progress import RunBars, RunLines
from mobilebench.cli.run import run
from mobilebench.core.records import GateKey, GateLimits
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


@pytest.mark.parametrize("key", get_args(GateKey))
def test_what_progress_says_does_switch_a_limit_off(key: GateKey) -> None:
    words = gates.parse_words([gates.switched_off(key)])
    limits = gates.limits_of(phone(), words)
    assert limits is not None
    assert key not in limits.of_begin


def test_limits_in_words() -> None:
    assert gates.describe(gates.PHONES) == (
        "temperature ≤ 40 °C, status none, battery ≥ 10 %, battery saver off, waits 10 min, then marked; stopped above "
        "50 °C"
    )
    assert gates.describe(GateLimits(load=0.3, wait=90, otherwise="skip")) == "load ≤ 0.3, waits 1.5 min, then skipped"
    assert gates.describe(GateLimits(status=2)) == "status ≤ moderate, waits 10 min, then marked"
    assert gates.describe(GateLimits()) == gates.describe(None) == "none"


def said(*happened: events.Event) -> str:
    out = io.StringIO()
    lines = RunLines(Console(file=out, width=300), TimeLeft((), ()))
    for event in happened:
        lines(event)
    return out.getvalue()


def test_progress_says_what_is_waited_for() -> None:
    reasons = ("battery 41.2 °C, limit 38 °C",)
    off = ("temperature=none",)
    waiting = events.GateWaiting(target="R58M", planned=planned(), reasons=reasons, left_s=570.0, skipped_by=off)
    assert said(waiting) == (
        "R58M: waiting: battery 41.2 °C, limit 38 °C, at most 9 min 30 s more (--gate temperature=none does not wait "
        "for it)\n"
    )
    assert said(events.GateWaiting(target="R58M", planned=planned())) == ""


def test_beside_bars_it_is_said_once_in_full() -> None:
    out = io.StringIO()
    console = Console(file=out, width=60, force_terminal=True, color_system=None)
    with Progress(console=console, transient=True) as shown:
        bars = RunBars(shown, TimeLeft((), ()))
        bars(events.TargetStarted(target="R58M", blocks=3))
        for left in (570.0, 560.0):
            bars(
                events.GateWaiting(
                    target="R58M",
                    planned=planned(),
                    reasons=("skin 43 °C, limit 40 °C",),
                    left_s=left,
                    skipped_by=("temperature=none",),
                )
            )
        assert "at most 9 min 20 s more" in shown.tasks[0].description
    words = " ".join(out.getvalue().split())
    assert words.count("--gate temperature=none does not wait for it") == 1


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
