"""A run whose PostgreSQL server is stopped and started again while it measures."""

from __future__ import annotations

import logging
import threading

import pytest

from mobilebench.core.errors import BadInput, ExitCode
from mobilebench.core.records import PlannedBlock
from mobilebench.results.databases import postgresql
from mobilebench.results.places import Place
from mobilebench.results.store import Store
from mobilebench.session import events
from tests.postgresql import Server

from .fakes import Sessions

pytestmark = pytest.mark.database


class StartsAgain(logging.Handler):
    """Starts the server when the run says that it waits for it."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server
        self.waits = 0

    def emit(self, record: logging.LogRecord) -> None:
        if "waiting" in record.getMessage():
            self.waits += 1
            self._server.start()


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_nothing_is_lost_or_measured_twice(
    on_server: Place, server: Server, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(postgresql, "_PAUSES", (0.01, 0.05))
    session = Sessions(on_server)
    starts = StartsAgain(server)

    def behave(planned: PlannedBlock, cancel: threading.Event) -> None:
        if planned.index in (1, 3):
            server.stop(how)

    session.world.engine.behave = behave
    logging.getLogger("mobilebench").addHandler(starts)
    try:
        result = session.run(rounds=5)
    finally:
        logging.getLogger("mobilebench").removeHandler(starts)
    assert starts.waits >= 2
    assert (result.exit_code, result.run.info.status) == (ExitCode.OK, "finished")
    assert session.world.engine.measured == [0, 1, 2, 3, 4]
    assert [block.planned.index for block in session.stored().blocks] == [0, 1, 2, 3, 4]
    assert [event.block.planned.index for event in session.seen.of(events.BlockFinished)] == [0, 1, 2, 3, 4]


def test_a_run_that_is_being_written_is_not_resumed(on_server: Place) -> None:
    session = Sessions(on_server)

    def behave(planned: PlannedBlock, cancel: threading.Event) -> None:
        if planned.index == 1:
            session.cancel.set()

    session.world.engine.behave = behave
    run_id = session.run(rounds=3).run_id
    session.world.engine.behave = lambda planned, cancel: None
    with Store.open(on_server) as other, other.owning(run_id), pytest.raises(BadInput, match="is being written"):
        session.resume()
    assert session.resume().run.info.status == "finished"
    assert [block.planned.index for block in session.stored().blocks] == [0, 1, 2]


def test_no_password_is_recorded(on_server: Place) -> None:
    from dataclasses import replace

    from mobilebench.session import RunRequest, run

    from .fakes import host, plan

    session = Sessions(on_server)
    request = RunRequest(plan(host()), (host(),), ("mobilebench", "run", "--store", "postgresql://u:s3cret@h/d"))
    result = run(
        replace(request),
        session.store,
        on_event=session.seen,
        cancel=session.cancel,
        dependencies=session.world.dependencies(),
    )
    assert result.run.info.command[-1] == "postgresql://u:***@h/d"
    assert all(
        "s3cret" not in file.read_text()
        for file in session.store.run_folder(result.run_id).rglob("*")
        if file.is_file()
    )
