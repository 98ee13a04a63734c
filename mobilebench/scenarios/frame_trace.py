"""The frames that the browser really presented, from its own trace of the page.

Scripts of a page count when they may draw. Only the browser knows what it showed: Chrome records each frame that its
window displayed (`Display::FrameDisplayed`), and for each refresh of the screen what became of the page's own frame
(`PipelineReporter`: presented, dropped, or nothing to draw). The trace is read as it arrives, and not kept.
"""

from __future__ import annotations

import codecs
import json
import math
import re
import secrets
import zlib
from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass, field
from typing import Any

from mobilebench.browsers.page import Page, PageDialog
from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.core.page_quality import MOST_FRAMES, OwnFrames, PresentedFrames, Void
from mobilebench.recorders import trace
from mobilebench.scenarios import probe

WINDOW = ("blink.user_timing", "disabled-by-default-display.framedisplayed")
"""Categories of our marks, and of the frames of the window."""
OWN = "disabled-by-default-devtools.timeline.frame"
"""The category of the page's own frames: some 40 records for each."""
OWN_SECONDS = 660
"""Of longer measurements, only the frames of the window are recorded."""
LEAST_KB, KB_PER_SECOND = 16_384, 300
"""Size of the browser's buffer. A page that draws 60 frames a second under load needs 120 kB for each second."""
MOST_BYTES = 1_500_000_000
"""Of a trace, unpacked."""
LONGEST = 4 << 20
"""Characters of a record."""
MOST_OPEN = 100_000
"""Frames that have begun and not ended."""
MOST_KEPT = 2_000_000
"""Frames of all processes."""

_PIECE = 1 << 20
_BEGIN = re.compile(r'"traceEvents"\s*:\s*\[')
_BETWEEN = re.compile(r"[\s,]*")
_SPACE = re.compile(r"\s*")
_JSON = json.JSONDecoder()
_MARK = """((name) => {
  try {
    const mark = performance.mark(name);
    performance.clearMarks(name);
    return mark.startTime;
  } catch {
    return null;
  }
})(NAME)"""
"""Leaves a mark in the trace, and answers its time by the page's clock."""
_NO_MARKS = Void(reason="the page replaced `performance.mark`, by which its time is found in the trace")


def start(page: Page, seconds: float) -> FrameTrace | Void:
    """Begin to record the frames of a page that will be used for so many seconds.

    Returns:
        the trace, or why there is none.

    Raises:
        ScenarioFailed: the page does not answer.
        BlockFailed: the block was cancelled.
    """
    if "trace" not in page.capabilities:
        return Void(reason="Firefox cannot be traced: WebDriver BiDi has no command for it")
    with_own = seconds <= OWN_SECONDS
    size = max(LEAST_KB, int(seconds * KB_PER_SECOND)) if with_own else LEAST_KB
    try:
        trace.start_trace(page, buffer_kb=size, categories=(*WINDOW, OWN) if with_own else WINDOW)
    except (Unsupported, BlockFailed) as error:
        return _why(error)
    name = f"mobilebench:frames:{secrets.token_hex(8)}"
    begin_ms = _mark(page, f"{name}:begin")
    return _NO_MARKS if begin_ms is None else FrameTrace(page, name, begin_ms, with_own=with_own)


def _mark(page: Page, name: str) -> float | None:
    with probe.named_failures(page):
        at = page.evaluate(_MARK.replace("NAME", json.dumps(name)), timeout=probe.ANSWER_SECONDS, apart=True)
    return _number(at)


def _why(error: Unsupported | BlockFailed) -> Void:
    """Why there is no trace.

    Raises:
        BlockFailed: the block was cancelled.
    """
    if isinstance(error, BlockFailed) and error.fault is None:
        raise error
    return Void(reason=error.message.rstrip("."))


class FrameTrace:
    """A trace that runs in the browser. It ends with its tab at the latest."""

    def __init__(self, page: Page, name: str, begin_ms: float, *, with_own: bool) -> None:
        self._page = page
        self._name = name
        self._begin_ms = begin_ms
        self._with_own = with_own

    def frames(self, began_ms: float, duration_ms: float) -> PresentedFrames | Void:
        """End the trace and read it.

        Args:
            began_ms: when the measurement began, in milliseconds since the page was opened.
            duration_ms: its length.

        Returns:
            the frames of the measurement, or why they are not known.

        Raises:
            ScenarioFailed: the page does not answer.
            BlockFailed: the block was cancelled.
        """
        if _mark(self._page, f"{self._name}:end") is None:
            return _NO_MARKS
        found = Records(f"{self._name}:begin", f"{self._name}:end")
        try:
            ended = trace.end_trace(self._page)
            for record in records(texts(found.counted(trace.chunks(self._page, ended)))):
                found.take(record)
        except PageDialog as error:
            probe.answer_dialog(self._page)
            return _why(error)
        except BlockFailed as error:
            return _why(error)
        if not ended.complete or found.end is None:
            return Void(reason="the browser's buffer for its trace was full, so frames are missing")
        if found.begin is None:
            return Void(reason="the browser's trace lacks the mark of its beginning")
        window = Window(found.begin.at + (began_ms - self._begin_ms) * 1000, duration_ms)
        displayed = window.of(found.window_without_interface())
        return PresentedFrames(
            displayed_ms=displayed if found.displayed else Void(reason="the browser traced no frame"),
            own=found.own(window) if self._with_own else Void(reason=f"recorded for at most {OWN_SECONDS} s only"),
            trace_bytes=found.bytes,
        )


@dataclass(frozen=True)
class Window:
    """The time of a measurement in a trace."""

    began_us: float
    duration_ms: float

    def of(self, times_us: Iterable[float]) -> list[float]:
        """The times within, in milliseconds since the measurement began."""
        since = (round((at - self.began_us) / 1000, 1) for at in times_us)
        return sorted(at for at in since if 0 <= at <= self.duration_ms)


@dataclass(frozen=True)
class _Moment:
    process: int
    at: float
    """Microseconds of the trace's clock."""


@dataclass
class _OfTree:
    """The frames of one tree of layers: a page, or the window around it."""

    presented: set[float] = field(default_factory=set)
    """When frames were presented. Several updates that are presented at once are one frame."""
    dropped: set[float] = field(default_factory=set)
    refreshes: set[float] = field(default_factory=set)
    """When refreshes of the screen began for which it was asked for a frame."""


class Records:
    """What is taken from the records of a trace.

    Args:
        begin, end: names of the marks at its ends.
    """

    def __init__(self, begin: str, end: str) -> None:
        self._names = begin, end
        self.begin: _Moment | None = None
        self.end: _Moment | None = None
        self.displayed: list[float] = []
        self.bytes = 0
        self._browser: int | None = None
        self._open: dict[tuple[int, str], tuple[float, dict[str, Any]]] = {}
        self._trees: dict[tuple[int, int], _OfTree] = {}
        self._kept = 0

    def counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same parts, whose bytes are counted."""
        for chunk in chunks:
            self.bytes += len(chunk)
            if self.bytes > trace.FILE_LIMIT:
                raise _damaged(f"is larger than {trace.FILE_LIMIT // 1_000_000} MB")
            yield chunk

    def take(self, record: dict[str, Any]) -> None:
        """Take what is needed of one record, and ignore all else."""
        name, process, at = record.get("name"), record.get("pid"), _number(record.get("ts"))
        if type(process) is not int or at is None:
            return
        match name:
            case "Display::FrameDisplayed":
                self._keep(self.displayed)
                self.displayed.append(at)
            case "PipelineReporter":
                self._reporter(record, process, at)
            case "process_name":
                if _dict(record.get("args")).get("name") == "Browser":
                    self._browser = process
            case str() if name == self._names[0]:
                self.begin = _Moment(process, at)
            case str() if name == self._names[1]:
                self.end = _Moment(process, at)

    def own(self, window: Window) -> OwnFrames | Void:
        """The frames of the page: in the process of the marks, the tree with the most frames."""
        process = None if self.begin is None else self.begin.process
        trees = [tree for (of, _), tree in self._trees.items() if of == process]
        if not trees:
            return Void(reason="the browser's trace has no frame of the page")
        page = max(trees, key=lambda tree: len(tree.refreshes))
        return OwnFrames(
            presented_ms=window.of(page.presented),
            dropped_ms=window.of(page.dropped),
            refreshes=len(window.of(page.refreshes)),
        )

    def window_without_interface(self) -> list[float]:
        """The displayed frames, without those in which only the browser's own interface changed.

        A frame that was presented has the time of the one that displayed it.
        """
        content: set[float] = set()
        interface: set[float] = set()
        for (process, _), tree in self._trees.items():
            (interface if process == self._browser else content).update(tree.presented)
        return [at for at in self.displayed if at in content or at not in interface]

    def _reporter(self, record: dict[str, Any], process: int, at: float) -> None:
        key = process, str(record.get("id2") or record.get("id"))[:100]
        if record.get("ph") == "b":
            says = _dict(record.get("args"))
            if len(self._open) >= MOST_OPEN:
                raise _damaged("has too many frames that never end")
            self._open[key] = at, _dict(says.get("frame_reporter") or says.get("chrome_frame_reporter"))
        elif record.get("ph") == "e" and key in self._open:
            self._ended(process, *self._open.pop(key), at)

    def _ended(self, process: int, began: float, says: dict[str, Any], ended: float) -> None:
        state, tree = says.get("state"), says.get("layer_tree_host_id")
        if type(tree) is not int:
            return
        of = self._trees.setdefault((process, tree), _OfTree())
        self._keep(of.refreshes)
        of.refreshes.add(began)
        if state in ("STATE_PRESENTED_ALL", "STATE_PRESENTED_PARTIAL"):
            self._keep(of.presented)
            of.presented.add(ended)
        elif state == "STATE_DROPPED":
            of.dropped.add(began)

    def _keep(self, among: Sized) -> None:
        self._kept += 1
        if len(among) >= MOST_FRAMES or self._kept > MOST_KEPT:
            raise _damaged("has too many frames")


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def records(texts: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The records of a trace, whose text comes in pieces.

    Raises:
        BlockFailed: it is no trace, or its end is missing.
    """
    text, at, state = "", 0, "before"
    for piece in texts:
        if state == "after":
            continue
        text, at = text[at:] + piece, 0
        if len(text) > LONGEST:
            raise _damaged("is no trace")
        if state == "before":
            if (begin := _BEGIN.search(text)) is None:
                continue
            at, state = begin.end(), "within"
        while state == "within":
            at = _end(_BETWEEN, text, at)
            if text.startswith("]", at):
                state = "after"
                break
            try:
                record, end = _JSON.raw_decode(text, at)
            except (ValueError, RecursionError):
                break
            if not text.startswith((",", "]"), _end(_SPACE, text, end)):
                break  # the rest of a number can be in the next piece
            at = end
            if isinstance(record, dict):
                yield record
    if state != "after":
        raise _damaged("has no end")


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return at if found is None else found.end()


def texts(chunks: Iterable[bytes]) -> Iterator[str]:
    """The text of a gzipped trace, in pieces of at most a MiB."""
    unpack = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
    size = 0
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if unpack.eof:
                    raise zlib.error("data after the end")
                piece = unpack.decompress(rest, _PIECE)
                size += len(piece)
                if size > MOST_BYTES:
                    raise _damaged(f"is larger than {MOST_BYTES // 1_000_000} MB")
                yield decode(piece)
                rest = unpack.unconsumed_tail or unpack.unused_data
        yield decode(unpack.flush(), final=True)
    except zlib.error as error:
        raise _damaged("is damaged") from error
    if not unpack.eof:
        raise _damaged("has no end")


def _damaged(how: str) -> BlockFailed:
    return BlockFailed(f"The trace that the browser sent {how}.", fault="bad answer")
