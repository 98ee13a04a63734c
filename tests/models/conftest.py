"""What the tests of models share: files are read and engines are started only as far as a test needs it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from mobilebench.models.inspection import inspecting, worker
from mobilebench.models.manifest import Format
from mobilebench.models.user_models import reference_client
from mobilebench.models.user_models.reference_client import Engine, ReferenceAnswer


@pytest.fixture
def reader_process() -> None:
    """Model files are read in a separate process, as a user's are."""


@pytest.fixture(autouse=True)
def reader_in_this_process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Model files are read in the test's process, which is faster, except in real tests and in those of the reader."""
    if "reader_process" not in request.fixturenames and request.node.get_closest_marker("build") is None:
        monkeypatch.setattr(inspecting, "_run", lambda path, job, timeout_s: worker.answer(job))


@pytest.fixture(autouse=True)
def engines_start_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process of an engine starts with its first job: a model that is refused before then needs none."""
    start = reference_client.engine

    class Later:
        def __init__(self, format_name: Format, held: ExitStack) -> None:
            self._format = format_name
            self._held = held

        def ask(self, job: Mapping[str, Any]) -> ReferenceAnswer:
            engine: Engine = self._held.enter_context(start(self._format))
            return engine.ask(job)

    @contextmanager
    def later(format_name: Format) -> Iterator[Later]:
        with ExitStack() as held:
            yield Later(format_name, held)

    monkeypatch.setattr(reference_client, "engine", later)
