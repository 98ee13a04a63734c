"""The sanitised build of the runner and what it is fed with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mobilebench.core import paths
from mobilebench.engines import libraries

NATIVE = Path(__file__).resolve().parents[2] / "native"
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0", "UBSAN_OPTIONS": "print_stacktrace=1"}


@pytest.fixture(scope="session")
def runner() -> Path:
    found = paths.runner(libraries.host_build())
    assert found.is_file(), "run `make native` first"
    return found


@pytest.fixture(scope="session")
def sanitized() -> Path:
    """The folder with the runner and the probe, built with AddressSanitizer and UndefinedBehaviorSanitizer."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in (["cmake", "--preset", "asan"], ["cmake", "--build", "--preset", "asan"]):
        done = subprocess.run(
            command, cwd=NATIVE, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return NATIVE / "build" / "asan"


@pytest.fixture(scope="session")
def sanitizers() -> dict[str, str]:
    """The environment of sanitised processes; the engines' own leaks are not ours to find."""
    return {**os.environ, **SANITIZERS}
