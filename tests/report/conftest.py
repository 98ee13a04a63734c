"""Reports in tests have a stand-in for the script that draws figures, so that it does not matter whether it is built.

Tests in a browser use the built one.
"""

from __future__ import annotations

import pytest

from mobilebench.core import paths

STAND_IN = "(() => { /* draws figures */ })();"


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> object:
    file = tmp_path_factory.mktemp("web") / "report-figures.js"
    file.write_text(STAND_IN)
    return file


@pytest.fixture(autouse=True)
def drawing_script(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, stand_in: object) -> None:
    if "browser" not in request.keywords:
        monkeypatch.setattr(paths, "figures_script", lambda: stand_in)
