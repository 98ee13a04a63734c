"""What a session asks of other rooms."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mobilebench.core import file_locks
from mobilebench.models.build import cache
from mobilebench.session import dependencies


@pytest.mark.parametrize(("source", "held"), [("zoo", True), ("added", False)])
def test_a_model_of_the_cache_is_kept_from_pruning_while_it_is_measured(
    tmp_path: Path, source: str, held: bool
) -> None:
    files: Any = SimpleNamespace(folder=tmp_path / "model", manifest=SimpleNamespace(source=source))
    with dependencies.in_use(files), file_locks.if_free(cache.lock_of(files.folder)) as free:
        assert free is not held
    with file_locks.if_free(cache.lock_of(files.folder)) as free:
        assert free
