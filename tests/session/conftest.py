"""Fixtures of this room."""

from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.results.store import FILE_NAME, Store


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new store's file: copying it is quicker than creating its schema for each test."""
    folder = tmp_path_factory.mktemp("empty")
    Store.open(folder).close()
    return folder / FILE_NAME
