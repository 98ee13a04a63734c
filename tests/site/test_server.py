"""The live site: only reading, only known pages, only this computer, and strict headers."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest

from mobilebench.analysis.over_nights import Night, night_of
from mobilebench.core.errors import BadInput
from mobilebench.site import html
from mobilebench.site.contents import Contents
from mobilebench.site.server import FRESH_SECONDS, HistoryServer, Live, require_loopback
from mobilebench.verdicts.reading import judge_run
from tests.site import making


def night(number: int) -> Night:
    return night_of(judge_run(making.night(number, ways=making.WAYS[:1])))


class Source:
    """A store whose nights a test chooses."""

    def __init__(self, *nights: Night) -> None:
        self.nights = nights
        self.calls: list[set[str]] = []
        self.error: Exception | None = None

    def __call__(self, known: Mapping[str, Night]) -> tuple[Night, ...]:
        self.calls.append(set(known))
        if self.error:
            raise self.error
        return self.nights


@pytest.fixture(scope="module")
def source() -> Source:
    return Source(night(1), night(2))


@pytest.fixture(scope="module")
def server(source: Source) -> Iterator[HistoryServer]:
    made = HistoryServer(Live(source))
    yield made
    made.close()


def ask(server: HistoryServer, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, bytes]:
    parts = urlsplit(server.url)
    connection = HTTPConnection(str(parts.hostname), parts.port, timeout=20)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def test_the_start_page_and_every_other_one_are_served(server: HistoryServer) -> None:
    answer, body = ask(server, "/")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert b"3 cases on 3 targets over 2 nights" in body
    assert ask(server, "/index.html?x=1")[1] == body
    assert ask(server, "/nights.html")[0].status == 200


def test_a_head_has_the_headers_alone(server: HistoryServer) -> None:
    answer, body = ask(server, "/", "HEAD")
    assert (answer.status, body) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 1000


@pytest.mark.parametrize("path", ["/", "/nights.html", "/nothing.html", "/../etc/passwd"])
def test_every_answer_has_strict_headers(server: HistoryServer, path: str) -> None:
    answer, _ = ask(server, path)
    policy = answer.headers["Content-Security-Policy"]
    assert policy == f"{html.policy()}; frame-ancestors 'none'"
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Server"] == "mobilebench"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"])
def test_only_get_and_head_are_answered(server: HistoryServer, method: str) -> None:
    answer, _ = ask(server, "/", method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/..%2findex.html", "/index.html/",
        "/INDEX.html", "/index.html%00", "/.mobilebench-site.json", "/results.sqlite",
        "/case-.html", "/" + "a" * 5000 + ".html",
    ],
)  # fmt: skip
def test_nothing_but_known_pages_is_found(server: HistoryServer, path: str) -> None:
    assert ask(server, path)[0].status == 404


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "192.0.2.7",
        "",
        "127.0.0.1.evil.example",
        "[::1",
        "[::1]x",
        "::1",
        "[::]",
        "[127.0.0.1]",
        "[fe80::1]:80",
    ],
)
def test_a_request_for_another_name_is_refused(server: HistoryServer, host: str) -> None:
    assert ask(server, "/", Host=host)[0].status == 421


@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:1"])
def test_names_of_this_computer_are_answered(server: HistoryServer, host: str) -> None:
    assert ask(server, "/", Host=host)[0].status == 200


def test_garbage_does_not_end_the_server(server: HistoryServer) -> None:
    host, port = server.url.removeprefix("http://").removesuffix("/").split(":")
    for garbage in (b"\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"A" * 70_000):
        with socket.create_connection((host, int(port)), timeout=20) as one, suppress(OSError):
            one.sendall(garbage)
    assert ask(server, "/")[0].status == 200


@pytest.mark.parametrize(
    "address", ["0.0.0.0", "::", "192.0.2.1", "example.org", "127.1", "::ffff:127.0.0.1", "::1%lo", "[::1]", ""]
)
def test_no_other_address_is_listened_at(address: str) -> None:
    with pytest.raises(BadInput, match="authentication is a reverse proxy's job") as raised:
        require_loopback(address)
    assert "docs/site.md" in str(raised.value.hint)


def has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="this computer has no ::1")
@pytest.mark.parametrize("address", ["::1", "0:0:0:0:0:0:0:1"])
def test_the_loopback_of_ipv6_is_served_too(source: Source, address: str) -> None:
    made = HistoryServer(Live(source), address)
    try:
        assert made.url.startswith("http://[::1]:")
        answer, body = ask(made, "/")
        assert (answer.status, b"over 2 nights" in body) == (200, True)
        assert ask(made, "/", Host="evil.example")[0].status == 421
        with pytest.raises(BadInput, match="cannot be listened at"):
            HistoryServer(Live(source), address, port=urlsplit(made.url).port or 0)
    finally:
        made.close()


def test_a_port_that_is_taken_is_named_and_a_closed_server_is_gone() -> None:
    made = HistoryServer(Live(Source(night(1))))
    port = int(made.url.removesuffix("/").rpartition(":")[2])
    with pytest.raises(BadInput, match=str(port)):
        HistoryServer(Live(Source()), port=port)
    made.close()
    assert not made._thread.is_alive()
    assert made._server.socket.fileno() == -1


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    made: list[str] = []
    render: Callable[..., str] = html.render
    monkeypatch.setattr(html, "render", lambda name, document: (made.append(name), render(name, document))[1])
    return made


def test_the_store_is_looked_at_again_after_a_while_and_pages_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, source, made = Clock(), Source(night(1)), counted(monkeypatch)
    live = Live(source, clock)
    assert live.page("nothing.html") is None
    first = live.page("index.html")
    clock.now += FRESH_SECONDS / 2
    assert live.page("index.html") is first
    assert (len(source.calls), made) == (1, ["index.html"])
    clock.now += FRESH_SECONDS
    assert live.page("index.html") is first
    assert (len(source.calls), made) == (2, ["index.html"])
    source.nights = (*source.nights, night(2))
    assert live.page("index.html") is first
    clock.now += FRESH_SECONDS
    second = live.page("index.html")
    assert second != first
    assert source.calls[-1] == {source.nights[0].info.id}, "nights that are known are handed over"


def test_a_store_that_did_not_change_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, source, made, state = Clock(), Source(night(1)), counted(monkeypatch), ["one run"]
    live = Live(source, clock, lambda: state[0])
    first = live.page("index.html")
    clock.now += FRESH_SECONDS
    assert live.page("index.html") is first
    assert len(source.calls) == 1
    source.nights = (*source.nights, night(2))
    state[0] = "two runs"
    assert live.page("index.html") is first, "the store is looked at after a while"
    clock.now += FRESH_SECONDS
    assert live.page("index.html") != first
    assert (len(source.calls), made) == (2, ["index.html", "index.html"])


def test_a_page_is_made_once_for_each_contents(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    document = Contents.document
    monkeypatch.setattr(Contents, "document", lambda of, name: (asked.append(name), document(of, name))[1])
    live = Live(Source(night(1)), Clock())
    assert live.page("index.html") is live.page("index.html")
    assert asked == ["index.html"]


def test_a_store_that_cannot_be_read_is_told_and_tried_again(server: HistoryServer) -> None:
    source = Source(night(1))
    source.error = BadInput("The store is locked by someone.")
    made = HistoryServer(Live(source))
    try:
        answer, body = ask(made, "/")
        assert answer.status == 503
        assert b"locked" not in body
        source.error = None
        assert ask(made, "/")[0].status == 200
    finally:
        made.close()
