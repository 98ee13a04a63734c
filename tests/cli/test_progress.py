"""What a person reads while a run goes on."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace
from threading import Event

import pytest
from rich.console import Console
from rich.progress import Progress

from mobilebench.cli.progress import RunBars, RunLines, _bars, of_run, watched
from mobilebench.core.records import Block, Case
from mobilebench.session import events
from mobilebench.session.estimate import TimeLeft
from tests.analysis import example, page_runs
from tests.analysis.test_summary import plan, run_of
from tests.pinning import Pinned
from tests.results.making import host, measured, planned


def failed(count: int, reason: str = "The page crashed.") -> list[Block]:
    return [example.unmeasured(one, "failed", reason) for one in plan(*range(count))]


def told(*happened: events.Event) -> str:
    written = io.StringIO()
    lines = RunLines(Console(file=written, width=200), TimeLeft((), [host()]))
    for event in happened:
        lines(event)
    return written.getvalue()


def finished(blocks: Sequence[Block]) -> list[events.Event]:
    return [events.BlockFinished(target="host", block=block) for block in blocks]


def test_a_watch_follows_runs_and_may_end_them() -> None:
    seen: list[str] = []

    class Watch:
        def begin(self, cancel: Event) -> None:
            seen.append("begin")
            cancel.set()

        def end(self) -> None:
            seen.append("end")

        def __call__(self, event: events.Event) -> None:
            seen.append(event.kind)

    happened = events.RunStarted(run_id="r", targets=("host",), blocks=1)
    with watched(Watch()), of_run(TimeLeft((), [host()])) as (on_event, cancel):
        assert cancel.is_set()
        on_event(happened)
    assert seen == ["begin", "RunStarted", "end"]
    with of_run(TimeLeft((), [host()])) as (on_event, cancel):
        on_event(happened)
        assert not cancel.is_set()
    assert len(seen) == 3


def test_a_reason_is_said_once_and_counted_in_the_end(pinned: Pinned) -> None:
    end = events.RunFinished(run_id="r", status="finished", counts={})
    text = told(*finished(failed(23)), end)
    assert text.count("The page crashed.") == 2
    pinned(text)


def test_different_reasons_are_each_said(pinned: Pinned) -> None:
    end = events.RunFinished(run_id="r", status="finished", counts={})
    text = told(*finished([*failed(1, "One."), *failed(1, "Two.")]), end)
    pinned(text)
    assert "times" not in text


def test_a_wait_for_a_phone_is_said_with_its_limit() -> None:
    text = told(
        events.TargetAway(target="A", state="unauthorized", reason="A went away.", hint="Unlock it.", left_s=119.6),
        events.StillWaiting(target="A", state="unauthorized", left_s=100),
        events.TargetBack(target="A", waited_s=5.2, restarted=True, repeated=True),
    )
    assert text.splitlines() == [
        "A is unauthorized: A went away. The run waits up to 120 s. Unlock it.",
        "A is back after 5 s, and was restarted meanwhile; its interrupted block is measured again.",
    ]


def test_the_result_table_tells_a_reason_once_with_its_count() -> None:
    from mobilebench.analysis.summary import summarise
    from tests.report import rendering

    builds = ("plain", "simd", "simd-threads")
    cases = [replace(example.case("host", "tfjs", "simd"), wasm_build=name) for name in builds]
    plans = [one for n, case in enumerate(cases) for one in plan(1, of=case, start=n)]
    run = run_of(plans, [example.unmeasured(one, "unsupported", "There is no Chrome.") for one in plans])
    shown = rendering.terminal(summarise(run), 200)
    assert shown.count(": There is no Chrome.") == 2
    assert "; the most frequent reason (3 cases): There is no Chrome." in shown
    assert "3 cases (tfjs; " in shown
    assert rendering.markdown(summarise(run)).count(", unsupported: There is no Chrome.") == 1


def test_added_rounds_are_told_and_counted(pinned: Pinned) -> None:
    blocks = [planned(index) for index in range(4)]
    written = io.StringIO()
    lines = RunLines(Console(file=written, width=200), TimeLeft(blocks[:2], [host()]))
    lines(events.RunStarted(run_id="r", targets=("host",), blocks=2))
    for block in blocks[:2]:
        lines(events.BlockFinished(target="host", block=measured(block)))
    lines(events.RoundsAdded(target="host", rounds=2, added=tuple(blocks[2:]), seconds=3.0))
    for block in blocks[2:]:
        lines(events.BlockFinished(target="host", block=measured(block)))
    pinned(written.getvalue())


def test_a_bar_grows_by_the_blocks_of_further_rounds() -> None:
    progress = Progress(disable=True)
    bars = RunBars(progress, TimeLeft((), [host()]))
    for blocks in (6, 4):
        bars(events.TargetStarted(target="host", blocks=blocks))
    assert [task.total for task in progress.tasks] == [10]


def beside_the_bar(case: Case, width: int) -> str:
    """What a terminal of this width shows while a block of the case is measured."""
    console = Console(width=width, file=io.StringIO(), force_terminal=True, color_system=None)
    bars = _bars(console, "target")
    shown = RunBars(bars, TimeLeft((), [host()]))
    shown(events.TargetStarted(target="host", blocks=600))
    (block,) = plan(1, of=case)
    shown(events.GatePassed(target="host", planned=block, waited_ms=0))
    with console.capture() as written:
        console.print(bars.get_renderable())
    return re.sub(r"[-\d]:[-\d]{2}:[-\d]{2}", "0:00:00", written.get().rstrip("\n"))


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize(
    "scenario",
    ["interaction", "https://www.example.org/a/long/path/page.html?query=1", "speedometer:/home/me/Speedometer"],
)
def test_a_terminal_tells_which_case_of_a_scenario_is_measured(scenario: str, width: int, pinned: Pinned) -> None:
    cases = [
        page_runs.baseline(scenario),
        *(
            page_runs.used(page_runs.WASM, scenario, duty=duty, place=place)
            for duty in (25, 50)
            for place in ("main", "worker")
        ),
    ]
    lines = [beside_the_bar(case, width) for case in cases]
    assert len(set(lines)) == len(cases)
    assert all("\n" not in line and len(line) <= width for line in lines)
    pinned("\n".join(line.rstrip() for line in lines))


def test_the_last_errors_of_a_phones_log_are_said_once_and_are_short() -> None:
    lines = (
        "--------- beginning of main",
        "11-29 22:00:00.000  1234  1234 W Tag: only a warning",
        f"11-29 22:00:01.000  1234  1234 E Chrome: [red]{'x' * 500}",
        "11-29 22:00:02.000   567   568 F DEBUG: signal 11",
    )
    (block,) = plan(1)
    log = events.PhoneLog(target="A", planned=block, lines=lines, reason=None)
    later = replace(log, lines=tuple(line.replace("22:00", "22:01") for line in lines))
    text = told(log, later, events.PhoneLog(target="A", planned=block, lines=(), reason="it did not answer"))
    joined = text.replace("\n", "")
    assert joined.count("E Chrome: [red]x") == joined.count("F DEBUG: signal 11") == 1
    assert "only a warning" not in text
    assert len(joined) < 500
