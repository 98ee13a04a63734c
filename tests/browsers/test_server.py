"""The page server: what it serves, with which headers, what it refuses, and what it remembers."""

from __future__ import annotations

import hashlib
import http.client
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mobilebench.browsers.server import PageServer
from mobilebench.core.errors import BadInput
from tests.pinning import Pinned

SECRET = b"nobody may read this"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "pages"
    (folder / "binaries").mkdir(parents=True)
    (folder / "bench.html").write_text("<p>bench</p>")
    (folder / "bench.js").write_text("run()")
    (folder / "binaries" / "engine.wasm").write_bytes(b"\0asm" + bytes(range(256)) * 4)
    (folder / "binaries" / "glue.mjs").write_text("export default 1")
    (folder.parent / "secret.txt").write_bytes(SECRET)
    return folder


@pytest.fixture(scope="module")
def server(pages: Path) -> Iterator[PageServer]:
    server = PageServer(pages)
    yield server
    server.close()


def get(
    server: PageServer, path: str, headers: dict[str, str] | None = None, method: str = "GET"
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("bench.html", "text/html"),
        ("bench.js", "text/javascript"),
        ("binaries/engine.wasm", "application/wasm"),
        ("binaries/glue.mjs", "text/javascript"),
    ],
)
def test_pages_come_isolated_uncached_and_with_their_type(server: PageServer, name: str, kind: str) -> None:
    with server.visit({}) as visit:
        response, _ = get(server, visit.path + name)
    assert response.status == 200
    assert response.headers["Content-Type"].startswith(kind)
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", ["bench.html", "binaries/engine.wasm"])
def test_a_visit_without_isolation_sends_none_of_its_headers(server: PageServer, name: str) -> None:
    with server.visit({}, isolated=False) as visit:
        response, _ = get(server, visit.path + name)
    assert response.status == 200
    assert "Cross-Origin-Opener-Policy" not in response.headers
    assert "Cross-Origin-Embedder-Policy" not in response.headers
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_model_files_are_served_under_the_names_that_the_visit_gives_them(server: PageServer, tmp_path: Path) -> None:
    model = tmp_path / "weights.bin"
    model.write_bytes(bytes(range(256)) * 5000)
    with server.visit({"model/shard1.bin": model}) as visit:
        response, body = get(server, visit.path + "model/shard1.bin")
    assert response.status == 200
    assert body == model.read_bytes()


def test_a_range_is_served_as_one(server: PageServer, pages: Path) -> None:
    with server.visit({}) as visit:
        response, body = get(server, visit.path + "binaries/engine.wasm", {"Range": "bytes=4-9"})
        assert (response.status, body) == (206, bytes(range(6)))
        assert response.headers["Content-Range"] == f"bytes 4-9/{(pages / 'binaries/engine.wasm').stat().st_size}"
        assert [served.bytes for served in visit.served()] == [6]


def test_the_log_holds_what_was_sent_and_its_hash(server: PageServer, pages: Path) -> None:
    with server.visit({}) as visit:
        get(server, visit.path + "bench.js")
        get(server, visit.path + "missing.js")
        get(server, visit.path + "bench.html", method="HEAD")
        get(server, visit.path + "binaries/engine.wasm")
    assert [served.name for served in visit.served()] == ["bench.js", "binaries/engine.wasm"]
    wasm = pages / "binaries" / "engine.wasm"
    assert visit.served()[1].sha256 == hashlib.sha256(wasm.read_bytes()).hexdigest()
    assert visit.served()[1].bytes == wasm.stat().st_size
    assert visit.served()[1].started <= visit.served()[1].ended


def test_a_file_that_changed_is_hashed_again(server: PageServer, tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(b"one")
    with server.visit({"model": model}) as visit:
        get(server, visit.path + "model")
        before = visit.served()[0].sha256
        model.write_bytes(b"three")
        assert visit.served()[0].sha256 == hashlib.sha256(b"three").hexdigest() != before


def test_visits_do_not_see_each_other(server: PageServer, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(SECRET)
    with server.visit({"model": tmp_path / "a"}) as one, server.visit({}) as other:
        assert get(server, one.path + "model")[0].status == 200
        assert get(server, other.path + "model")[0].status == 404
        assert len(one.served()) == 1
        assert other.served() == []
    assert get(server, one.path + "bench.html")[0].status == 404


@pytest.mark.parametrize(
    "name",
    [
        "../secret.txt",
        "..%2fsecret.txt",
        "%2e%2e/secret.txt",
        "binaries/../../secret.txt",
        "binaries/..%5c..%5csecret.txt",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "",
        "binaries",
        "binaries/",
        "bench.html%00",
    ],
)
def test_nothing_else_can_be_reached(server: PageServer, name: str) -> None:
    with server.visit({}) as visit:
        response, body = get(server, visit.path + name)
    assert response.status in (400, 404)
    assert SECRET not in body
    assert b"root:" not in body


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40))
def test_no_path_reaches_a_file_that_was_not_named(server: PageServer, path: str) -> None:
    response, body = get(server, "/" + path)
    assert response.status in (400, 404)
    assert SECRET not in body


def test_it_writes_nothing_and_runs_nothing(server: PageServer) -> None:
    with server.visit({}) as visit:
        for method in ("POST", "PUT", "DELETE"):
            assert get(server, visit.path + "bench.html", method=method)[0].status == 405


def test_it_listens_on_loopback_only(server: PageServer) -> None:
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET, "127.0.0.1")):
        with socket.socket(family) as probe:
            if address == "0.0.0.0":
                # Taken on 127.0.0.1 only: every other address of the port is still free.
                probe.bind(("127.0.0.2", server.port))
            else:
                with pytest.raises(OSError, match="in use"):
                    probe.bind((address, server.port))


def test_pages_that_were_not_built_are_bad_input(tmp_path: Path, pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        PageServer(tmp_path)


def test_after_closing_nothing_listens(pages: Path) -> None:
    server = PageServer(pages)
    server.close()
    server.close()
    with pytest.raises(OSError, match="refused"):
        get(server, "/x")


def test_invalid_http_is_refused_without_a_log_line(server: PageServer, caplog: pytest.LogCaptureFixture) -> None:
    for sent in (b"\x16\x03\x01 hello\r\n\r\n", b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            connection.sendall(sent)
            assert connection.recv(100).startswith(b"HTTP/1.0 400")
    assert caplog.records == []
