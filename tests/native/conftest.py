"""The sanitised build of the runner and what it is fed with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mobilebench.core import paths
from mobilebench.engines import libraries
from tests.native.android import NATIVE, building, cmake

SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0", "UBSAN_OPTIONS": "print_stacktrace=1"}


@pytest.fixture(scope="session")
def runner() -> Path:
    found = paths.runner(libraries.host_build())
    assert found.is_file(), "run `make native` first"
    return found


@pytest.fixture(scope="session")
def sanitized() -> Path:
    """The folder with the runner and the probe, built with AddressSanitizer and UndefinedBehaviorSanitizer."""
    folder = NATIVE / "build" / "asan"
    with building(folder):
        for arguments in (["--preset", folder.name], ["--build", "--preset", folder.name]):
            done = cmake(*arguments)
            assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def sanitizers() -> dict[str, str]:
    """The environment of sanitised processes; the engines' own leaks are not ours to find."""
    return {**os.environ, **SANITIZERS}
