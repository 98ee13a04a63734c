"""Nights that compare energy and memory beside times."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from mobilebench.core.records import Case, Run
from mobilebench.nights import junit, metrics, summary
from mobilebench.nights.records import Change, Night
from tests.analysis.resources import with_resources
from tests.analysis.runs import ORT, TFLITE, run_of
from tests.nights.rig import Rig, config, steady

ENERGY, MEMORY = "energy (meter)", "memory (peak RSS)"


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def run(number: int, more: dict[Case, float] | None = None) -> Run:
    """Both cases with energy and memory, of which some need so many times as much."""
    factors = {TFLITE: 1.0, ORT: 1.0} | (more or {})
    return with_resources(
        run_of(number, steady(1, TFLITE, ORT)),
        memory={case: round(50_000 * factor) for case, factor in factors.items()},
        energy={case: [2000 * factor, 2010 * factor, 1990 * factor] for case, factor in factors.items()},
    )


def worse(night: Night) -> list[tuple[str, str, str]]:
    return [(one.case, one.what, one.call) for one in night.worse]


def of(night: Night, what: str, case: Case = ORT) -> Change:
    (found,) = [one for one in night.changes if (one.what, one.case) == (what, case.key)]
    return found


def test_a_case_that_needs_more_energy_and_memory_is_worse_and_the_other_one_is_not(rig: Rig) -> None:
    first, second = (rig.night([run(number)], config()) for number in (1, 2))
    assert (first.outcome, second.outcome, len(second.changes)) == ("good", "good", 6)
    assert {one.call for one in second.changes} == {"no change"}
    third = rig.night([run(3, {ORT: 1.6})], config())
    assert third.outcome == "worse"
    assert worse(third) == [(ORT.key, ENERGY, "more"), (ORT.key, MEMORY, "more")]
    memory = of(third, MEMORY)
    assert (memory.before, memory.after, memory.before_ms, memory.limit) == (50_000, 80_000, None, 0.1)
    assert memory.interval and memory.interval[0] > 1.1
    assert Night.model_validate_json(third.model_dump_json()) == third


def test_less_is_better_and_never_worse(rig: Rig) -> None:
    rig.night([run(1)], config())
    night = rig.night([run(2, {ORT: 0.5})], config())
    assert night.outcome == "good"
    assert {of(night, ENERGY).call, of(night, MEMORY).call} == {"less"}
    assert "What got better" in summary.markdown(night)


def test_the_limits_are_configured_and_a_quantity_can_be_left_out(rig: Rig) -> None:
    kept = config(regression={"more": {"memory": "100%"}})
    rig.night([run(1)], kept)
    night = rig.night([run(2, {ORT: 1.6})], kept)
    assert night.outcome == "good"
    assert of(night, MEMORY).call == "more"
    assert not [one for one in night.changes if one.what == ENERGY]


def test_a_quantity_that_was_not_measured_before_is_listed_and_not_worse(rig: Rig) -> None:
    rig.night([run_of(1, steady(1, TFLITE, ORT))], config())
    night = rig.night([run(2)], config())
    assert night.outcome == "good"
    assert of(night, "energy (meter)").reason == "the first run did not measure its energy"
    assert "the first run did not measure its memory" in summary.markdown(night)


def test_reports_show_quantities_with_their_units(rig: Rig) -> None:
    rig.night([run(1)], config())
    night = rig.night([run(2, {ORT: 1.6})], config())
    text = summary.markdown(night)
    assert "0 slower, 0 faster, 2 more, 0 less" in text
    (row,) = [line for line in text.splitlines() if MEMORY in line]
    assert "48.8 MiB | 78.1 MiB | +60.0" in row and "10\u202f%" in row
    assert f"{ENERGY}: more, +60.0\u202f% (" in summary.chat(night) and "40 mJ → 64 mJ" in summary.chat(night)
    root = ElementTree.fromstring(junit.junit(night))
    failed = [test.attrib["name"] for test in root.iter("testcase") if test.find("failure") is not None]
    assert [name.rpartition(": ")[2] for name in failed] == [ENERGY, MEMORY]
    found = metrics.registry(night)
    labels = {"night": "lab", "suite": "quick", "case": ORT.key, "stage": MEMORY}
    assert found.get_sample_value("mobilebench_night_ratio", labels) == pytest.approx(1.6)
    assert found.get_sample_value("mobilebench_night_worse", labels) == 1
