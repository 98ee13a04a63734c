"""What tests of the command line share."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.core import paths
from mobilebench.targets.android import adb_protocol, description, discovery, lease
from mobilebench.targets.care import doctor, host, questions
from tests.targets.care.test_checks import GOOD, GOOD_HOST


@pytest.fixture(autouse=True)
def as_if_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No sources to compare builds with: who changes some tests commands before a build."""
    monkeypatch.setattr(paths, "sources_script", lambda: tmp_path / "none")


@pytest.fixture
def attached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """Serial to state of the phones that adb lists; a test fills them in."""
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path))
    states: dict[str, str] = {}

    def read(shell):  # type: ignore[no-untyped-def]
        properties = "[ro.build.version.sdk]: [29]\n[ro.build.version.release]: [10]"
        info = description.describe(shell.serial, {"properties": properties})
        return info.model_copy(update={"browsers": {"chrome": "156.0"}, "unknown": {}})

    monkeypatch.setattr(discovery, "attached", lambda: states)
    monkeypatch.setattr(adb_protocol, "state", lambda serial: states.get(serial, "absent"))
    monkeypatch.setattr(description, "read", read)
    monkeypatch.setattr(host, "read", lambda: GOOD_HOST)
    return states


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What every phone answers; a test changes it."""
    found = {name: str(answer) for name, answer in GOOD.items()}

    class Free:
        holder = None

    monkeypatch.setattr(lease, "read_lock", lambda shell: Free)
    monkeypatch.setattr(questions, "ask", lambda shell: dict(found))
    monkeypatch.setattr(doctor.time, "time", lambda: float(GOOD["clock"]))  # type: ignore[arg-type]
    return found
