"""What nights in a row call worse, and what they do not."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mobilebench.core.errors import ExitCode
from mobilebench.core.records import Case
from mobilebench.nights import past
from mobilebench.nights.records import Accepted, Night, Phone
from mobilebench.results.store import Store
from mobilebench.results.upkeep import pruning
from tests.analysis import example
from tests.analysis.runs import ORT, TFLITE, run_of, times
from tests.nights.rig import Rig, config, steady

ONE = example.case("host", "tflite", "xnnpack", threads=1)
ALL = (TFLITE, ORT, ONE)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def noisy(rng: random.Random, slower: Case | None = None, factor: float = 1.0) -> dict[Case, list[float]]:
    """Times that vary from night to night by 1 %, and from block to block by 0.5 %; one case is slower."""
    made = {}
    for case in ALL:
        level = 10 * (1 + rng.gauss(0, 0.01)) * (factor if case == slower else 1)
        made[case] = [level * (1 + rng.gauss(0, 0.005)) for _ in range(5)]
    return made


def worse(night: Night) -> list[tuple[str, str]]:
    return [(one.case, one.call) for one in night.worse]


def test_three_nights_with_one_planted_regression_find_it_and_invent_none(rig: Rig) -> None:
    rng = random.Random(11)
    first, second = (rig.night([noisy(rng)], config()) for _ in range(2))
    third = rig.night([noisy(rng, ORT, 1.25)], config())
    assert [night.outcome for night in (first, second, third)] == ["good", "good", "worse"]
    assert worse(third) == [(ORT.key, "slower")]
    (found,) = third.worse
    assert found.interval is not None and found.interval[0] > 1.05
    assert found.interval[0] < 1.25 < found.interval[1]
    assert (third.exit_code, second.exit_code) == (ExitCode.WORSE, ExitCode.OK)
    assert found.base == second.steps[0].runs[0]


def test_the_runs_of_the_newest_good_night_are_kept(rig: Rig) -> None:
    nights = [rig.night([steady(1, *ALL) | {ORT: times(factor)}], config()) for factor in (1, 1, 1.3)]
    (run,) = nights[1].steps[0].runs
    assert past.baseline_runs(rig.folder) == {run: f"the baseline of nights {nights[1].name}"}
    with Store.open(rig.folder) as store:
        before = datetime.now(UTC)
        chosen = pruning.choose(store, before, [pruning.BASELINES], baselines=past.baseline_runs(rig.folder))
    assert run in {one.info.id for one in chosen if one.kept}


@pytest.mark.slow
def test_twelve_nights_in_which_nothing_changes_find_nothing(rig: Rig) -> None:
    rng = random.Random(3)
    nights = [rig.night([noisy(rng)], config()) for _ in range(12)]
    assert {night.outcome for night in nights} == {"good"}


def test_the_first_night_compares_nothing_and_says_so(rig: Rig) -> None:
    night = rig.night([steady(1, *ALL)], config())
    assert (night.outcome, night.changes) == ("good", [])
    assert "no baseline yet" in night.notes[0]
    assert night.steps[0].cases == dict.fromkeys((case.key for case in ALL), "valid")


@pytest.mark.slow
def test_a_regression_stays_one_until_it_is_mended(rig: Rig) -> None:
    outcomes = [
        rig.night([steady(1, *ALL) | {ORT: times(factor)}], config()).outcome
        for factor in (1, 1, 1.3, 1.3, 1.3, 1.3, 1)
    ]
    assert outcomes == ["good", "good", "worse", "worse", "worse", "worse", "good"]


@pytest.mark.slow
def test_a_night_that_is_accepted_is_a_baseline(rig: Rig) -> None:
    rig.night([steady(1, *ALL)], config())
    night = rig.night([rig.failing(steady(1.3, *ALL), ONE)], config())
    assert sorted(worse(night)) == sorted([(ONE.key, "lost"), (TFLITE.key, "slower"), (ORT.key, "slower")])
    past.write(rig.folder, night.model_copy(update={"accepted": Accepted(at=night.begun_at, reason="known")}))
    again = rig.night([rig.failing(steady(1.3, *ALL), ONE)], config())
    assert (again.outcome, again.worse) == ("good", [])


@pytest.mark.slow
@pytest.mark.parametrize("outcome", ["failed", "unsupported"])
def test_what_was_valid_and_is_not_measured_any_more_is_worse(rig: Rig, outcome: str) -> None:
    rig.night([steady(1, *ALL)], config())
    night = rig.night([rig.failing(steady(1, *ALL), ORT, outcome=outcome)], config())
    assert worse(night) == [(ORT.key, "lost")]
    assert night.worse[0].reason == f"it was valid and is {outcome}: it fell over"
    other = Rig(rig.folder / "other")
    other.night([steady(1, *ALL)], config(regression={"lost": False}))
    night = other.night([other.failing(steady(1, *ALL), ORT, outcome=outcome)], config(regression={"lost": False}))
    assert night.outcome == "good"


def test_a_change_below_its_limit_is_named_and_not_worse(rig: Rig) -> None:
    kept = config(regression={"slower": {"prediction": "50%"}})
    rig.night([steady(1, *ALL)], kept)
    night = rig.night([steady(1, *ALL) | {ORT: times(1.3)}], kept)
    assert night.outcome == "good"
    assert [one.call for one in night.changes if one.case == ORT.key] == ["slower"]


@pytest.mark.slow
def test_each_stage_has_its_own_limit(rig: Rig) -> None:
    kept = config(regression={"slower": {"setup": "5%", "prediction": "1000%"}})
    rig.night([steady(1, TFLITE)], kept)
    night = rig.night([steady(3, TFLITE)], kept)
    assert [(one.stage, one.worse) for one in night.changes] == [("setup", True), ("prediction", False)]


@pytest.mark.slow
def test_a_case_that_was_absent_from_the_last_good_night_is_compared_with_an_earlier_one(rig: Rig) -> None:
    rig.night([steady(1, *ALL)], config())
    second = rig.night([steady(1, TFLITE, ORT)], config())
    assert second.missing == [ONE.key]
    third = rig.night([steady(1, TFLITE, ORT) | {ONE: times(1.5)}], config())
    assert worse(third) == [(ONE.key, "slower")]
    assert {one.base for one in third.changes} == {"run-1", "run-2"}


@pytest.mark.slow
def test_versions_that_differ_are_named(rig: Rig) -> None:
    rig.night([run_of(1, steady(1, TFLITE, ORT), version="1.0.0")], config())
    night = rig.night([run_of(2, steady(1, TFLITE, ORT), version="1.1.0")], config())
    assert night.differences == ["quick: engine version 1.0.0 → 1.1.0 (2 cases)"]
    assert night.changes


@pytest.mark.slow
def test_a_machine_on_which_everything_is_slower_is_named(rig: Rig) -> None:
    four = (*ALL, example.case("host", "onnxruntime", "", threads=1))
    rig.night([steady(1, *four)], config())
    assert rig.night([steady(0.999, *ALL) | steady(1.3, four[-1])], config()).notes == []
    night = rig.night([steady(1.3, *four)], config())
    assert len(night.worse) == 4
    assert night.notes == [
        "quick: all predictions on host changed the same way (by +30.0\u202f%): perhaps the machine was slower or "
        "faster, and not the cases."
    ]


@pytest.mark.slow
def test_the_cases_of_a_skipped_phone_are_not_listed_one_by_one(rig: Rig) -> None:
    rig.night([steady(1, *ALL)], config())
    rig.phones = [Phone(id="host", name="pc", outcome="blocked"), Phone(id="other", name="other", outcome="ready")]
    night = rig.night([steady(1, TFLITE)], config())
    assert night.missing == []
    assert [one.id for one in night.skipped] == ["host"]


@pytest.mark.slow
def test_the_correction_covers_everything_that_a_night_compares(rig: Rig) -> None:
    both = config(suites=[{"suite": "quick"}, {"suite": "quick", "name": "again"}])
    rig.night([steady(1, *ALL), steady(1, *ALL)], both)
    night = rig.night([steady(1, *ALL), steady(1, TFLITE, ORT) | {ONE: times(1.3)}], both)
    alone = Rig(rig.folder / "alone")
    alone.night([steady(1, *ALL)], config())
    one = alone.night([steady(1, TFLITE, ORT) | {ONE: times(1.3)}], config())
    (p_both,), (p_alone,) = ([found.corrected_p for found in n.changes if found.call == "slower"] for n in (night, one))
    assert p_both == pytest.approx(2 * (p_alone or 0))
    assert worse(night) == [(ONE.key, "slower")]


@pytest.mark.slow
def test_the_baseline_is_so_many_nights_back(rig: Rig) -> None:
    back = config(baseline="2 nights back")
    for level in (1.0, 1.5):
        assert rig.night([steady(level, TFLITE)], back).changes == []
    assert worse(rig.night([steady(1.5, TFLITE)], back)) == [(TFLITE.key, "slower")]
    assert rig.night([steady(1.5, TFLITE)], back).outcome == "good"


@pytest.mark.slow
def test_the_baseline_is_a_run(rig: Rig) -> None:
    rig.add(steady(1, TFLITE, ORT))
    night = rig.night([steady(1.5, TFLITE, ONE)], config(baseline="run-1"))
    assert worse(night) == [(TFLITE.key, "slower")]
    absent = rig.night([steady(1, TFLITE)], config(baseline="run-99"))
    assert absent.changes == [] and "Nothing is compared" in absent.notes[0]


def test_a_baseline_that_retention_removed_is_passed_over(rig: Rig) -> None:
    first = rig.night([steady(1, TFLITE)], config())
    gone = first.steps[0].model_copy(update={"runs": ["run-77"]})
    past.write(rig.folder, first.model_copy(update={"steps": [gone]}))
    assert "no baseline yet" in rig.night([steady(1, TFLITE)], config()).notes[0]


def test_phones_that_are_skipped_have_an_exit_code_of_their_own(rig: Rig) -> None:
    rig.phones.append(Phone(id="R58M", name="Pixel", outcome="blocked", words="storage: it is full"))
    night = rig.night([steady(1, TFLITE)], config())
    assert (night.outcome, night.exit_code) == ("phones skipped", ExitCode.PHONES_SKIPPED)
    assert rig.typed[0][rig.typed[0].index("--serial") + 1] == "host"
    assert "R58M is skipped: blocked (storage: it is full)." in rig.said
