"""Certificates once a session; racks of processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .processes import Rack, make_ca, rack_of


@pytest.fixture(scope="session")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_ca(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def rack(ca: Path, tmp_path: Path) -> Iterator[Rack]:
    """A rack whose processes the test starts."""
    with rack_of(ca, tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def running(ca: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rack]:
    """A scheduler and a worker with four phones, which every test of the module uses."""
    with rack_of(ca, tmp_path_factory.mktemp("rack")) as made:
        made.start_scheduler()
        made.start_worker(phones=4)
        yield made
