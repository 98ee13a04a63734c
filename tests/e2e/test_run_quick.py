"""The script behind `make run`, with a program in mobilebench's place that only ends."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "run-quick.sh"


@pytest.mark.parametrize(("ended", "answered"), [(0, 0), (4, 0), (1, 1), (2, 2), (130, 130)])
def test_suspect_cases_are_no_error_of_make(tmp_path: Path, ended: int, answered: int) -> None:
    program = tmp_path / "mobilebench"
    program.write_text(f'#!/bin/sh\n[ "$1" = virtual ] && exit 0\nexit {ended}\n')
    program.chmod(0o755)
    done = subprocess.run([SCRIPT], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, check=False)
    assert done.returncode == answered
