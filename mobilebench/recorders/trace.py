"""Trace: the browser's own recording of a page while it measures, streamed into a file of the run.

Tracing (the `Tracing` domain of DevTools) runs in the page's session, not the browser's, so that other pages are not
recorded, only the page's own process, the browser's and the GPU's.
"""

from __future__ import annotations

import base64
import binascii
import errno
import hashlib
import re
import time
import zlib
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mobilebench.core import atomic_files
from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.core.records import Measurement, PlannedBlock, TraceFile
from mobilebench.recorders.base import Declaration, EngineFacts, Recorded, Subject
from mobilebench.recorders.in_engine import EngineRecorder

DECLARATION = Declaration(
    name="trace",
    title="Chrome's own traces",
    description="What Chrome records of a page: its tasks, downloads, garbage collections and commands to the GPU.",
    cost="during the block",
    part="trace",
)

EXTRA_SECONDS = 5.0
"""Extra time of a block: the page stays idle first, and the browser converts the trace to JSON at the end."""


def _why_no_pass(engine: EngineFacts) -> str | None:
    return None if engine.kind == "web" else "only browsers record traces, and this engine runs without one"


def _why_not(block: PlannedBlock) -> str | None:
    if (block.case.browser or "").startswith("firefox"):
        return "Firefox cannot be traced: WebDriver BiDi has no command for it"
    if block.context == "manual":
        return "a page cannot trace the browser of a person who opens it"
    return None


def _missing(measurement: Measurement) -> str | None:
    return None if measurement.trace else "no trace was recorded"


CATEGORIES = (
    "blink.user_timing",
    "devtools.timeline",
    "disabled-by-default-devtools.timeline",
    "disabled-by-default-devtools.timeline.frame",
    "v8",
    "v8.execute",
    "v8.wasm",
    "disabled-by-default-v8.wasm.detailed",
    "gpu",
    "gpu.angle",
    "gpu.dawn",
    "disabled-by-default-gpu.service",
    "disabled-by-default-gpu.dawn",
)
"""Categories: user timing marks, tasks, downloads, GC, frames, JavaScript, WebAssembly, and GPU commands."""

BUFFER_KB = 65_536
"""Size of the browser's buffer. It holds about a million events; events after it is full are lost."""
FILE_LIMIT = 200_000_000
"""Bytes; a full buffer gives about 20 million."""
JSON_LIMIT = 4_000_000_000
"""Bytes, unpacked."""
END_PATIENCE_S = 180.0
"""Seconds to wait for the end: browsers convert a trace to JSON at the lowest priority."""
READ_PATIENCE_S = 300.0

_CHUNK = 1 << 20
_MARK = re.compile(rb'"name":\s?"mobilebench:([a-z_]{1,40})"')
_LONGEST_MARK = 80
_MOST_MARKS = 100
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_HAS_NO_TRACING = ("wasn't found", "not supported", "not available", "only supported")


class TracedPage(Protocol):
    """The part of a driven page that a trace needs (`browsers.page.Page` implements it)."""

    @property
    def capabilities(self) -> Collection[str]: ...

    def call(self, method: str, params: dict[str, Any] | None = None, *, timeout: float = 15.0) -> dict[str, Any]: ...

    def trace_end(self, *, timeout: float) -> dict[str, Any]: ...


def start_trace(page: TracedPage, *, buffer_kb: int = BUFFER_KB, categories: tuple[str, ...] = CATEGORIES) -> None:
    """Start recording the browser's work for this page.

    Raises:
        Unsupported: the browser offers no traces over its protocol.
        BlockFailed: the trace does not start.
    """
    if "trace" not in page.capabilities:
        raise Unsupported("The browser cannot be traced: the protocol by which it is driven has no command for it.")
    asked = {
        "recordMode": "recordUntilFull",
        "includedCategories": list(categories),
        "traceBufferSizeInKb": buffer_kb,
    }
    way = {"transferMode": "ReturnAsStream", "streamFormat": "json", "streamCompression": "gzip"}
    try:
        page.call("Tracing.start", {**way, "traceConfig": asked}, timeout=30)
    except BlockFailed as error:
        if any(words in error.message for words in _HAS_NO_TRACING):
            raise Unsupported(f"The browser cannot be traced: {error.message}") from error
        raise


def finish_trace(page: TracedPage, file: Path) -> TraceFile:
    """End the trace and stream it into `file`, which appears only once the trace is complete and valid.

    Raises:
        BlockFailed: the trace is late, invalid, larger than `FILE_LIMIT` or `JSON_LIMIT`, or cannot be written.
    """
    ended = end_trace(page)
    found = _Found()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_files.replacing(file, alone=True) as draft:
            with draft.open("wb") as out:
                for chunk in chunks(page, ended):
                    found.take(chunk)
                    out.write(chunk)
            found.end()
    except OSError as error:
        raise BlockFailed(
            f"The browser's trace cannot be written to {file.parent}: {error.strerror}.",
            hint="Make space there, or choose another folder by --out.",
            fault="no space" if error.errno in _FULL else None,
        ) from error
    return TraceFile(
        name=file.name,
        bytes=found.bytes,
        sha256=found.sha256.hexdigest(),
        json_bytes=found.json_bytes,
        complete=ended.complete,
        marks=sorted(found.marks),
        categories=list(CATEGORIES),
    )


@dataclass(frozen=True)
class EndedTrace:
    """A trace that waits in the browser."""

    handle: str
    complete: bool
    """Whether the browser lost nothing of it."""


def end_trace(page: TracedPage) -> EndedTrace:
    """End the trace, and wait until the browser has it ready.

    Raises:
        BlockFailed: the trace is late, or not gzipped JSON.
    """
    page.call("Tracing.end", timeout=60)
    ended = page.trace_end(timeout=END_PATIENCE_S)
    handle = ended.get("stream")
    if not isinstance(handle, str) or ended.get("streamCompression") != "gzip" or ended.get("traceFormat") != "json":
        raise BlockFailed("The browser's trace is not gzipped JSON.", fault="bad answer")
    return EndedTrace(handle, complete=ended.get("dataLossOccurred") is False)


def chunks(page: TracedPage, ended: EndedTrace) -> Iterator[bytes]:
    """The parts of a trace as they arrive, gzipped; after the last one the browser forgets it.

    Raises:
        BlockFailed: a part is late, or no part of a trace.
    """
    until = time.monotonic() + READ_PATIENCE_S
    while True:
        if time.monotonic() > until:
            raise BlockFailed(f"The browser's trace did not arrive within {READ_PATIENCE_S:.0f} s.", fault="hang")
        answer = page.call("IO.read", {"handle": ended.handle, "size": _CHUNK}, timeout=60)
        data = answer.get("data")
        try:
            if not isinstance(data, str) or answer.get("base64Encoded") is not True:
                raise ValueError("not base64")
            chunk = base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError) as error:
            raise BlockFailed(
                "The browser sent something other than a part of its trace.", fault="bad answer"
            ) from error
        yield chunk
        if answer.get("eof") is True:
            break
    with suppress(BlockFailed):
        page.call("IO.close", {"handle": ended.handle})


class _Found:
    """Checks the parts of a trace as they arrive, without keeping them."""

    def __init__(self) -> None:
        self.bytes = 0
        self.json_bytes = 0
        self.sha256 = hashlib.sha256()
        self.marks: set[str] = set()
        self._unpack = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        self._begin = b""
        self._last = b""

    def take(self, chunk: bytes) -> None:
        """Check the next part, as it arrived."""
        self.bytes += len(chunk)
        if self.bytes > FILE_LIMIT:
            raise _too_large(FILE_LIMIT, "gzipped")
        self.sha256.update(chunk)
        try:
            while chunk:
                if self._unpack.eof:
                    raise zlib.error("data after the end")
                self._look(self._unpack.decompress(chunk, _CHUNK))
                chunk = self._unpack.unconsumed_tail or self._unpack.unused_data
        except zlib.error as error:
            raise _no_trace() from error

    def end(self) -> None:
        """Check that the trace is complete."""
        self._look(self._unpack.flush())
        begun = self._begin.lstrip().startswith(b"{") and b'"traceEvents"' in self._begin
        if not self._unpack.eof or not begun or not self._last.rstrip().endswith(b"}"):
            raise _no_trace()

    def _look(self, piece: bytes) -> None:
        self.json_bytes += len(piece)
        if self.json_bytes > JSON_LIMIT:
            raise _too_large(JSON_LIMIT, "unpacked")
        if len(self._begin) < _LONGEST_MARK:
            self._begin += piece[:_CHUNK]
        text = self._last + piece
        for mark in _MARK.finditer(text):
            if len(self.marks) < _MOST_MARKS:
                self.marks.add(mark[1].decode())
        self._last = text[-_LONGEST_MARK:]


def _too_large(limit: int, how: str) -> BlockFailed:
    return BlockFailed(
        f"The browser's trace is larger than {limit // 1_000_000} MB ({how}), so it is not kept.",
        hint="Let the block make fewer predictions.",
        fault="bad answer",
    )


def _no_trace() -> BlockFailed:
    return BlockFailed("The data that the browser sent as its trace is damaged, or not a trace.", fault="bad answer")


SETTLE_MS = 3000
"""How long the page stays idle before it begins. A browser converts a trace to JSON only when its first page has been
idle for a while, or after a minute."""

_LONGEST_NAME = 150


class PageTrace:
    """Traces the page of a trace pass. See `recorders.in_engine.PageSide`."""

    def __init__(self) -> None:
        self._file: Path | None = None
        self._trace: TraceFile | None = None

    def start(self, subject: Subject) -> None:
        """Make the browser begin to trace.

        Raises:
            Unsupported: a program that drives this browser cannot record traces.
        """
        recorded = subject.page
        if recorded.folder is None:
            raise ValueError("A trace pass needs a folder.")
        recorded.page.evaluate(f"new Promise((go) => setTimeout(go, {SETTLE_MS}))", timeout=SETTLE_MS / 1000 + 30)
        start_trace(recorded.page)
        self._file = recorded.folder / file_name(recorded.block)

    def paused(self, stage: str) -> None:
        """Do nothing: the browser records without help."""

    def stop(self, subject: Subject, *, complete: bool = True) -> None:
        """End the trace and write it to its file. The trace of a failed block is lost when its browser is closed.

        Raises:
            BlockFailed: the trace did not come; see `recorders.trace.finish_trace`.
        """
        if complete and self._file is not None:
            self._trace = finish_trace(subject.page.page, self._file)

    def result(self) -> Recorded:
        """The file as the part `trace` of a measurement."""
        return Recorded(parts={"trace": self._trace})


def file_name(block: PlannedBlock) -> str:
    """A name unique within the run: the block's number, and its case in characters that every file system accepts."""
    words = re.sub(r"[^A-Za-z0-9@.]+", "-", block.case.key).strip("-")
    return f"{block.index:05d}-{words[:_LONGEST_NAME]}.json.gz"


RECORDER = EngineRecorder(
    "trace",
    DECLARATION,
    _why_no_pass,
    _why_not,
    _missing,
    page_side=PageTrace,
    extra_seconds=EXTRA_SECONDS,
)
