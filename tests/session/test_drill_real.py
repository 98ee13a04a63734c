"""A short fault drill: blocks, phones and names after faults in every phase (`make drill`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import fault_drill
from tests.targets.conftest import BUNDLED_ADB, own_adb

pytestmark = [pytest.mark.adb, pytest.mark.build, pytest.mark.alone, pytest.mark.timeout(900)]


def test_no_fault_of_the_short_drill_leaves_a_finding(tmp_path: Path) -> None:
    with own_adb(tmp_path / "home", BUNDLED_ADB):
        made = fault_drill.drill(fault_drill.SHORT, seed=1, folder=tmp_path)
    assert made.findings == []
    struck = {strike.phase for strike in made.strikes}
    assert struck >= {*fault_drill.PHASES, "random"} - {"pushing"}, fault_drill.report(made)
    assert any(strike.outcomes for strike in made.strikes)
