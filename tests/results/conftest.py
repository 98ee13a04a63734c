"""Fixtures of this room."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mobilebench.results.places import Place
from mobilebench.results.store import FILE_NAME, Store
from tests.postgresql import Server


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new store's file: copying it is quicker than creating its schema for each test."""
    folder = tmp_path_factory.mktemp("empty")
    Store.open(folder).close()
    return folder / FILE_NAME


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.database)])
def place(request: pytest.FixtureRequest, tmp_path: Path, empty_store: Path) -> Place:
    """Where an empty store is, in each kind of database."""
    if request.param == "sqlite":
        shutil.copy(empty_store, tmp_path)
        return Place(tmp_path, tmp_path)
    server: Server = request.getfixturevalue("server")
    return Place(server.create("empty_store"), tmp_path)


@pytest.fixture
def new_place(server: Server, tmp_path: Path) -> Callable[[], Place]:
    """Makes places of empty databases in PostgreSQL, without a store."""
    return lambda: Place(server.create(), tmp_path)
