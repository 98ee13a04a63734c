"""The browser's trace, as it comes from browsers that behave and from those that do not."""

from __future__ import annotations

import base64
import errno
import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilebench.browsers import cdp
from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.core.records import TraceFile
from mobilebench.recorders import trace
from tests.browsers.fake_devtools import fake_devtools, result
from tests.pinning import Pinned

MARKS = ["framework_init", "prediction", "setup", "warmup"]
TEXT = json.dumps(
    {"traceEvents": [{"name": f"mobilebench:{mark}", "ph": "b", "cat": "blink.user_timing"} for mark in MARKS]},
    separators=(",", ":"),
).encode()
ENDED = {"dataLossOccurred": False, "stream": "1", "traceFormat": "json", "streamCompression": "gzip"}


class FakePage:
    """Has recorded `data`, and sends it in pieces."""

    capabilities = frozenset({"trace"})

    def __init__(self, data: bytes, *, pieces: int = 1, ended: dict[str, Any] = ENDED) -> None:
        length = max(1, -(-len(data) // pieces))
        self.parts = [data[at : at + length] for at in range(0, len(data), length)] or [b""]
        self.ended = ended
        self.called: list[tuple[str, dict[str, Any]]] = []

    def call(self, method: str, params: dict[str, Any] | None = None, *, timeout: float = 15.0) -> dict[str, Any]:
        self.called.append((method, params or {}))
        return self.read() if method == "IO.read" else {}

    def read(self) -> dict[str, Any]:
        data = base64.b64encode(self.parts.pop(0)).decode()
        return {"data": data, "base64Encoded": True, "eof": not self.parts}

    def trace_end(self, *, timeout: float) -> dict[str, Any]:
        return self.ended


def finished(page: Any, folder: Path) -> TraceFile:
    return trace.finish_trace(page, folder / "traces" / "a.json.gz")


def refused(page: Any, folder: Path, words: str) -> BlockFailed:
    """Nothing is left of a trace that is not one."""
    with pytest.raises(BlockFailed, match=words) as caught:
        finished(page, folder)
    assert not list(folder.glob("traces/*"))
    return caught.value


def test_the_browser_is_asked_for_a_bounded_buffer_and_a_gzipped_stream() -> None:
    page = FakePage(b"")
    trace.start_trace(page)  # type: ignore[arg-type]
    [(method, asked)] = page.called
    assert method == "Tracing.start"
    assert (asked["transferMode"], asked["streamCompression"]) == ("ReturnAsStream", "gzip")
    assert asked["traceConfig"]["recordMode"] == "recordUntilFull"
    assert asked["traceConfig"]["traceBufferSizeInKb"] == trace.BUFFER_KB
    assert {"blink.user_timing", "v8.wasm", "gpu"} <= set(asked["traceConfig"]["includedCategories"])


@pytest.mark.parametrize("pieces", [1, 3, 10_000])
def test_a_trace_becomes_a_file_with_its_marks(tmp_path: Path, pieces: int) -> None:
    data = gzip.compress(TEXT)
    page = FakePage(data, pieces=pieces)
    told = finished(page, tmp_path)
    assert (tmp_path / "traces" / "a.json.gz").read_bytes() == data
    assert [file.name for file in (tmp_path / "traces").iterdir()] == ["a.json.gz"]
    assert (told.name, told.bytes, told.json_bytes) == ("a.json.gz", len(data), len(TEXT))
    assert told.sha256 == hashlib.sha256(data).hexdigest()
    assert (told.marks, told.complete) == (MARKS, True)
    assert page.called[-1] == ("IO.close", {"handle": "1"})


def test_a_full_buffer_is_reported(tmp_path: Path) -> None:
    for ended in ({**ENDED, "dataLossOccurred": True}, {n: v for n, v in ENDED.items() if n != "dataLossOccurred"}):
        assert not finished(FakePage(gzip.compress(TEXT), ended=ended), tmp_path).complete


@pytest.mark.parametrize(
    "change", [{"stream": None}, {"stream": 5}, {"streamCompression": "none"}, {"traceFormat": "x"}]
)
def test_another_format_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    refused(FakePage(gzip.compress(TEXT), ended={**ENDED, **change}), tmp_path, "not gzipped JSON")
    refused(FakePage(gzip.compress(TEXT), ended={}), tmp_path, "not gzipped JSON")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        TEXT,
        gzip.compress(TEXT)[:-9],
        gzip.compress(TEXT) + b"more",
        gzip.compress(b'{"traceEvents": [1, 2'),
        gzip.compress(b'{"answer": 42}'),
        gzip.compress(b'["traceEvents"]'),
    ],
    ids=["nothing", "plain", "cut", "followed", "unended", "other", "list"],
)
def test_what_is_no_trace_is_refused(tmp_path: Path, data: bytes) -> None:
    for pieces in (1, 7):
        assert refused(FakePage(data, pieces=pieces), tmp_path, "damaged, or not a trace").fault == "bad answer"


@pytest.mark.parametrize(
    "answer",
    [{}, {"data": 5}, {"data": "AAAA"}, {"data": "AAAA", "base64Encoded": 1}, {"data": "é", "base64Encoded": True}],
)
def test_an_invalid_part_is_refused(tmp_path: Path, answer: dict[str, Any]) -> None:
    page = FakePage(b"")
    page.read = lambda: answer  # type: ignore[method-assign]
    refused(page, tmp_path, "something other than a part of its trace")


def test_a_file_over_the_limit_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "FILE_LIMIT", 50)
    error = refused(FakePage(gzip.compress(TEXT), pieces=9), tmp_path, r"larger than 0 MB \(gzipped\)")
    assert error.hint is not None


def test_a_small_file_that_would_unpack_to_more_than_the_limit_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace, "JSON_LIMIT", 5_000_000)
    bomb = gzip.compress(b'{"traceEvents":[' + b" " * 20_000_000 + b"]}")
    assert len(bomb) < 100_000
    refused(FakePage(bomb), tmp_path, r"larger than 5 MB \(unpacked\)")


@pytest.mark.slow
def test_a_stream_without_an_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "READ_PATIENCE_S", 0.05)
    page = FakePage(b"")
    page.read = lambda: {"data": "", "base64Encoded": True, "eof": False}  # type: ignore[method-assign]
    assert refused(page, tmp_path, "did not arrive within").fault == "hang"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, pinned: Pinned) -> None:
    (tmp_path / "traces").write_text("a file")
    with pinned.raises(BlockFailed):
        finished(FakePage(gzip.compress(TEXT)), tmp_path)


def test_a_full_disk_is_named_and_nothing_half_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    error = refused(FakePage(gzip.compress(TEXT)), tmp_path, "cannot be written to .*No space left")
    assert error.fault == "no space"


def test_what_a_killed_attempt_left_is_written_over(tmp_path: Path) -> None:
    folder = tmp_path / "traces"
    folder.mkdir()
    for name in ("a.json.gz", ".a.json.gz.part"):
        (folder / name).write_bytes(b"half of it")
    data = gzip.compress(TEXT)
    assert finished(FakePage(data), tmp_path).marks == MARKS
    assert [file.name for file in folder.iterdir()] == ["a.json.gz"]
    assert (folder / "a.json.gz").read_bytes() == data


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=400), wrapped=st.booleans(), pieces=st.integers(1, 9))
def test_bytes_of_any_kind_are_refused_or_kept_whole(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, wrapped: bool, pieces: int
) -> None:
    folder = tmp_path_factory.mktemp("any")
    sent = gzip.compress(b'{"traceEvents":' + data + b"}") if wrapped else data
    try:
        told = finished(FakePage(sent, pieces=pieces), folder)
    except BlockFailed:
        assert not wrapped
        assert not list(folder.glob("traces/*"))
    else:
        assert (folder / "traces" / told.name).read_bytes() == sent


def test_a_browser_without_tracing_is_unsupported(pinned: Pinned) -> None:
    class Without(FakePage):
        capabilities = frozenset()

    with pinned.raises(Unsupported):
        trace.start_trace(Without(b""))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("'Tracing.start' wasn't found", Unsupported),
        ("Tracing is not supported for this type of target", Unsupported),
        ("Tracing has already been started (possibly in another tab).", BlockFailed),
    ],
)
def test_a_browser_that_refuses_to_trace(said: str, kind: type[Exception]) -> None:
    def answer(message: dict[str, Any]) -> list[Any]:
        return [{"id": message["id"], "error": {"code": -32000, "message": said}}]

    with fake_devtools(answer) as fake, cdp.open_page(fake.url) as page, pytest.raises(kind, match=said[:20]):
        trace.start_trace(page)


def test_over_devtools_the_end_is_seen_even_before_the_answer(tmp_path: Path) -> None:
    data = gzip.compress(TEXT)
    parts: Iterator[dict[str, Any]] = iter(
        [
            {"data": base64.b64encode(data[:50]).decode(), "base64Encoded": True, "eof": False},
            {"data": base64.b64encode(data[50:]).decode(), "base64Encoded": True, "eof": True},
        ]
    )

    def answer(message: dict[str, Any]) -> list[Any]:
        match message["method"]:
            case "Tracing.end":
                return [{"method": "Tracing.tracingComplete", "params": ENDED}, result(message)]
            case "IO.read":
                return [result(message, **next(parts))]
        return [result(message)]

    with fake_devtools(answer) as fake, cdp.open_page(fake.url) as page:
        trace.start_trace(page)
        assert finished(page, tmp_path).marks == MARKS


def test_over_devtools_a_trace_that_never_ends_is_given_up(pinned: Pinned) -> None:
    with (
        fake_devtools(lambda message: [result(message)]) as fake,
        cdp.open_page(fake.url) as page,
        pinned.raises(BlockFailed),
    ):
        page.trace_end(timeout=0.2)
