"""Whom a night tells: a real server on loopback, files, and secrets that are in no message."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mobilebench.core import log
from mobilebench.nights.config import Config
from mobilebench.nights.records import Told
from mobilebench.nights.telling import Patience, problems, tell
from tests.nights.rig import config
from tests.nights.test_reports import full_night

SECRET = "s3cr3t-path-of-the-webhook"
TOKEN = "t0k3n-of-the-webhook-0123456789"
FAST = Patience(seconds=20, waits=(0.0, 0.0))


@dataclass
class Server:
    """A webhook, which answers with these statuses, one after another; then with 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    got: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    hold: threading.Event | None = None
    """While it is not set, there is no answer."""


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.got.append((self.path, dict(self.headers), json.loads(body)))
            if found.hold is not None:
                found.hold.wait(60)
            status = found.statuses.pop(0) if found.statuses else 200
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    found.url = f"http://127.0.0.1:{listening.server_address[1]}/{SECRET}"
    try:
        yield found
    finally:
        if found.hold:
            found.hold.set()
        listening.shutdown()
        thread.join()
        listening.server_close()


def told(server: Server, patience: Patience = FAST, **fields: Any) -> Told:
    one = {"webhook": "HOOK", **fields}
    environment = {"HOOK": server.url, "TOKEN": TOKEN}
    (found,) = tell(full_night(), config(tell=[one]), environment=environment, patience=patience)
    return found


def test_a_webhook_gets_the_text_for_a_chat(server: Server) -> None:
    assert told(server) == Told(whom="webhook HOOK")
    ((path, headers, body),) = server.got
    assert path == f"/{SECRET}"
    assert headers["Content-Type"] == "application/json"
    assert list(body) == ["text"]
    assert body["text"].splitlines()[0].endswith("something got worse")


def test_a_webhook_gets_the_whole_night_and_a_token(server: Server) -> None:
    assert told(server, body="night", token="TOKEN").problem is None
    ((_, headers, body),) = server.got
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert body == full_night().model_dump(mode="json") | {"id": body["id"]}


@pytest.mark.parametrize(
    ("statuses", "tries", "problem"),
    [
        ([500, 503], 3, None),
        ([429], 2, None),
        ([500, 500, 500], 3, "it answered 500"),
        ([404], 1, "it answered 404"),
        ([302], 1, "it answered 302"),
    ],
)
def test_what_may_pass_is_tried_again(server: Server, statuses: list[int], tries: int, problem: str | None) -> None:
    server.statuses = statuses
    assert told(server).problem == problem
    assert len(server.got) == tries


@pytest.mark.slow
def test_a_webhook_that_does_not_answer_is_given_up(server: Server) -> None:
    server.hold = threading.Event()
    found = told(server, Patience(seconds=0.2, waits=(0.0,)))
    assert found.problem == "there was no answer in 0.2 s"


@pytest.mark.parametrize(
    "url",
    ["", "ftp://127.0.0.1/" + SECRET, "http:///" + SECRET, "http://[::1/" + SECRET, f"http://127.0.0.1:1/{SECRET}"],
)
def test_no_message_or_log_has_the_address(
    url: str, server: Server, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    log.write_to(tmp_path / "log")
    caplog.set_level(logging.DEBUG)
    server.url = url
    found = told(server, token="TOKEN")
    assert found.problem
    everything = found.model_dump_json() + caplog.text + (tmp_path / "log").read_text() + str(problems([found]))
    assert SECRET not in everything and TOKEN not in everything
    assert problems([found])[0].startswith("The webhook HOOK was not told: ")


def test_a_token_that_is_missing_or_is_none_is_not_sent(server: Server) -> None:
    night, asked = full_night(), config(tell=[{"webhook": "HOOK", "token": "TOKEN"}])
    for token in ({}, {"TOKEN": "a\r\nX-Other: b"}):
        (found,) = tell(night, asked, environment={"HOOK": server.url, **token}, patience=FAST)
        assert found.problem and "TOKEN" in found.problem
    assert server.got == []


def files(folder: Path) -> Config:
    return config(
        tell=[
            {"file": "$FOLDER/summary.md", "format": "markdown", "append": True},
            {"file": "${FOLDER}/night.xml", "format": "junit"},
            {"file": str(folder / "night.json"), "format": "json"},
            {"file": str(folder / "night.prom"), "format": "prometheus"},
        ]
    )


def test_files_are_written(tmp_path: Path) -> None:
    (tmp_path / "summary.md").write_text("before\n")
    found = tell(full_night(), files(tmp_path), environment={"FOLDER": str(tmp_path)})
    assert [one.problem for one in found] == [None] * 4
    assert (tmp_path / "summary.md").read_text().startswith("before\n# lab, night ")
    assert "<testsuites" in (tmp_path / "night.xml").read_text()
    assert json.loads((tmp_path / "night.json").read_text())["name"] == "lab"
    assert "mobilebench_night_regressions" in (tmp_path / "night.prom").read_text()


@pytest.mark.parametrize("break_", ["variable", "folder"])
def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, break_: str) -> None:
    environment = {} if break_ == "variable" else {"FOLDER": str(tmp_path / "none")}
    found = tell(full_night(), files(tmp_path), environment=environment)
    assert [bool(one.problem) for one in found] == [True, True, False, False]


def test_nobody_is_told_of_a_good_night_who_did_not_ask(server: Server) -> None:
    good = full_night().model_copy(update={"outcome": "good"})
    only: Callable[[str], Config] = lambda when: config(tell=[{"webhook": "HOOK", "when": when}])  # noqa: E731
    assert tell(good, only("not good"), environment={"HOOK": server.url}) == []
    assert len(tell(good, only("always"), environment={"HOOK": server.url})) == 1
