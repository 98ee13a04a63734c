"""Which cases are flaky, and that they do not fail a night."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.nights import conduct
from mobilebench.nights.config import Flakes
from mobilebench.nights.flakes import flaky
from mobilebench.nights.records import Night
from tests.analysis.runs import ORT, TFLITE
from tests.nights.rig import Rig, config, steady

LETTERS = {"v": "valid", "s": "suspect", "f": "failed", "u": "unsupported", "n": "not measured"}


def nights(statuses: str) -> list[Night]:
    """A night for each letter, in which one case has this status."""
    found = []
    for letter in statuses:
        night = conduct.begin(config())
        step = night.steps[0].model_copy(update={"cases": {"case": LETTERS[letter]}})
        found.append(night.model_copy(update={"steps": [step]}))
    return found


@pytest.mark.parametrize(
    ("statuses", "unsteady"),
    [
        ("vfvvfvvvfv", 6),
        ("vfvfvfvfvf", 9),
        ("vvvuvvvuvv", 4),
        ("vfvnfnv", 4),
        ("vvvvvvvvvv", None),
        ("vsvsvsvsvs", None),
        ("vvvvvfffff", None),
        ("fffffvvvvv", None),
        ("vvvvvvvvfv", None),
        ("vf", None),
    ],
)
def test_only_a_verdict_that_changes_to_and_fro_is_flaky(statuses: str, unsteady: int | None) -> None:
    found = flaky(nights(statuses), Flakes(nights=10, share=0.3))
    assert [one.unsteady for one in found] == ([] if unsteady is None else [unsteady])


def test_older_nights_and_a_higher_share_do_not_count() -> None:
    assert flaky(nights("vfvfvfvvvvv"), Flakes(nights=5, share=0.1)) == []
    assert flaky(nights("vfvfv"), Flakes(nights=5, share=0.9)) == []
    assert flaky([], Flakes()) == []


@pytest.mark.slow
def test_a_flaky_case_is_listed_and_does_not_fail_the_night(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    outcomes = []
    for number in range(8):
        made = steady(1, TFLITE, ORT)
        night = rig.night([rig.failing(made, ORT) if number % 2 else made], config())
        outcomes.append(night.outcome)
    assert outcomes[1] == "worse"
    assert outcomes[3:] == ["good"] * 5
    (found,) = night.flaky
    assert (found.case, found.nights, found.unsteady) == (ORT.key, 8, 7)
    assert [(one.case, one.worse, one.flaky) for one in night.changes if one.call == "lost"] == [(ORT.key, True, True)]
