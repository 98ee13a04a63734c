"""The page server's further ways: compression, what a browser may keep, turns, what pages send, cut connections."""

from __future__ import annotations

import errno
import gzip
import http.client
import json
import select
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mobilebench.browsers import file_response
from mobilebench.browsers.server import LARGEST_POST, PageServer
from mobilebench.core.errors import BadInput, BlockFailed
from tests.browsers.processes import wait_until
from tests.browsers.test_server import get
from tests.pinning import Pinned

TEXT = b"weights of a model, " * 20_000


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(folder))
    return folder


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    (folder / "bench.html").write_text("<p>bench</p>")
    return folder


@pytest.fixture(scope="module")
def server(pages: Path) -> Iterator[PageServer]:
    server = PageServer(pages)
    yield server
    server.close()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(TEXT)
    return path


class TestCompression:
    def test_a_body_is_compressed_once_with_its_encoding_in_the_header(
        self, server: PageServer, model: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with server.visit({"model": model}, encoding="gzip") as visit:
            response, body = get(server, visit.path + "model", {"Accept-Encoding": "br, gzip;q=0.5"})
        assert response.headers["Content-Encoding"] == "gzip"
        assert response.headers["Vary"] == "Accept-Encoding"
        assert gzip.decompress(body) == TEXT
        (served,) = visit.served()
        assert (served.bytes, served.encoding, served.file) == (len(body), "gzip", model)
        made = [path for path in (cache / "compressed").iterdir() if path.name != ".lock"]
        assert len(made) == 2  # the model and the page, and no half-made file
        monkeypatch.setattr(file_response, "_compress", lambda *_: pytest.fail("compressed again"))
        with server.visit({"model": model}, encoding="gzip"):
            pass

    def test_without_room_for_it_the_block_fails_and_half_a_copy_is_not_kept(
        self, server: PageServer, model: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
    ) -> None:
        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(file_response, "_gzip", lambda: (full, full))
        with (
            pinned.raises(BlockFailed),
            server.visit({"model": model}, encoding="gzip"),
        ):
            pass
        assert server.open_visits == 0
        assert [path.name for path in (cache / "compressed").iterdir()] == [".lock"]

    @pytest.mark.parametrize("accepts", ["", "br, deflate", "gzip;q=0", "x-gzip"])
    def test_a_browser_that_does_not_accept_the_encoding_gets_the_plain_file_and_the_log_shows_it(
        self, server: PageServer, model: Path, accepts: str
    ) -> None:
        with server.visit({"model": model}, encoding="gzip") as visit:
            response, body = get(server, visit.path + "model", {"Accept-Encoding": accepts})
        assert "Content-Encoding" not in response.headers
        assert body == TEXT
        assert [served.encoding for served in visit.served()] == ["identity"]

    def test_nothing_is_compressed_unless_asked_for(self, server: PageServer, model: Path) -> None:
        with server.visit({"model": model}) as visit:
            response, body = get(server, visit.path + "model", {"Accept-Encoding": "gzip, br"})
        assert "Content-Encoding" not in response.headers
        assert body == TEXT

    def test_a_range_is_one_of_what_is_sent(self, server: PageServer, model: Path) -> None:
        with server.visit({"model": model}, encoding="gzip") as visit:
            whole = get(server, visit.path + "model", {"Accept-Encoding": "gzip"})[1]
            response, part = get(server, visit.path + "model", {"Accept-Encoding": "gzip", "Range": "bytes=2-5"})
        assert response.status == 206
        assert part == whole[2:6]
        assert response.headers["Content-Range"] == f"bytes 2-5/{len(whole)}"


def test_only_a_cacheable_visit_lets_a_browser_keep_what_it_got(server: PageServer, model: Path) -> None:
    with server.visit({"model": model}, cacheable=True) as kept, server.visit({"model": model}) as not_kept:
        assert "immutable" in get(server, kept.path + "model")[0].headers["Cache-Control"]
        assert get(server, not_kept.path + "model")[0].headers["Cache-Control"] == "no-store"
        assert get(server, kept.path + "missing")[0].headers["Cache-Control"] == "no-store"


class TestTheLog:
    def test_every_request_for_a_file_has_its_times(self, server: PageServer, model: Path) -> None:
        before = time.monotonic()
        with server.visit({"model": model}) as visit:
            get(server, visit.path + "model")
        (served,) = visit.requests()
        assert before <= served.started <= served.first_byte <= served.ended <= time.monotonic()
        assert served.whole

    def test_a_cut_connection_is_no_download(self, server: PageServer, tmp_path: Path) -> None:
        large = tmp_path / "large.bin"
        with large.open("wb") as file:
            file.truncate(200_000_000)
        with server.visit({"model": large}) as visit:
            with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
                client.sendall(f"GET {visit.path}model HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                assert client.recv(1000).startswith(b"HTTP/1.1 200")
            wait_until(lambda: bool(visit.requests()))
            (cut,) = visit.requests()
            assert not cut.whole
            assert cut.bytes == 0
            assert visit.served() == []

    def test_an_impossible_range_is_logged_but_is_not_a_download(self, server: PageServer, model: Path) -> None:
        with server.visit({"model": model}) as visit:
            response, _ = get(server, visit.path + "model", {"Range": "bytes=900000000-"})
            assert response.status == 416
            assert [one.status for one in visit.requests()] == [416]
            assert visit.served() == []


class TestTurns:
    def test_one_page_downloads_at_a_time_in_the_order_of_asking(self, server: PageServer) -> None:
        def asking(path: str) -> http.client.HTTPConnection:
            """A connection that has asked for the turn; the server has met the question when it answers the next."""
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            connection.request("GET", path + "turn")
            get(server, path)
            return connection

        def answered(connection: http.client.HTTPConnection) -> bool:
            return bool(select.select([connection.sock], [], [], 0)[0])

        with (
            server.visit({}) as one,
            server.visit({}) as two,
            server.visit({}) as three,
            closing(asking(one.path)) as first,
            closing(asking(two.path)) as second,
            closing(asking(three.path)) as third,
        ):
            assert first.getresponse().status == 200
            get(server, two.path + "turn", method="DELETE")  # not its turn: nothing happens
            assert not answered(second) and not answered(third)
            get(server, one.path + "turn", method="DELETE")
            assert second.getresponse().status == 200
            assert not answered(third)
            get(server, two.path + "turn", method="DELETE")
            assert third.getresponse().status == 200

    def test_who_has_it_may_ask_again(self, server: PageServer) -> None:
        with server.visit({}) as visit:
            assert [get(server, visit.path + "turn")[0].status for _ in range(2)] == [200, 200]

    def test_a_page_that_dies_with_the_turn_blocks_no_other_page(self, server: PageServer) -> None:
        with server.visit({}) as dead:
            get(server, dead.path + "turn")
        with server.visit({}) as alive:
            assert get(server, alive.path + "turn")[0].status == 200

    def test_it_lapses_where_no_program_would_report_that_a_page_is_gone(self, server: PageServer) -> None:
        with server.visit({}, turn_lapses_s=0.2) as gone, server.visit({}) as alive:
            get(server, gone.path + "turn")
            assert get(server, alive.path + "turn")[0].status == 200
            get(server, gone.path + "turn", method="DELETE")
            assert gone.turns == []

    @pytest.mark.slow
    def test_it_does_not_lapse_while_the_page_downloads(self, server: PageServer, model: Path) -> None:
        with server.visit({"model": model}, turn_lapses_s=4) as slow:
            get(server, slow.path + "turn")
            ends = time.monotonic() + 5
            while time.monotonic() < ends:
                get(server, slow.path + "model")
                time.sleep(0.05)
            get(server, slow.path + "turn", method="DELETE")
            assert len(slow.turns) == 1

    def test_it_lapses_when_a_browser_keeps_the_connection_of_a_page_that_is_gone(
        self, server: PageServer, tmp_path: Path
    ) -> None:
        large = tmp_path / "large.bin"
        with large.open("wb") as stream:
            stream.truncate(100_000_000)
        with (
            server.visit({"large": large}, turn_lapses_s=0.2) as gone,
            server.visit({}) as alive,
            socket.create_connection(("127.0.0.1", server.port)) as connection,
        ):
            get(server, gone.path + "turn")
            connection.sendall(f"GET {gone.path}large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            connection.recv(1000)  # and nothing more
            began = time.monotonic()
            assert get(server, alive.path + "turn")[0].status == 200
            assert time.monotonic() - began < 50

    def test_strangers_have_none(self, server: PageServer) -> None:
        assert get(server, "/x/turn")[0].status == 404
        assert get(server, "/x/turn", method="DELETE")[0].status == 404


class TestWhatPagesSend:
    def post(
        self, server: PageServer, path: str, body: bytes, kind: str = "application/json", origin: str | None = None
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        try:
            headers = {"Content-Type": kind, **({"Origin": origin} if origin else {})}
            connection.request("POST", path, body=body, headers=headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def test_a_receiver_gets_it_and_answers(self, server: PageServer) -> None:
        with server.visit({}, receivers={"result": lambda body: {"got": len(body)}}) as visit:
            origin = f"http://127.0.0.1:{server.port}"
            status, answer = self.post(server, visit.path + "result", b"{}", origin=origin)
            assert (status, json.loads(answer)) == (200, {"got": 2})
            assert self.post(server, visit.path + "other", b"{}")[0] == 405
            assert self.post(server, "/guessed/result", b"{}")[0] == 404

    def test_other_sites_and_forms_are_refused(self, server: PageServer) -> None:
        with server.visit({}, receivers={"result": lambda _: pytest.fail("it was taken")}) as visit:
            path = visit.path + "result"
            assert self.post(server, path, b"{}", origin="http://evil.example")[0] == 403
            assert self.post(server, path, b"{}", origin="null")[0] == 403
            assert self.post(server, path, b"{}", kind="text/plain")[0] == 403
            assert self.post(server, path, b"a=b", kind="application/x-www-form-urlencoded")[0] == 403

    def test_a_refusal_has_its_reason(self, server: PageServer) -> None:
        def refuse(_body: bytes) -> None:
            raise BadInput("This is no result.", hint="Send one.")

        with server.visit({}, receivers={"result": refuse}) as visit:
            status, answer = self.post(server, visit.path + "result", b"{}")
        assert (status, json.loads(answer)) == (400, {"error": "This is no result.", "hint": "Send one."})

    def test_gigabytes_are_refused(self, server: PageServer) -> None:
        with server.visit({}, receivers={"result": lambda _: pytest.fail("it was taken")}) as visit:
            assert self.post(server, visit.path + "result", b" " * (LARGEST_POST + 1))[0] == 413


def test_a_port_that_is_taken_is_bad_input(pages: Path, server: PageServer) -> None:
    with pytest.raises(BadInput, match=f"port {server.port}"):
        PageServer(pages, port=server.port)


def test_an_address_of_another_computer_is_bad_input(pages: Path) -> None:
    with pytest.raises(BadInput, match=r"192\.0\.2\.1"):
        PageServer(pages, address="192.0.2.1")
