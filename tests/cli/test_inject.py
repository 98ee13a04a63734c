"""`mobilebench inject`: what it prints, and how it ends, without a browser."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mobilebench.cli import inject
from mobilebench.core.errors import BlockFailed, ExitCode, Unsupported
from mobilebench.scenarios.base import ScenarioFailed
from mobilebench.scenarios.injection.results import FrameTimes, InjectionPlan
from tests.cli.command_line import mobilebench
from tests.scenarios.injection.test_results import answer, half, result

URL = "http://a.example/"


def ends(monkeypatch: pytest.MonkeyPatch, outcome: Any) -> None:
    """Replace the measurement: by a result, or by an error that it raises."""

    def measured(*_: Any) -> Any:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(inject, "_measured", measured)


def test_it_prints_duty_inferences_times_and_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    ends(monkeypatch, result(half(), frames=FrameTimes(times_ms=[0, 50, 100])))
    ended = mobilebench(f"inject {URL}")
    assert ended.code == ExitCode.OK
    for part in ("50.0 % reached, 50 % asked", "200 in 10.0 s", "25.00 ms", "50.0 per second", "20.0 per second"):
        assert part in ended.out


def test_json_holds_the_raw_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    ends(monkeypatch, result(half(3)))
    told = json.loads(mobilebench(f"inject {URL} --json").out)
    assert (told["outcome"], told["status"], told["reached_duty"], told["inferences"]) == ("measured", "valid", 50, 3)
    assert told["answer"]["inference_ms"] == [25, 25, 25]
    assert told["baseline"]["times_ms"] == [0, 20, 40, 60]


def test_the_exit_code_follows_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    from mobilebench.scenarios.injection.remarks import remarks_on
    from tests.scenarios.injection.test_results import CASE, FACTS

    for of, code in ((answer([], []), ExitCode.CASES_FAILED), (answer([0, 100], [10, 10]), ExitCode.SUSPECT)):
        judged = result(of)
        ends(monkeypatch, judged.model_copy(update={"remarks": remarks_on(judged, CASE, FACTS)}))
        assert mobilebench(f"inject {URL}").code == code


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [
        (ScenarioFailed("invalid TLS", "Its certificate is not valid."), "invalid TLS", ExitCode.CASES_FAILED),
        (Unsupported("There is no WebGPU."), "unsupported", ExitCode.NOTHING_TO_MEASURE),
        (BlockFailed("The memory ran out.", fault="out of memory"), "out of memory", ExitCode.CASES_FAILED),
        (BlockFailed("Something else."), "failed", ExitCode.CASES_FAILED),
    ],
)
def test_an_outcome_has_a_name_and_a_next_step(
    monkeypatch: pytest.MonkeyPatch, error: Any, outcome: str, code: ExitCode
) -> None:
    ends(monkeypatch, error)
    ended = mobilebench(f"inject {URL}")
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith(f"{outcome}: {error.message}")
    told = json.loads(mobilebench(f"inject {URL} --json").out)
    assert told == {"outcome": outcome, "reason": error.message, "next_step": error.hint}


@pytest.mark.parametrize(
    "options", ["--duty 101", "--duty -1", "--place elsewhere", "--threads 0", "--seconds 0", "--load-timeout 0"]
)
def test_bad_options_are_refused(options: str) -> None:
    assert mobilebench(f"inject {URL} {options}").code == ExitCode.BAD_INPUT


@pytest.mark.parametrize("page", ["ftp://a.example/", "https:///"])
def test_bad_addresses_are_refused(page: str) -> None:
    ended = mobilebench(f"inject {page}")
    assert ended.code == ExitCode.BAD_INPUT
    assert "Error:" in ended.err


def test_the_plan_has_the_published_duty() -> None:
    assert InjectionPlan().duty == 50
