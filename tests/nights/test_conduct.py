"""How a night is conducted: its budget, phones, interruptions and defects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mobilebench.core import file_locks
from mobilebench.core.errors import BadInput, ExitCode
from mobilebench.nights import conduct, past
from mobilebench.nights.conduct import Ended
from mobilebench.nights.records import Phone
from tests.analysis.runs import ORT, TFLITE, times
from tests.nights.rig import HOST, Rig, config, steady
from tests.pinning import Pinned

TWO = config(suites=[{"suite": "quick"}, {"suite": "native", "options": {"model": ["a", "b"], "headed": True}}])


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_suites_are_measured_in_order_with_their_options(rig: Rig) -> None:
    night = rig.night([steady(1, TFLITE), steady(1, ORT)], TWO)
    assert rig.typed[0] == ["--suite", "quick", "--serial", "host"]
    assert rig.typed[1] == ["--suite", "native", "--model", "a", "--model", "b", "--headed", "--serial", "host"]
    assert [(step.name, step.state, step.runs) for step in night.steps] == [
        ("quick", "done", ["run-1"]),
        ("native", "done", ["run-2"]),
    ]
    assert night.steps[0].times_ms[TFLITE.key]["prediction"] == pytest.approx(10, rel=0.01)
    assert past.nights(rig.folder, "lab") == [night]


def test_a_suite_for_which_no_time_is_left_is_not_begun(rig: Rig) -> None:
    rig.seconds = 100.0
    short = TWO.model_copy(update={"budget": 60.0})
    begun = rig.begin(short).model_copy(update={"spent_seconds": 59.5})
    night = rig.night([], short, begun)
    assert {step.state for step in night.steps} == {"no time"}
    assert (night.outcome, night.exit_code) == ("incomplete", ExitCode.INCOMPLETE)


@pytest.mark.slow
def test_a_suite_that_the_budget_ends_is_incomplete_and_what_it_measured_is_compared(rig: Rig) -> None:
    rig.night([steady(1, TFLITE)], config())
    kept: list[str] = []

    def cut(typed, seconds, begun):  # type: ignore[no-untyped-def]
        assert seconds == 30.0
        begun(rig.add(steady(1.5, TFLITE)))
        kept.append("cut")
        return Ended(ExitCode.INTERRUPTED, stopped="budget")

    short = config(budget=30)
    means = conduct.Means(
        folder=rig.folder,
        store=rig.folder,
        run=cut,
        say=rig.said.append,
        examine=lambda *_, **__: [HOST],
        clock=lambda: 0.0,
    )
    night = conduct.conduct(short, rig.begin(short), past.nights(rig.folder, "lab"), means)
    assert (night.steps[0].state, night.outcome) == ("cut by the budget", "worse")
    assert [one.call for one in night.worse] == ["slower"]


def test_an_interrupted_night_goes_on_and_measures_nothing_twice(rig: Rig) -> None:
    stopped = rig.night([steady(1, TFLITE), KeyboardInterrupt()], TWO)
    assert (stopped.status, stopped.exit_code) == ("interrupted", ExitCode.INTERRUPTED)
    begun = conduct.interrupted(TWO, past.nights(rig.folder, "lab"))
    assert begun.id == stopped.id
    night = rig.night([steady(1, ORT)], TWO, begun)
    assert (night.status, night.outcome, len(rig.typed)) == ("finished", "good", 3)
    with pytest.raises(BadInput):
        conduct.interrupted(TWO, past.nights(rig.folder, "lab"))
    with pytest.raises(BadInput):
        conduct.interrupted(TWO, [])


def test_a_run_that_was_interrupted_is_resumed(rig: Rig) -> None:
    def interrupted(typed, seconds, begun):  # type: ignore[no-untyped-def]
        begun(rig.add(steady(1, TFLITE)))
        return Ended(ExitCode.INTERRUPTED, stopped="person")

    means = conduct.Means(
        folder=rig.folder, store=rig.folder, run=interrupted, say=rig.said.append, examine=lambda *_, **__: [HOST]
    )
    libraries = config(suites=[{"suite": "quick", "options": {"engine-library": ["tflite=a.so"], "blocks": 3}}])
    stopped = conduct.conduct(libraries, rig.begin(libraries), [], means)
    assert (stopped.steps[0].state, stopped.outcome) == ("interrupted", "interrupted")
    night = rig.night([Ended(ExitCode.OK)], libraries, stopped)
    assert rig.typed == [["--resume", "run-1", "--engine-library", "tflite=a.so"]]
    assert (night.steps[0].state, night.steps[0].runs, night.outcome) == ("done", ["run-1"], "good")


def test_a_night_with_other_suites_does_not_go_on(rig: Rig, pinned: Pinned) -> None:
    stopped = rig.night([KeyboardInterrupt()], TWO).model_copy(update={"id": "20261130-010203-abcd"})
    with pinned.raises(BadInput):
        conduct.interrupted(config(), [stopped])


def test_two_nights_of_one_configuration_are_not_measured_at_once(rig: Rig) -> None:
    with conduct.alone(rig.folder, TWO), pytest.raises(BadInput), conduct.alone(rig.folder, TWO):
        pass
    with conduct.alone(rig.folder, TWO), conduct.alone(rig.folder, config(name="other")):
        pass
    with file_locks.if_free(past.folder_of(rig.folder, "lab") / ".lock") as free:
        assert free


def test_without_a_target_nothing_is_run_and_the_night_is_incomplete(rig: Rig) -> None:
    rig.phones = [Phone(id="R58M", name="Pixel", outcome="away", words="it is offline")]
    night = rig.night([], TWO)
    assert {step.state for step in night.steps} == {"no phone"}
    assert (night.outcome, rig.typed) == ("incomplete", [])


def test_a_phone_that_goes_away_between_the_doctor_and_the_run_is_left_out(rig: Rig) -> None:
    phone = Phone(id="R58M", name="Pixel", outcome="ready")
    rig.phones = [HOST, phone]
    calls = 0

    def run(typed, seconds, begun):  # type: ignore[no-untyped-def]
        nonlocal calls
        calls += 1
        rig.typed.append(list(typed))
        if calls == 1:
            rig.phones = [HOST, phone.model_copy(update={"outcome": "away", "words": "it is offline"})]
            return Ended(ExitCode.BAD_INPUT, problem="Phone R58M cannot be measured.")
        begun(rig.add(steady(1, TFLITE)))
        return Ended(ExitCode.OK)

    means = conduct.Means(
        folder=rig.folder, store=rig.folder, run=run, say=rig.said.append, examine=lambda *_, **__: rig.phones
    )
    night = conduct.conduct(config(), rig.begin(config()), [], means)
    assert [words[-1] for words in rig.typed] == ["host,R58M", "host"]
    assert (night.outcome, [one.id for one in night.skipped]) == ("phones skipped", ["R58M"])


@pytest.mark.parametrize("code", [ExitCode.BAD_INPUT, ExitCode.INTERNAL, ExitCode.NOTHING_TO_MEASURE])
def test_a_suite_that_cannot_be_run_does_not_stop_the_others(rig: Rig, code: ExitCode) -> None:
    night = rig.night([Ended(code, problem="It does not work."), steady(1, ORT)], TWO)
    assert [(step.state, step.problem) for step in night.steps] == [("failed", "It does not work."), ("done", None)]
    assert night.outcome == "incomplete"


def test_what_a_run_leaves_out_by_itself_is_a_skipped_phone(rig: Rig) -> None:
    taken = Phone(id="R58M", name="R58M", outcome="away", words="another run is measuring it")

    def run(typed, seconds, begun):  # type: ignore[no-untyped-def]
        begun(rig.add(steady(1, TFLITE)))
        return Ended(ExitCode.OK, skipped=(taken,))

    means = conduct.Means(
        folder=rig.folder, store=rig.folder, run=run, say=rig.said.append, examine=lambda *_, **__: [HOST]
    )
    assert conduct.conduct(config(), rig.begin(config()), [], means).skipped == [taken]


def test_phones_of_a_rack_are_skipped_as_those_of_this_computer(rig: Rig) -> None:
    far = config(rack="tls://rack.example:8786", phones="label:fast")
    full = Phone(id="R58N", name="Pixel", outcome="blocked", words="storage: 4 MB are free")
    rig.phones = [Phone(id="R58M@lab-1", name="Pixel", outcome="ready"), full]
    night = rig.night([steady(1, TFLITE)], far)
    assert rig.typed == [["--suite", "quick", "--serial", "R58M@lab-1", "--rack", "tls://rack.example:8786"]]
    assert (night.outcome, night.skipped) == ("phones skipped", [full])


def test_a_rack_that_cannot_be_reached_fails_the_suite_and_is_asked_again_for_the_next_one(rig: Rig) -> None:
    asked = 0

    def examine(words: str, held: object, *, mend: bool) -> list[Phone]:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise BadInput("The rack does not answer.")
        return [HOST]

    def run(typed, seconds, begun):  # type: ignore[no-untyped-def]
        begun(rig.add(steady(1, TFLITE)))
        return Ended(ExitCode.OK)

    means = conduct.Means(folder=rig.folder, store=rig.folder, run=run, say=rig.said.append, examine=examine)
    night = conduct.conduct(TWO, rig.begin(TWO), [], means)
    assert [(step.state, step.problem) for step in night.steps] == [
        ("failed", "The rack does not answer."),
        ("done", None),
    ]


def test_the_options_of_the_store_are_handed_on(rig: Rig) -> None:
    seen: list[list[str]] = []

    def run(typed, seconds, begun):  # type: ignore[no-untyped-def]
        seen.append(list(typed))
        return Ended(ExitCode.OK)

    means = conduct.Means(
        folder=rig.folder, store=rig.folder, run=run, say=rig.said.append, examine=lambda *_, **__: [HOST]
    )
    conduct.conduct(config(), rig.begin(config()), [], replace(means, out=("--out", "there")))
    assert seen == [["--suite", "quick", "--serial", "host", "--out", "there"]]


@pytest.mark.slow
def test_nights_are_found_by_name(rig: Rig) -> None:
    first, second = (rig.night([{TFLITE: times()}], config()) for _ in range(2))
    assert past.find(rig.folder, "lab", "last") == second
    assert past.find(rig.folder, "lab", first.id) == first
    for wanted in ("2", "none"):
        with pytest.raises(BadInput):
            past.find(rig.folder, "lab", wanted)
    (past.folder_of(rig.folder, "lab") / first.id / "night.json").write_text("{}")
    with pytest.raises(BadInput):
        past.nights(rig.folder, "lab")
