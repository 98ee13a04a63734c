"""`mobilebench scenario`: what it prints, and how it ends where it cannot measure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mobilebench.core import paths
from mobilebench.core.errors import ExitCode, Unsupported
from mobilebench.core.page_quality import PresentedFrames, ScenarioResult
from mobilebench.scenarios import repetition
from mobilebench.scenarios.base import ScenarioFailed
from mobilebench.scenarios.registry import DESCRIBED
from tests.cli.command_line import mobilebench
from tests.pinning import Pinned
from tests.scenarios.made import NOT_HERE, result, run

FAILURE = ScenarioFailed("dialog", "The page shows a dialog (alert): “hello”.", hint="Measure another page.")


def measured(monkeypatch: pytest.MonkeyPatch, results: list[ScenarioResult], failure: Exception | None = None) -> None:
    """The repetitions have these results, and then this failure."""

    def repeated(*_: Any, **__: Any) -> Iterator[ScenarioResult]:
        yield from results
        if failure is not None:
            raise failure

    monkeypatch.setattr(repetition, "repeated", repeated)


def of_interaction(*steps_ms: float) -> ScenarioResult:
    return result(
        scenario="interaction",
        address="interaction",
        runs=[run(0, *steps_ms), run(1000, *steps_ms)],
        notes=["the page did not have the focus at the end"],
    )


def test_the_list_of_scenarios() -> None:
    code, out, _ = mobilebench("scenario")
    assert code == ExitCode.OK
    listed = [one["scenario"] for one in json.loads(mobilebench("scenario --json").out)]
    assert listed == list(DESCRIBED)
    assert all(name in out for name in listed)


def test_metrics_with_their_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    measured(monkeypatch, [of_interaction(10, 20), of_interaction(10, 30)])
    code, out, _ = mobilebench("scenario interaction --repeat 2 --trace")
    assert code == ExitCode.OK
    lines = {line.split()[0]: line for line in out.splitlines() if line.split()}
    assert re.search(r"runs_per_minute +1750\.00 +runs/min +20\.2 % +2 +↑ +\w", lines["runs_per_minute"])
    assert "Void: inp, long_tasks, blocking (not here)." in out
    assert "inp" not in lines
    assert "Note: the page did not have the focus at the end." in out
    assert "Frames of the page in each second: 2 1" in out


def test_frames_that_the_window_displayed_are_printed_for_every_second(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = PresentedFrames(displayed_ms=[1.0, 2.0, 1500.0], own=NOT_HERE, trace_bytes=1)
    measured(monkeypatch, [result(scenario="typing", presented=shown)])
    out = mobilebench("scenario typing --trace").out
    assert "Frames of the browser's window in each second: 2 1" in out


def test_the_trace_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def repeated(*_: Any, traced: bool, **__: Any) -> Iterator[ScenarioResult]:
        asked.append(traced)
        yield result()

    monkeypatch.setattr(repetition, "repeated", repeated)
    mobilebench("scenario typing")
    mobilebench("scenario typing --no-frame-trace")
    assert asked == [True, False]


def test_all_raw_values_are_in_the_json(monkeypatch: pytest.MonkeyPatch) -> None:
    results = [of_interaction(10, 20), of_interaction(10, 30)]
    measured(monkeypatch, results)
    code, out, _ = mobilebench("scenario interaction --repeat 2 --json")
    assert code == ExitCode.OK
    printed = json.loads(out)
    assert [ScenarioResult.model_validate(one) for one in printed["results"]] == results
    (runs,) = [one for one in printed["metrics"] if one["name"] == "runs_per_minute"]
    assert (runs["unit"], runs["direction"], runs["values"]) == ("runs/min", "higher is better", [2000, 1500])
    assert printed["failure"] is None


def test_a_failure_leaves_what_was_measured_before(monkeypatch: pytest.MonkeyPatch, pinned: Pinned) -> None:
    measured(monkeypatch, [of_interaction(10)], FAILURE)
    code, out, err = mobilebench("scenario interaction --repeat 3")
    assert code == ExitCode.CASES_FAILED
    assert "runs_per_minute" in out
    pinned(err)
    measured(monkeypatch, [of_interaction(10)], FAILURE)
    code, out, _ = mobilebench("scenario interaction --json --repeat 3")
    assert code == ExitCode.CASES_FAILED
    printed = json.loads(out)
    assert printed["failure"] == {"outcome": "dialog", "reason": FAILURE.message, "next_step": FAILURE.hint}
    assert len(printed["results"]) == 1


def test_what_a_target_lacks_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    measured(monkeypatch, [], Unsupported("There is no Firefox on host."))
    code, _, err = mobilebench("scenario typing --browser firefox")
    assert code == ExitCode.NOTHING_TO_MEASURE
    assert "unsupported: There is no Firefox on host." in err


def test_a_clip_that_was_not_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(paths, "PACKAGE", tmp_path)
    code, _, err = mobilebench("scenario video")
    assert code == ExitCode.NOTHING_TO_MEASURE
    assert "make clip" in err


@pytest.mark.parametrize("arguments", ["no-such-page.html", "interaction --serial all", "interaction --serial nobody"])
def test_bad_input(arguments: str) -> None:
    code, _, err = mobilebench(f"scenario {arguments}")
    assert code == ExitCode.BAD_INPUT
    assert err.startswith("Error: ")
