"""A short fault drill: blocks, phones and names after faults in every phase (`make drill`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import drill_plan, fault_drill
from benchmarks.drill_journal import table
from tests.targets.conftest import BUNDLED_ADB, own_adb

pytestmark = [pytest.mark.adb, pytest.mark.build, pytest.mark.alone, pytest.mark.timeout(900)]


def test_no_fault_of_the_short_drill_leaves_a_finding(tmp_path: Path) -> None:
    with own_adb(tmp_path / "home", BUNDLED_ADB):
        made = fault_drill.drill(drill_plan.SHORT, seed=1, folder=tmp_path)
    assert made.journal.findings == []
    struck = {strike.phase for strike in made.journal.strikes}
    by_chance = {"pushing", "random"}  # a fast computer has pushed, or ended the run, before the fault strikes
    assert struck >= {*drill_plan.PHASES} - by_chance, table(made.journal.strikes, drill_plan.PHASES)
    assert any(strike.outcome != "not noticed" for strike in made.journal.strikes)
