"""What tests of engines share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mobilebench.targets.host import HostTarget, describe


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder in which every temporary file of the test lies."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


@pytest.fixture(scope="module")
def closed_pages() -> Iterator[None]:
    """Nothing of the pages' server is left behind when the module's tests have ended."""
    from mobilebench.engines import web

    yield
    web.close()


@pytest.fixture(scope="module")
def target() -> HostTarget:
    return HostTarget(describe())
