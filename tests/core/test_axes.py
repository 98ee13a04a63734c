from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mobilebench.core.axes import AXES

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process found that runs with one more declaration."""
    folder = tmp_path_factory.mktemp("axis")
    command = [sys.executable, "-m", "tests.core.with_one_more_axis", str(folder)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    answer: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return answer


@pytest.mark.slow
class TestOneMoreAxis:
    """An axis is declared in one place, and everything else follows from there."""

    def test_it_is_not_there_otherwise(self) -> None:
        assert "clock" not in AXES

    def test_a_suite_states_it_and_the_plan_has_a_case_for_each_value(self, found: dict[str, Any]) -> None:
        assert found["keys"] == ["host/sleep/cpu/t1/mlp_2x8/fp32/b1", "host/sleep/cpu/t1/mlp_2x8/fp32/b1/clock-locked"]
        assert found["dry run"] == ["free", "locked"]

    def test_run_has_an_option_that_selects_and_checks_it(self, found: dict[str, Any]) -> None:
        assert found["selected"] == ["host/sleep/cpu/t1/mlp_2x8/fp32/b1/clock-locked"]
        assert "--clock" in found["help"]
        assert "Keep the processor at this clock." in found["help"]
        assert "--clock lokked: a clock should be free or locked" in " ".join(found["mistake"].split())

    def test_it_is_stored_and_read_again(self, found: dict[str, Any]) -> None:
        assert found["round trip"]

    def test_cases_of_an_older_store_have_its_default(self, found: dict[str, Any]) -> None:
        assert found["of an older store"] == ["free"]

    def test_it_is_exported(self, found: dict[str, Any]) -> None:
        assert found["exported"] == [["free", "measured"], ["locked", "measured"]]
        assert found["csv"].count("clock") == 1
        assert found["frame"] == "string"

    def test_reports_show_it(self, found: dict[str, Any]) -> None:
        assert "clock" in found["report"]
        assert found["labels"] == ["sleep cpu, 1 thread", "sleep cpu, 1 thread, locked clock"]
