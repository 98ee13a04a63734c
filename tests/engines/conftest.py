"""What tests of engines share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mobilebench.core import paths
from mobilebench.targets.host import HostTarget, describe


@pytest.fixture(scope="module")
def target() -> HostTarget:
    return HostTarget(describe())


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Called with a script, it serves a page with this script instead of ours."""
    from mobilebench.engines import web

    folder = tmp_path / "pages"
    folder.mkdir()

    def instead(script: str) -> None:
        web.close()
        (folder / "bench.html").write_text(f"<script>{script}</script>")
        monkeypatch.setattr(paths, "web_pages", lambda: folder)

    yield instead
    web.close()
