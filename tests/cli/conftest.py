"""What tests of the command line share."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.core import paths


@pytest.fixture(autouse=True)
def as_if_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No sources to compare builds with: who changes some tests commands before a build."""
    monkeypatch.setattr(paths, "sources_script", lambda: tmp_path / "none")
