"""Presented frames from the browser's trace: of browsers that behave, of those that do not, and of real ones."""

from __future__ import annotations

import base64
import gzip
import json
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilebench import targets
from mobilebench.browsers import connect
from mobilebench.browsers.server import PageServer
from mobilebench.core import paths
from mobilebench.core.errors import BlockFailed
from mobilebench.core.page_metrics import readings
from mobilebench.core.page_quality import OwnFrames, PresentedFrames, ScenarioResult, Void
from mobilebench.scenarios import frame_trace, measuring, probe
from mobilebench.scenarios.registry import scenario_of

PAGE, BROWSER, GPU = 20, 10, 30
ENDED = {"dataLossOccurred": False, "stream": "1", "traceFormat": "json", "streamCompression": "gzip"}
ZERO = 5_000_000
"""Microseconds of the trace's clock at which the page's clock has 400 ms."""


class FakePage:
    """A page in a browser that has recorded these records, and sends them in pieces."""

    capabilities = frozenset({"trace"})

    def __init__(self, *made: dict[str, Any], pieces: int = 1, ended: dict[str, Any] | None = None) -> None:
        self.made = made
        self.pieces = pieces
        self.ended = ENDED if ended is None else ended
        self.names: list[str] = []
        self.parts: list[bytes] = []
        self.started: dict[str, Any] = {}
        self.raw: bytes | None = None
        self.start_fails: BlockFailed | None = None
        self.end_fails: BlockFailed | None = None
        self.marks_answer: Any = 400.0
        self.ends_with_mark = True

    def evaluate(self, expression: str, *, timeout: float, what: str = "The page", apart: bool = False) -> Any:
        if "performance.mark" not in expression:
            return None
        self.names.append(expression.split('"')[1])
        return self.marks_answer

    def call(self, method: str, params: dict[str, Any] | None = None, *, timeout: float = 15.0) -> dict[str, Any]:
        if method == "Tracing.start":
            self.started = params or {}
            if self.start_fails:
                raise self.start_fails
        if method == "IO.read":
            return {
                "data": base64.b64encode(self.parts.pop(0)).decode(),
                "base64Encoded": True,
                "eof": not self.parts,
            }
        return {}

    def trace_end(self, *, timeout: float) -> dict[str, Any]:
        if self.end_fails:
            raise self.end_fails
        marks = [mark(self.names[0], ZERO)]
        marks += [mark(self.names[1], ZERO + 9_000_000)] if self.ends_with_mark else []
        data = gzip.compress(text([*marks, *self.made])) if self.raw is None else self.raw
        length = max(1, -(-len(data) // self.pieces))
        self.parts = [data[at : at + length] for at in range(0, len(data), length)]
        return self.ended


def text(made: list[dict[str, Any]]) -> bytes:
    return json.dumps({"traceEvents": made, "metadata": {"a": [1]}}, separators=(",", ":")).encode()


def mark(name: str, at: float, process: int = PAGE) -> dict[str, Any]:
    return {"name": name, "cat": "blink.user_timing", "ph": "I", "pid": process, "tid": 1, "ts": at}


def displayed(*times: float) -> list[dict[str, Any]]:
    return [{"name": "Display::FrameDisplayed", "ph": "I", "pid": GPU, "tid": 1, "ts": ZERO + at} for at in times]


def reporter(
    state: str, began: float, ended: float, *, process: int = PAGE, tree: int = 2, old: bool = False
) -> list[dict[str, Any]]:
    says = {"state": state, "layer_tree_host_id": tree, "frame_sequence": 7}
    common = {"name": "PipelineReporter", "pid": process, "tid": 1, "id2": {"local": f"0x{began}{state}"}}
    arguments = {"chrome_frame_reporter" if old else "frame_reporter": says}
    return [
        {**common, "ph": "b", "ts": ZERO + began, "args": arguments},
        {**common, "ph": "e", "ts": ZERO + ended, "args": {}},
    ]


def traced(page: FakePage, seconds: float = 2) -> frame_trace.FrameTrace:
    found = frame_trace.start(page, seconds)  # type: ignore[arg-type]
    assert not isinstance(found, Void)
    return found


def frames(page: FakePage, began_ms: float = 400, duration_ms: float = 2000) -> PresentedFrames | Void:
    return traced(page).frames(began_ms, duration_ms)


def presented(page: FakePage, began_ms: float = 400, duration_ms: float = 2000) -> PresentedFrames:
    found = frames(page, began_ms, duration_ms)
    assert not isinstance(found, Void), found
    return found


NAMED = {"name": "process_name", "ph": "M", "pid": BROWSER, "ts": 0, "args": {"name": "Browser"}}
SOME = [
    NAMED,
    *displayed(-50_000, 10_000, 20_000, 30_000, 47_000, 2_100_000),
    *reporter("STATE_PRESENTED_ALL", 0, 10_000),
    *reporter("STATE_NO_UPDATE_DESIRED", 16_000, 20_000),
    *reporter("STATE_PRESENTED_ALL", 1_000, 20_000, process=BROWSER),
    *reporter("STATE_PRESENTED_ALL", 2_000, 10_000, process=BROWSER),
    # One refresh with a late main thread: what the compositor had was dropped, and the rest presented with the next.
    *reporter("STATE_DROPPED", 33_000, 40_000),
    *reporter("STATE_PRESENTED_ALL", 33_000, 47_000),
    *reporter("STATE_PRESENTED_PARTIAL", 40_000, 47_000),
]


@pytest.mark.parametrize("pieces", [1, 7, 400])
def test_frames_are_those_of_the_page_and_of_the_measurement(pieces: int) -> None:
    found = presented(FakePage(*SOME, pieces=pieces))
    assert found.displayed_ms == [10.0, 30.0, 47.0]
    assert found.own == OwnFrames(presented_ms=[10.0, 47.0], dropped_ms=[33.0], refreshes=4)
    assert found.trace_bytes > 0


def test_times_follow_the_clock_of_the_page() -> None:
    """The measurement began 15 ms after the mark."""
    found = presented(FakePage(*SOME), began_ms=415)
    assert found.displayed_ms == [15.0, 32.0]
    assert isinstance(found.own, OwnFrames)
    assert found.own.refreshes == 3


def test_the_tree_that_was_asked_most_often_is_the_page() -> None:
    few = reporter("STATE_PRESENTED_ALL", 5_000, 10_000, tree=1)
    found = presented(FakePage(*few, *SOME))
    assert isinstance(found.own, OwnFrames)
    assert found.own.refreshes == 4


def test_older_browsers_name_the_record_in_another_way() -> None:
    found = presented(FakePage(*displayed(1000), *reporter("STATE_DROPPED", 1000, 2000, old=True)))
    assert found.own == OwnFrames(presented_ms=[], dropped_ms=[1.0], refreshes=1)


def test_a_browser_without_these_records_leaves_them_void() -> None:
    found = presented(FakePage())
    assert found.displayed_ms == Void(reason="the browser traced no frame")
    assert found.own == Void(reason="the browser's trace has no frame of the page")


def test_a_page_that_changes_nothing_has_no_frames_within() -> None:
    assert presented(FakePage(*displayed(-1000))).displayed_ms == []


def test_long_measurements_record_only_the_frames_of_the_window() -> None:
    page = FakePage(*SOME)
    found = traced(page, frame_trace.OWN_SECONDS + 1).frames(400, 2000)
    assert frame_trace.OWN not in page.started["traceConfig"]["includedCategories"]
    assert isinstance(found, PresentedFrames)
    assert found.own == Void(reason="recorded for at most 660 s only")


def test_the_buffer_grows_with_the_measurement_and_is_bounded() -> None:
    page, sizes = FakePage(), []
    for seconds in (1, 600, 660, 3600):
        traced(page, seconds)
        sizes.append(page.started["traceConfig"]["traceBufferSizeInKb"])
    assert page.started["traceConfig"]["recordMode"] == "recordUntilFull"
    assert sizes == [16_384, 180_000, 198_000, 16_384]


def test_a_full_buffer_is_void_and_says_so() -> None:
    full = Void(reason="the browser's buffer for its trace was full, so frames are missing")
    assert frames(FakePage(*SOME, ended={**ENDED, "dataLossOccurred": True})) == full
    page = FakePage(*SOME)
    page.ends_with_mark = False
    assert frames(page) == full


def test_a_browser_that_cannot_trace_is_void() -> None:
    page = FakePage()
    page.capabilities = frozenset()
    assert frame_trace.start(page, 2) == Void(  # type: ignore[arg-type]
        reason="Firefox cannot be traced: WebDriver BiDi has no command for it"
    )
    page = FakePage()
    page.start_fails = BlockFailed("The browser refused Tracing.start: already started", fault="bad answer")
    assert frame_trace.start(page, 2) == Void(  # type: ignore[arg-type]
        reason="The browser refused Tracing.start: already started"
    )


@pytest.mark.parametrize("answer", [None, "1", True, float("nan"), {}])
def test_a_page_that_replaced_the_marks_is_void(answer: Any) -> None:
    page = FakePage(*SOME)
    page.marks_answer = answer
    found = frame_trace.start(page, 2)  # type: ignore[arg-type]
    assert isinstance(found, Void)
    assert "performance.mark" in found.reason


def test_a_late_trace_is_void_and_a_cancelled_block_is_not() -> None:
    page = FakePage()
    page.end_fails = BlockFailed("The browser did not finish its trace within 180 s.", fault="hang")
    assert frames(page) == Void(reason="The browser did not finish its trace within 180 s")
    page.end_fails = BlockFailed("The block was cancelled.")
    with pytest.raises(BlockFailed, match="cancelled"):
        traced(page).frames(400, 2000)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"nothing", "is damaged"),
        (gzip.compress(text(SOME))[:-20], "has no end"),
        (gzip.compress(text(SOME)) + b"more", "is damaged"),
        (gzip.compress(b"[]"), "has no end"),
        (gzip.compress(b'{"traceEvents":[{"a":1},'), "has no end"),
        (gzip.compress(b'{"traceEvents":[' + b"[" * 200_000), "has no end"),
    ],
    ids=["no gzip", "cut", "with more", "a list", "an open event", "very deep"],
)
def test_what_is_no_trace_is_void(raw: bytes, words: str) -> None:
    page = FakePage()
    page.raw = raw
    assert frames(page) == Void(reason=f"The trace that the browser sent {words}")


def test_a_trace_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    def why(**limits: int) -> str:
        with monkeypatch.context() as patch:
            for name, limit in limits.items():
                patch.setattr(frame_trace, name, limit)
            found = frames(FakePage(*SOME))
        assert isinstance(found, Void)
        return found.reason

    assert why(MOST_BYTES=1000) == "The trace that the browser sent is larger than 0 MB"
    assert why(LONGEST=1000) == "The trace that the browser sent is no trace"
    assert why(MOST_OPEN=0) == "The trace that the browser sent has too many frames that never end"
    assert why(MOST_KEPT=5) == "The trace that the browser sent has too many frames"
    assert why(MOST_FRAMES=5) == "The trace that the browser sent has too many frames"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
hostile = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["PipelineReporter", "Display::FrameDisplayed", "process_name", "begin", "end"]),
        "ph": st.sampled_from(["b", "e"]) | json_values,
        "pid": st.integers(0, 2) | json_values,
        "ts": st.integers(0, 9) | json_values,
        "id2": json_values,
        "args": st.dictionaries(st.sampled_from(["frame_reporter", "name"]), json_values) | json_values,
    },
)


@pytest.mark.parametrize("cut", range(1, 16))
def test_a_number_may_be_cut_anywhere(cut: int) -> None:
    whole = '{"traceEvents":[100.25e+2,{"a":1}]}'
    begin = whole.index("100")
    assert list(frame_trace.records([whole[: begin + cut], whole[begin + cut :]])) == [{"a": 1}]


@settings(deadline=None, max_examples=200)
@given(st.lists(hostile | json_values, max_size=12), st.lists(st.integers(1, 400), max_size=6))
def test_records_arrive_whole_however_they_are_cut(made: list[Any], cuts: list[int]) -> None:
    whole = json.dumps({"traceEvents": made, "metadata": {}})
    ends = sorted({min(cut, len(whole)) for cut in cuts} | {0, len(whole)})
    pieces = [whole[begin:end] for begin, end in pairwise(ends)]
    found = list(frame_trace.records(pieces))
    assert json.dumps(found) == json.dumps([one for one in json.loads(whole)["traceEvents"] if isinstance(one, dict)])
    kept = frame_trace.Records("begin", "end")
    for record in found:
        kept.take(record)
    window = frame_trace.Window(0, 1000)
    window.of(kept.window_without_interface())
    kept.own(window)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.text(max_size=30) | st.sampled_from(['{"traceEvents":[', "]", "[", "{}", '"', ","]), max_size=8))
def test_any_text_is_records_or_no_trace(pieces: list[str]) -> None:
    try:
        assert all(isinstance(one, dict) for one in frame_trace.records(pieces))
    except BlockFailed as error:
        assert error.fault == "bad answer"


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    server = PageServer(paths.web_pages())
    yield server
    server.close()


def measured(word: str, browser: str, server: PageServer, *, used: bool = True) -> ScenarioResult:
    scenario = scenario_of(word, words_per_minute=60)
    (host,) = targets.select("host")
    with (
        targets.open_target(host) as target,
        measuring.opened(target, scenario, browser, server) as page,
    ):
        return measuring.measure(page, scenario, 2, traced=used)


@pytest.mark.browser
def test_every_character_is_presented_as_a_frame_of_the_page(server: PageServer) -> None:
    result = measured("typing", "chrome", server)
    assert isinstance(result.presented, PresentedFrames), result.presented
    own, window = result.presented.own, result.presented.displayed_ms
    assert isinstance(own, OwnFrames)
    assert own.presented_ms
    assert own.refreshes >= len(own.presented_ms)
    assert set(own.presented_ms) & set(window if isinstance(window, list) else [])


@pytest.mark.browser
def test_frames_of_a_video_are_those_of_the_window_and_not_of_the_page(server: PageServer) -> None:
    values = {one.metric.name: one.value for one in readings(measured("video", "chrome", server))}
    in_window, of_page = values["presented_fps"], values["page_presented"]
    assert isinstance(in_window, float)
    assert isinstance(of_page, float)
    assert in_window > of_page


@pytest.mark.browser
def test_what_was_not_traced_is_void(server: PageServer) -> None:
    assert measured("typing", "chrome", server, used=False).presented == Void(reason="not asked for")
    assert measured("interaction", "chrome", server).presented == Void(
        reason="a trace may slow the runs that this scenario measures"
    )
    assert measured("typing", "firefox", server).presented == Void(
        reason="Firefox cannot be traced: WebDriver BiDi has no command for it"
    )


@pytest.mark.browser
def test_a_real_buffer_that_is_full_is_noticed(server: PageServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_trace, "LEAST_KB", 64)
    monkeypatch.setattr(frame_trace, "KB_PER_SECOND", 0)
    result = measured("typing", "chrome", server)
    assert result.presented == Void(reason="the browser's buffer for its trace was full, so frames are missing")


@pytest.mark.browser
def test_a_trace_ends_with_the_tab_of_a_failed_measurement(server: PageServer) -> None:
    """The same browser can be traced again."""
    scenario = scenario_of("typing")
    (host,) = targets.select("host")
    with (
        server.visit(scenario.files) as visit,
        targets.open_target(host) as target,
        target.browser("chrome", ()) as browser,
        target.reverse(server.port) as origin,
    ):

        def started() -> bool:
            with connect.open_page(browser.address) as page:
                measuring.load(page, measuring.address_of(scenario, origin, visit))
                probe.install(page)
                return isinstance(frame_trace.start(page, 2), frame_trace.FrameTrace)

        assert started()
        ends = time.monotonic() + 60
        while not started():
            assert time.monotonic() < ends
