"""Downloads from a server on loopback: whole, cut, changed, wrong, and by two processes at once."""

from __future__ import annotations

import hashlib
import http.client
import logging
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mobilebench.core import log
from mobilebench.core.errors import BadInput
from mobilebench.models.spec import Pretrained
from mobilebench.models.weights import download, fetch, sources
from mobilebench.models.weights.download import Patience
from tests.models.weights.weights_server import Site, serving
from tests.pinning import Pinned

CONTENT = random.Random(5).randbytes(1_000_000)
OTHER = random.Random(6).randbytes(1_000_000)
QUICK = Patience(timeout_s=60, attempts=3, pause_s=0.001)
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / "cache"))
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(Site(content=CONTENT)) as one:
        yield one


class Told:
    """What a watcher hears."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.places: list[tuple[int, int | None]] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def at(self, done: int, total: int | None) -> None:
        self.places.append((done, total))


def named(url: str, content: bytes = CONTENT, size: int | None = None) -> Pretrained:
    return Pretrained(url=url, sha256=hashlib.sha256(content).hexdigest(), bytes=size)


def fetched(weights: Pretrained, told: Told | None = None, patience: Patience = QUICK) -> bytes:
    path = fetch.fetch(weights, fetch.weights_folder(), told, usable=lambda _: None, patience=patience)
    assert path.name == f"{weights.sha256}.safetensors"
    assert {left.suffix for left in path.parent.iterdir()} == {".safetensors", ".lock"}
    return path.read_bytes()


class Refusal(NamedTuple):
    message: str
    hint: str


def refused(weights: Pretrained, told: Told | None = None, patience: Patience = QUICK) -> Refusal:
    with pytest.raises(BadInput) as caught:
        fetched(weights, told, patience)
    assert not fetch.path_of(weights, fetch.weights_folder()).exists()
    return Refusal(caught.value.message, caught.value.hint or "")


def part(weights: Pretrained) -> Path:
    return download.part_of(fetch.path_of(weights, fetch.weights_folder()))


def test_a_file_comes_whole_and_is_not_asked_for_again(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, log.ROOT)
    told = Told()
    assert fetched(named(site.url, size=len(CONTENT)), told) == CONTENT
    assert told.said == []
    assert told.places[0] == (0, len(CONTENT))
    assert told.places[-1] == (len(CONTENT), len(CONTENT))
    assert site.asked[0]["accept-encoding"] == "identity"
    fetched(named(site.url))
    assert len(site.asked) == 1
    assert [message.rpartition(": ")[2][:4] for message in caplog.messages] == ["begu", "done"]


def test_a_file_without_a_stated_length_comes_too(site: Site) -> None:
    site.chunked = True
    told = Told()
    assert fetched(named(site.url), told) == CONTENT
    assert told.places[-1] == (len(CONTENT), None)


def test_a_damaged_file_is_fetched_again(site: Site, pinned: Pinned) -> None:
    weights = named(site.url)
    fetched(weights)
    fetch.path_of(weights, fetch.weights_folder()).write_bytes(CONTENT[:-1])
    told = Told()
    assert fetched(weights, told) == CONTENT
    pinned("\n".join(told.said))


def test_after_cut_connections_it_goes_on_where_it_was(site: Site, pinned: Pinned) -> None:
    site.cuts = [300_000, 0, 200_000]
    told = Told()
    assert fetched(named(site.url), told) == CONTENT
    assert [asked.get("range") for asked in site.asked] == [None, "bytes=300000-", "bytes=300000-", "bytes=500000-"]
    assert {asked.get("if-range") for asked in site.asked[1:]} == {'"1"'}
    pinned(told.said[0])
    pinned(told.said[-1])


@pytest.mark.parametrize("chunked", [False, True])
def test_a_connection_that_is_always_cut_is_given_up_and_a_later_call_goes_on(
    site: Site, chunked: bool, pinned: Pinned
) -> None:
    site.chunked = chunked
    site.cuts = [200_000, *[0] * QUICK.attempts]
    weights = named(site.url)
    message, hint = refused(weights)
    pinned(message)
    pinned(hint)
    assert fetch.kept(weights, fetch.weights_folder()) == 200_000
    told = Told()
    assert fetched(weights, told) == CONTENT
    pinned("\n".join(told.said))


def test_a_server_that_cannot_go_on_is_asked_for_all_of_it(site: Site, pinned: Pinned) -> None:
    site.ranges = False
    site.cuts = [300_000]
    told = Told()
    assert fetched(named(site.url), told) == CONTENT
    pinned(told.said[-1])


def test_a_server_that_gives_no_mark_is_not_asked_to_go_on(site: Site) -> None:
    site.etag = None
    site.cuts = [300_000]
    assert fetched(named(site.url)) == CONTENT
    assert [asked.get("range") for asked in site.asked] == [None, None]


@pytest.mark.parametrize("ignores_if_range", [False, True])
def test_parts_of_two_versions_are_never_put_together(site: Site, ignores_if_range: bool, pinned: Pinned) -> None:
    weights = named(site.url)
    site.content, site.cuts = OTHER, [300_000, 0, 0, 0]
    refused(weights)
    site.content, site.etag, site.cuts, site.ignores_if_range = CONTENT, '"2"', [], ignores_if_range
    told = Told()
    assert fetched(weights, told) == CONTENT
    pinned("\n".join(told.said))


def test_pieces_that_do_not_make_the_sum_are_fetched_anew(site: Site, pinned: Pinned) -> None:
    """Such as after a power cut, or from a server whose mark stays while the file changes."""
    weights = named(site.url)
    site.cuts = [300_000, 0, 0, 0]
    refused(weights)
    part(weights).write_bytes(bytes(300_000))
    told = Told()
    assert fetched(weights, told) == CONTENT
    pinned("\n".join(told.said))


@pytest.mark.parametrize("excess", [0, 5])
def test_a_part_that_is_all_of_it_needs_no_server_and_one_that_is_more_is_fetched_anew(site: Site, excess: int) -> None:
    weights = named(site.url)
    site.cuts = [300_000, 0, 0, 0]
    refused(weights)
    part(weights).write_bytes(CONTENT + bytes(excess))
    site.asked.clear()
    assert fetched(weights) == CONTENT
    assert len(site.asked) == (2 if excess else 0)


def test_a_part_from_another_address_is_not_gone_on_with(site: Site) -> None:
    site.cuts = [300_000, 0, 0, 0]
    refused(named(site.url))
    site.asked.clear()
    assert fetched(named(site.url + "?mirror")) == CONTENT
    assert site.asked[0].get("range") is None


def test_a_wrong_sum_is_refused_and_nothing_stays(site: Site) -> None:
    site.content = OTHER
    weights = named(site.url)
    message, _ = refused(weights)
    assert weights.sha256 in message
    assert hashlib.sha256(OTHER).hexdigest() in message
    assert not part(weights).exists()
    assert not download.note_of(part(weights)).exists()


def test_a_file_of_another_size_is_refused_before_it_comes(site: Site, pinned: Pinned) -> None:
    weights = named(site.url, size=2_000_000)
    told = Told()
    pinned(refused(weights, told).message)
    assert told.places == []


def test_an_endless_answer_ends_at_the_stated_size(site: Site) -> None:
    site.chunked, site.content = True, CONTENT * 8
    assert "1000000" in refused(named(site.url, size=1_000_000)).message


def test_what_is_larger_than_weights_can_be_is_refused(site: Site, pinned: Pinned) -> None:
    site.length = 5 << 30
    pinned(refused(named(site.url)).message)


def test_what_is_no_file_of_weights_is_not_kept(site: Site, pinned: Pinned) -> None:
    weights = named(site.url)
    with pinned.raises(BadInput):
        fetch.fetch(weights, fetch.weights_folder(), patience=QUICK)
    assert [left.suffix for left in fetch.weights_folder().iterdir()] == [".lock"]


@pytest.mark.parametrize("status", [404, 401, 403, 407, 410, 418, 304])
def test_an_answer_that_is_no_file_is_told_at_once(site: Site, status: int, pinned: Pinned) -> None:
    site.statuses = [status]
    message, hint = refused(named(site.url))
    pinned(message)
    pinned(hint)
    assert len(site.asked) == 1


def test_a_busy_server_is_asked_again(site: Site, pinned: Pinned) -> None:
    site.statuses = [503, 429]
    told = Told()
    assert fetched(named(site.url), told) == CONTENT
    pinned(told.said[0])


def test_a_server_that_falls_silent_is_told(site: Site, pinned: Pinned) -> None:
    site.hold_at = 0
    told = Told()
    refusal = refused(named(site.url), told, Patience(timeout_s=1.0, attempts=2, pause_s=0.001))
    pinned(refusal.message)
    pinned("\n".join(told.said))


def test_a_server_that_does_not_answer_is_told(pinned: Pinned) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        weights = named(f"http://127.0.0.1:{silent.getsockname()[1]}/a")
        message, hint = refused(weights, patience=Patience(timeout_s=0.3, attempts=3, pause_s=0.001))
    pinned(message)
    assert "network" in hint


def test_a_refused_connection_is_told(pinned: Pinned) -> None:
    pinned(refused(named("http://127.0.0.1:1/a")).message)


def test_an_unknown_host_is_told(pinned: Pinned) -> None:
    pinned(refused(named("http://nowhere.invalid/a")).message)


def test_redirects_are_followed(site: Site) -> None:
    with serving(Site(redirect=site.url)) as first:
        site.cuts = [300_000]
        assert fetched(named(first.url)) == CONTENT
        assert [asked.get("range") for asked in first.asked] == [None, "bytes=300000-"]
        assert [asked.get("range") for asked in site.asked] == [None, "bytes=300000-"]


def test_a_redirect_in_a_circle_ends(site: Site, pinned: Pinned) -> None:
    site.redirect = site.url
    pinned(refused(named(site.url)).message)


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/a", "file:///etc/passwd"])
def test_a_redirect_to_something_else_is_not_followed(site: Site, target: str, pinned: Pinned) -> None:
    site.redirect = target
    pinned(refused(named(site.url)).message)


@pytest.fixture
def https_as_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """https without encryption, for a server without a certificate."""

    class Plain(http.client.HTTPConnection):
        default_port = http.client.HTTPS_PORT

        def __init__(self, host: str, timeout: float, **_: Any) -> None:
            super().__init__(host, timeout=timeout)

    monkeypatch.setattr(http.client, "HTTPSConnection", Plain)


@pytest.mark.usefixtures("https_as_http")
def test_https_is_never_left_for_http(site: Site, pinned: Pinned) -> None:
    with serving(Site(redirect=site.url)) as secure:
        message, hint = refused(named(secure.url.replace("http:", "https:")))
    pinned(message)
    assert "encrypted" in hint
    assert site.asked == []
    with serving(Site(redirect=site.url.replace("http:", "https:"))) as secure:
        assert fetched(named(secure.url.replace("http:", "https:"))) == CONTENT


def test_a_proxy_is_used_but_not_where_it_shall_not_be(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Site(content=OTHER)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://me:secret@127.0.0.1:{proxy.port}")
        assert fetched(named("http://weights.invalid/a", OTHER)) == OTHER
        assert proxy.asked[0]["path"] == "http://weights.invalid/a"
        assert proxy.asked[0]["proxy-authorization"].startswith("Basic ")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert fetched(named(site.url)) == CONTENT
        assert "proxy-authorization" not in site.asked[0]
        proxy.redirect = site.url
        fetch.path_of(named(site.url), fetch.weights_folder()).unlink()
        assert fetched(named("http://weights.invalid/b")) == CONTENT
        assert "proxy-authorization" not in site.asked[1]


@pytest.mark.usefixtures("https_as_http")
def test_https_goes_through_the_proxy_in_a_tunnel(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{site.port}")
    assert fetched(named("https://weights.invalid/a")) == CONTENT
    assert [asked["path"] for asked in site.asked] == ["CONNECT weights.invalid:443", "/a"]


def test_a_proxy_that_is_not_there_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://me:secret@127.0.0.1:1")
    message, hint = refused(named("http://weights.invalid/a"))
    pinned(message)
    assert "secret" not in message
    assert "proxy" in hint


def test_a_proxy_of_an_unknown_kind_is_told(monkeypatch: pytest.MonkeyPatch, pinned: Pinned) -> None:
    monkeypatch.setenv("HTTP_PROXY", "socks5://127.0.0.1:1080")
    pinned(refused(named("http://weights.invalid/a")).message)


def test_too_little_room_is_told_before_anything_is_written(
    site: Site, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    usage = type("Usage", (), {"free": 3_000_000})
    monkeypatch.setattr(download.shutil, "disk_usage", lambda folder: usage)
    weights = named(site.url)
    message, hint = refused(weights)
    pinned(message)
    pinned(hint)
    assert fetch.kept(weights, fetch.weights_folder()) == 0


def test_a_disk_that_fills_up_meanwhile_is_told_and_the_part_gone_on_with(site: Site, pinned: Pinned) -> None:
    weights = named(site.url)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    try:
        message, _ = refused(weights)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    pinned(message)
    assert fetched(weights) == CONTENT
    assert site.asked[-1]["range"] == "bytes=400000-"


def test_a_local_file_is_a_source_too(tmp_path: Path) -> None:
    file = tmp_path / "my weights"
    file.write_bytes(CONTENT)
    assert fetched(named(file.as_uri())) == CONTENT


@pytest.mark.parametrize("path", ["/nope", "/tmp", "/dev/zero"])
def test_what_is_no_local_file_is_told(path: str, pinned: Pinned) -> None:
    pinned(refused(named(f"file://{path}")).message)


CHILD = """
import sys
from pathlib import Path
from mobilebench.models.weights import fetch
from mobilebench.models.weights.download import Silent
from mobilebench.models.spec import Pretrained
class Aloud(Silent):
    def say(self, text): print(text, flush=True)
url, sha256, folder = sys.argv[1:]
fetch.fetch(Pretrained(url=url, sha256=sha256), Path(folder), Aloud(), usable=lambda _: None)
"""


def child(weights: Pretrained) -> subprocess.Popen[str]:
    arguments = [weights.url, weights.sha256, str(fetch.weights_folder())]
    return subprocess.Popen([sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_two_processes_fetch_once(site: Site) -> None:
    site.hold_at = 100_000
    weights = named(site.url)
    with child(weights) as first:
        assert site.holding.wait(60)
        with child(weights) as second:
            assert second.stdout is not None
            assert second.stdout.readline() == "another process is fetching it; waiting\n"
            site.go_on.set()
    assert (first.returncode, second.returncode) == (0, 0)
    assert len(site.asked) == 1
    assert fetched(weights) == CONTENT


@pytest.mark.parametrize("ended_by", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.slow
def test_after_an_end_in_the_middle_the_next_call_goes_on(site: Site, ended_by: signal.Signals) -> None:
    site.hold_at = 300_000
    weights = named(site.url)
    with child(weights) as process:
        assert site.holding.wait(60)
        while fetch.kept(weights, fetch.weights_folder()) < 300_000:
            time.sleep(0.01)
        os.kill(process.pid, ended_by)
    assert process.returncode == -ended_by
    site.hold_at = None
    there = fetch.kept(weights, fetch.weights_folder())
    assert fetched(weights) == CONTENT
    assert site.asked[-1]["range"] == f"bytes={there}-"


def test_weights_are_in_use_once_they_are_named_and_fetched(site: Site) -> None:
    weights = named(site.url)
    assert fetch.fetched("squeezenet") is None
    sources.put("squeezenet", weights)
    assert fetch.fetched("squeezenet") is None
    fetched(weights)
    here = fetch.fetched("squeezenet")
    assert here is not None
    assert here.pretrained == sources.named("squeezenet") == weights
    assert here.path.read_bytes() == CONTENT
    assert fetch.forget("squeezenet")
    assert fetch.fetched("squeezenet") is None
    assert not fetch.forget("squeezenet")
