"""The store in PostgreSQL, on a real server."""

from __future__ import annotations

import json
import logging
import math
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.core.records import Block, Run
from mobilebench.results import tables
from mobilebench.results.databases import postgresql, schema
from mobilebench.results.places import Place, place_of
from mobilebench.results.store import Store, StoreError
from tests.postgresql import GUARDED, PASSWORD, Server

from .making import START, errors_of_opening_at_once, failed, measured, planned, run_info
from .tcp_proxy import Lost, Proxy, proxied

pytestmark = pytest.mark.database
RUN = "20261121-120000-ab12"
PLAN = [planned(index, index) for index in range(4)]


@pytest.fixture
def store(on_server: Place) -> Iterator[Store]:
    with Store.open(on_server) as opened:
        opened.create_run(run_info(RUN), PLAN)
        yield opened


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql, "_PAUSES", (0.01, 0.05))


@contextmanager
def when_waiting(do: Callable[[], None]) -> Iterator[list[str]]:
    """Calls `do` once, when a store says that it waits for its database; yields the messages."""
    said: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())
            if "waiting" in said[-1]:
                do()

    handler = Handler()
    logging.getLogger("mobilebench").addHandler(handler)
    try:
        yield said
    finally:
        logging.getLogger("mobilebench").removeHandler(handler)


def _name(place: Place) -> str:
    """The name of a database of the tests' server."""
    return str(place.database).partition("@/")[2].partition("?")[0]


def indices(run: Run) -> list[int]:
    return [block.planned.index for block in run.blocks]


def raw(block: Block) -> Block:
    return block.model_copy(update={"verdict": None})


class TestSchema:
    def test_a_store_of_the_first_schema_is_brought_up_to_date(self, new_place: Callable[[], Place]) -> None:
        from alembic import command
        from alembic.config import Config

        place = new_place()
        database = postgresql.PostgreSQL(str(place.database))
        config = Config()
        config.set_main_option("script_location", str(schema.MIGRATIONS))
        with database.writing() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "0001")
            for statement, values in json.loads((Path(__file__).parent / "schema_0001.json").read_text()):
                if "INTO targets" in statement:
                    values = [
                        bool(one) if isinstance(one, int) and index == 4 else one for index, one in enumerate(values)
                    ]
                connection.exec_driver_sql(statement.replace("?", "%s"), tuple(values))
        database.close()

        with Store.open(place) as opened:
            run = opened.load(RUN)
            assert run.planned == [planned(0), planned(1, round=1)]
            assert [raw(block) for block in run.blocks] == [raw(measured(planned(0)))]
            opened.append(RUN, failed(run.planned[1]))
            assert indices(opened.load(RUN)) == [0, 1]
            with opened.reading() as connection:
                assert schema.differences(connection) == []

    def test_opening_at_the_same_time_creates_one_store(self, new_place: Callable[[], Place]) -> None:
        assert errors_of_opening_at_once(new_place()) == []

    def test_a_newer_schema_is_refused_and_left_alone(self, store: Store) -> None:
        with store.database.writing() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0042'")
        with pytest.raises(BadInput, match="written by a newer mobilebench"):
            Store.open(store.place)
        with store.reading() as connection:
            assert schema.version(connection) == "0042"


class TestContents:
    def test_numbers_that_are_not_finite_come_back(self, store: Store) -> None:
        data = {"most": math.inf, "least": [-math.inf, {"number": 1.5}]}
        store.add_event(RUN, "Read", at=START, target=None, data=data)
        store.add_event(RUN, "Read", at=START, target=None, data={"unknown": math.nan})
        first, second = store.stored_events(RUN)
        assert first.data == data
        assert math.isnan(second.data["unknown"])

    def test_whole_numbers_have_64_bits(self, store: Store) -> None:
        info = run_info("20261122-120000-cd34").model_copy(update={"seed": 2**62})
        store.create_run(info, PLAN)
        assert store.load(info.id).info.seed == 2**62

    def test_a_reason_with_a_nul_is_stored_without_it(self, store: Store) -> None:
        store.append(RUN, failed(PLAN[0], "it said \0"))
        assert store.load(RUN).blocks[0].reason == "it said ␀"

    def test_samples_and_series_go_by_copy(self, store: Store) -> None:
        before = _statements(store)
        store.append(RUN, measured(PLAN[0], prediction_ms=[0.1 * number for number in range(1000)]))
        assert [one for one in before if "INTO samples" in one or "INTO series" in one] == []
        found = store.load(RUN).blocks[0].measurement
        assert found is not None
        assert found.prediction_ms == [0.1 * number for number in range(1000)]

    def test_a_block_is_stored_once(self, store: Store) -> None:
        store.append(RUN, measured(PLAN[0]))
        with pytest.raises(StoreError, match="already contains this block"):
            store.append(RUN, failed(PLAN[0]))
        assert store.load(RUN).blocks[0].outcome == "measured"

    def test_an_impossible_time_spoils_only_its_block(self, store: Store) -> None:
        for block in PLAN[:2]:
            store.append(RUN, measured(block))
        with store.database.writing() as connection:
            connection.execute(tables.samples.update().where(tables.samples.c.index == 0).values(value_ms=math.nan))
        spoilt, other = store.load(RUN).blocks
        assert (spoilt.outcome, other.outcome) == ("failed", "measured")


def _statements(store: Store) -> list[str]:
    from sqlalchemy import event

    found: list[str] = []

    @event.listens_for(store.database.engine, "before_cursor_execute")
    def keep(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        found.append(statement)

    return found


class TestWriters:
    def test_a_run_has_one_writer(self, store: Store) -> None:
        with Store.open(store.place) as other:
            with store.owning(RUN):
                with pytest.raises(BadInput, match=f"{RUN} is being written by another mobilebench"), other.owning(RUN):
                    pass
                with other.owning("another"):
                    store.append(RUN, measured(PLAN[0]))
            with other.owning(RUN):
                other.append(RUN, measured(PLAN[1]))
        assert indices(store.load(RUN)) == [0, 1]

    def test_a_reader_sees_one_state_and_holds_up_no_writer(self, store: Store) -> None:
        with Store.open(store.place, create=False) as reader, reader.reading() as connection:
            before = connection.exec_driver_sql("SELECT status FROM runs").scalar()
            store.finish(RUN, "finished")
            assert (before, connection.exec_driver_sql("SELECT status FROM runs").scalar()) == ("running", "running")
        assert store.load(RUN).info.status == "finished"

    def test_a_writer_holds_up_no_reader(self, store: Store) -> None:
        with store.database.writing() as connection:
            connection.exec_driver_sql("UPDATE runs SET seed = 99")
            with Store.open(store.place, create=False) as reader:
                assert reader.load("last").info.seed != 99


class TestAway:
    @pytest.mark.parametrize("how", ["fast", "immediate"])
    def test_a_server_that_is_started_again_loses_and_doubles_nothing(
        self, store: Store, server: Server, how: str
    ) -> None:
        with store.owning(RUN), when_waiting(server.start) as said:
            store.append(RUN, measured(PLAN[0]))
            server.stop(how)
            store.append(RUN, measured(PLAN[1]))
            assert indices(store.load(RUN)) == [0, 1]
            with Store.open(store.place) as other, pytest.raises(BadInput, match="being written"), other.owning(RUN):
                pass
        assert [text for text in said if "is back" in text]

    def test_sessions_that_an_administrator_ends(self, store: Store, server: Server) -> None:
        with store.owning(RUN):
            for block in PLAN:
                sessions = "pg_stat_activity WHERE application_name LIKE 'mobilebench%'"
                assert server.execute(f"SELECT pg_terminate_backend(pid, 10000) FROM {sessions}")
                store.append(RUN, measured(block))
        assert indices(store.load(RUN)) == [0, 1, 2, 3]

    def test_reading_an_owned_run_waits_too(self, store: Store, server: Server) -> None:
        store.append(RUN, measured(PLAN[0]))
        with store.owning(RUN), when_waiting(server.start):
            server.stop()
            assert indices(store.load(RUN)) == [0]

    @pytest.mark.parametrize("committed", [True, False])
    def test_a_connection_that_is_lost_at_the_commit(
        self, store: Store, monkeypatch: pytest.MonkeyPatch, committed: bool
    ) -> None:
        """Only the server knows whether the block was stored."""
        import psycopg

        dialect = store.database.engine.dialect
        commit, lost = dialect.do_commit, []

        def losing(connection: Any) -> None:
            if lost:
                commit(connection)
                return
            if committed:
                commit(connection)
            lost.append(connection)
            connection.driver_connection.close()
            raise psycopg.OperationalError("the connection is lost")

        with store.owning(RUN):
            monkeypatch.setattr(dialect, "do_commit", losing)
            store.append(RUN, measured(PLAN[0]))
            store.add_event(RUN, "Told", at=START, target=None, data={})
        assert len(lost) == 1
        assert indices(store.load(RUN)) == [0]
        assert len(store.events(RUN)) == 1

    def test_it_is_given_up_after_a_time(self, store: Store, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(postgresql, "AWAY_SECONDS", 0.0)
        with store.owning(RUN):
            store.append(RUN, measured(PLAN[0]))
            server.stop()
            try:
                with pytest.raises(StoreError, match="block 1 could not be stored") as raised:
                    store.append(RUN, measured(PLAN[1]))
            finally:
                server.start()
        assert raised.value.run_can_be_resumed
        assert raised.value.hint
        assert indices(store.load(RUN)) == [0]

    def test_a_cancelled_run_does_not_wait(self, store: Store, server: Server) -> None:
        cancel = threading.Event()
        with store.owning(RUN, cancel), when_waiting(cancel.set):
            server.stop()
            try:
                with pytest.raises(StoreError):
                    store.append(RUN, measured(PLAN[0]))
            finally:
                server.start()

    def test_a_command_that_owns_no_run_does_not_wait(self, store: Store, server: Server) -> None:
        server.stop()
        try:
            with pytest.raises(BadInput, match=r"cannot be reached|went away"):
                store.runs()
            with pytest.raises(BadInput, match="cannot be reached"):
                Store.open(store.place)
        finally:
            server.start()
        assert [info.id for info in store.runs()] == [RUN]


class TestNetwork:
    """By TCP, through a proxy that loses connections."""

    @pytest.fixture
    def proxy(self, server: Server) -> Iterator[Proxy]:
        with proxied(server.folder / ".s.PGSQL.5432") as made:
            yield made

    @pytest.fixture
    def near(self, server: Server, tmp_path: Path) -> Place:
        """The same store by the server's socket."""
        place = Place(server.create(), tmp_path)
        server.execute(f"GRANT ALL ON SCHEMA public TO {GUARDED}", _name(place))
        return place

    @pytest.fixture
    def far(self, proxy: Proxy, server: Server, near: Place) -> Iterator[Store]:
        place = Place(proxy.url(server.url(_name(near), GUARDED, PASSWORD)), near.folder)
        with Store.open(place) as opened:
            opened.create_run(run_info(RUN), PLAN)
            yield opened

    def stored(self, near: Place) -> Run:
        with Store.open(near, create=False) as opened:
            return opened.load(RUN)

    @pytest.mark.parametrize("hold", [False, True], ids=["server-is-told", "server-is-not-told"])
    @pytest.mark.parametrize("what", ["commit", "answer"])
    def test_a_network_that_is_cut_at_every_block_loses_and_doubles_nothing(
        self, far: Store, proxy: Proxy, near: Place, what: Lost, hold: bool
    ) -> None:
        """Whether the server has the block or not, and whether it knows that its client is gone."""
        blocks = [measured(plan, prediction_ms=[0.1 * number for number in range(500)]) for plan in PLAN]
        with far.owning(RUN), when_waiting(lambda: None) as said:
            for number, block in enumerate(blocks, 1):
                proxy.lose(what, refuse=3, hold=hold)
                far.append(RUN, block)
                far.add_event(RUN, "Told", at=START, target=None, data={"block": number})
                assert (proxy.lost, proxy.refused) == (number, 3 * number)
        assert [raw(one) for one in self.stored(near).blocks] == [raw(one) for one in blocks]
        assert [one["block"] for one in far.events(RUN)] == [1, 2, 3, 4]
        assert len(said) == 2 * len(blocks)
        for waits, back in zip(said[::2], said[1::2], strict=True):
            assert re.fullmatch(
                r"postgresql://guarded:\*\*\*@127\.0\.0\.1:\d+/\w+ went away \(.+\): waiting for up to 300 s\.", waits
            ), waits
            assert back.endswith(" is back.")

    def test_a_network_that_forwards_nothing_for_a_while_is_waited_for(
        self, far: Store, proxy: Proxy, near: Place
    ) -> None:
        with far.owning(RUN):
            proxy.stop_forwarding()
            writer = threading.Thread(target=far.append, args=(RUN, measured(PLAN[0])))
            writer.start()
            assert proxy.stopped.wait(300)
            assert indices(self.stored(near)) == []
            proxy.forward()
            writer.join(300)
            assert not writer.is_alive()
            far.append(RUN, measured(PLAN[1]))
        assert indices(self.stored(near)) == [0, 1]

    def test_nobody_else_writes_the_run_meanwhile(self, far: Store, proxy: Proxy, near: Place) -> None:
        """The lock is taken again with the new connection, before anything is written by it."""
        with far.owning(RUN):
            proxy.lose("answer", refuse=1)
            far.append(RUN, measured(PLAN[0]))
            with Store.open(near) as other, pytest.raises(BadInput, match="being written"), other.owning(RUN):
                pass


class TestErrors:
    def test_no_server(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="cannot be reached") as raised:
            Store.open(f"postgresql://u:{PASSWORD.replace('/', '%2F')}@/d?host={tmp_path}")
        assert "s3cret" not in raised.value.text_with_hint

    def test_a_wrong_password(self, server: Server) -> None:
        with pytest.raises(BadInput, match="refuses this user or password") as raised:
            Store.open(server.url("postgres", GUARDED, "wr0ng"))
        assert "wr0ng" not in raised.value.text_with_hint

    def test_no_password(self, server: Server) -> None:
        with pytest.raises(BadInput, match="refuses this user or password"):
            Store.open(server.url("postgres", GUARDED))

    def test_a_missing_database(self, server: Server) -> None:
        with pytest.raises(BadInput, match="there is no such database"):
            Store.open(server.url("nowhere"))

    def test_a_user_who_may_not_create_tables(self, server: Server) -> None:
        name = server.create().partition("@/")[2].partition("?")[0]
        with pytest.raises(BadInput, match="allows this user too little") as raised:
            Store.open(server.url(name, GUARDED, PASSWORD))
        assert PASSWORD not in raised.value.text_with_hint

    def test_a_database_of_something_else(self, new_place: Callable[[], Place], server: Server) -> None:
        place = new_place()
        server.execute("CREATE TABLE recipes (name TEXT)", _name(place))
        with pytest.raises(BadInput, match="not a store of mobilebench"):
            Store.open(place)

    def test_an_empty_database_has_no_results(self, new_place: Callable[[], Place]) -> None:
        place = new_place()
        assert Store.existing(place) is None
        with pytest.raises(BadInput, match="There are no results"):
            Store.open(place, create=False)

    def test_a_damaged_row_is_named(self, store: Store) -> None:
        with store.database.writing() as connection:
            connection.exec_driver_sql("DROP TABLE samples")
        with pytest.raises(BadInput, match="lacks a table"):
            store.load(RUN)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://u:s3cret@h/d", "there is no kind mysql"),
        ("postgresql://u:s3cret@h", "names no database"),
        ("postgresql://u:s3cret@h:port/d", "is no URL of a database"),
        ("postgresql://u:s3cret@h/d?sslmod=require", "a parameter that PostgreSQL's library does not know"),
    ],
)
def test_a_bad_url(url: str, words: str) -> None:
    with pytest.raises(BadInput, match=words) as raised:
        Store.open(url)
    assert "s3cret" not in raised.value.text_with_hint


def test_the_driver_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(BadInput) as raised:
        Store.open("postgresql://u@h/d")
    assert raised.value.hint == "Install it: pip install 'mobilebench[rack]'"


def test_a_place_shows_no_password() -> None:
    place = place_of("postgresql://u:s3/c@ret@h/d", Path("files"))
    assert place.name == "postgresql://u:***@h/d"
    assert "ret" not in repr(place)
