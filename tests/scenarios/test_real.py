"""Scenarios in real browsers: what is recorded, and every way in which a page can fail. No speed is asserted."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mobilebench import targets
from mobilebench.browsers.server import PageServer
from mobilebench.core import paths
from mobilebench.core.errors import BlockFailed
from mobilebench.core.page_metrics import readings
from mobilebench.core.page_quality import ScenarioResult, Void
from mobilebench.scenarios import measuring, probe
from mobilebench.scenarios.base import ScenarioFailed
from mobilebench.scenarios.clips import built_clip
from mobilebench.scenarios.measuring import OpenPage
from mobilebench.scenarios.registry import scenario_of
from mobilebench.scenarios.scenario import Scenario

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("browser", ["chrome", "firefox"])]


FRAMES = """(async () => {
  for (let i = 0; i < 5; i++) await new Promise((then) => requestAnimationFrame(() => setTimeout(then, 0)));
})()"""
"""Waits until the page has drawn a few frames."""
HIDDEN = """new Promise((then) => {
  const look = () => document.visibilityState === 'hidden' ? then() : setTimeout(look, 20);
  look();
})"""


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    server = PageServer(paths.web_pages())
    yield server
    server.close()


@contextmanager
def opened(scenario: Scenario, browser: str, server: PageServer, seconds: float = 60) -> Iterator[OpenPage]:
    (host,) = targets.select("host")
    with (
        targets.open_target(host) as target,
        measuring.opened(target, scenario, browser, server, load_seconds=seconds) as page,
    ):
        yield page


def measured(word: str, browser: str, server: PageServer, seconds: float = 2) -> ScenarioResult:
    scenario = scenario_of(word, words_per_minute=60)
    with opened(scenario, browser, server) as page:
        result = measuring.measure(page, scenario, seconds)
    values = {one.metric.name: one.value for one in readings(result)}
    assert isinstance(values["fps"], float)
    assert values["fps"] > 0
    assert result.duration_ms >= seconds * 1000
    assert result.notes == []
    return result


def failure(word: str, browser: str, server: PageServer, load_seconds: float = 60) -> str:
    scenario = scenario_of(word)
    with pytest.raises(ScenarioFailed) as failed, opened(scenario, browser, server, load_seconds) as page:
        measuring.measure(page, scenario, 30)
    return failed.value.outcome


@pytest.fixture
def page_of(tmp_path: Path) -> Callable[[str], str]:
    """Writes a page with this body, and returns its path."""

    def write(body: str) -> str:
        file = tmp_path / "my page #1?.html"
        file.write_text(f"<!doctype html><title>mine</title><body>{body}", encoding="utf-8")
        return str(file)

    return write


def test_the_interaction_page_is_used_in_whole_runs(browser: str, server: PageServer) -> None:
    result = measured("interaction", browser, server)
    assert not isinstance(result.runs, Void)
    steps = {len(run.steps_ms) for run in result.runs}
    assert len(steps) == 1
    assert steps.pop() > 25
    assert all(run.busy_ms > 0 for run in result.runs)
    assert result.inputs >= sum(len(run.steps_ms) for run in result.runs)
    assert isinstance(result.inp_ms, float)
    assert not isinstance(result.events, Void)
    assert isinstance(result.long_tasks, Void) == (browser == "firefox")
    assert isinstance(result.long_frames, Void) == (browser == "firefox")


def test_text_is_typed_by_real_keys(browser: str, server: PageServer) -> None:
    result = measured("typing", browser, server)
    assert not isinstance(result.typing, Void)
    assert 0 < result.typing.characters <= 11
    assert result.inputs >= result.typing.characters


def test_the_frames_of_our_clip_are_counted(browser: str, server: PageServer) -> None:
    built_clip("clip.webm")
    result = measured("video", browser, server)
    assert not isinstance(result.video, Void)
    assert result.video.frames_ms
    assert result.video.presented >= len(result.video.frames_ms) > 0
    assert (result.video.width, result.video.height) == (1280, 720)
    assert result.video.least_visible > 0.5


def test_a_page_of_the_user_is_scrolled(browser: str, server: PageServer, page_of: Callable[[str], str]) -> None:
    result = measured(page_of("<div style='height: 9000px'>long</div>"), browser, server)
    assert result.inputs > 0
    assert result.runs == Void(reason="this page has no script of runs")
    assert result.video == Void(reason="there is no video on the page")


def test_a_video_out_of_sight_is_void(browser: str, server: PageServer, page_of: Callable[[str], str]) -> None:
    clip = built_clip("clip.webm").read_bytes()
    page = page_of("<video src=clip.webm muted loop width=300></video><div style='height: 9000px'></div>")
    (Path(page).parent / "clip.webm").write_bytes(clip)
    scenario = scenario_of(page)
    with opened(scenario, browser, server) as open_page:
        open_page.page.evaluate("document.querySelector('video').play()", timeout=30)
        begun = probe.begin(open_page.page, measuring.ProbeOptions(video="if there"))
        assert begun.video == "playing"
        open_page.page.evaluate("scrollTo(0, 5000)", timeout=30)
        open_page.page.evaluate(FRAMES, timeout=30)
        answer = probe.end(open_page.page)
    assert answer.video is not None
    assert answer.video.least_visible == 0


def test_moments_are_marked_from_outside(browser: str, server: PageServer) -> None:
    scenario = scenario_of("typing")
    with opened(scenario, browser, server) as page:
        probe.begin(page.page, measuring.ProbeOptions(video="if there"))
        first = probe.mark(page.page, "setup")
        second = probe.mark(page.page, "it's a “mark”")
        answer = probe.end(page.page)
    assert [(mark.name, mark.at_ms) for mark in answer.marks] == [("setup", first), ("it's a “mark”", second)]
    assert 0 <= first <= second <= answer.duration_ms


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/there")
            self.end_headers()
        elif self.path == "/waits":
            self.server.until.wait(60)  # type: ignore[attr-defined]
        else:
            self.send_response(200 if self.path == "/there" else 404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<p>a page")

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as answers:
        answers.until = threading.Event()  # type: ignore[attr-defined]
        threading.Thread(target=answers.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{answers.server_address[1]}"
        answers.until.set()  # type: ignore[attr-defined]
        answers.shutdown()


def test_a_page_at_an_address(browser: str, server: PageServer, site: str) -> None:
    assert measured(f"{site}/there#part", browser, server, 1).address == f"{site}/there#part"


def test_addresses_without_the_page(browser: str, server: PageServer, site: str) -> None:
    assert failure(f"{site}/moved", browser, server) == "redirected"
    assert failure(f"{site}/missing", browser, server) == "error page"
    assert failure("http://127.0.0.1:1/", browser, server) == "unreachable"
    assert failure(f"{site}/waits", browser, server, 1) == "never loaded"


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ("alert('hello')", "dialog"),
        ("addEventListener('wheel', () => confirm('sure?'))", "dialog"),
        ("addEventListener('wheel', () => { location.href = '?other' })", "left"),
    ],
)
def test_pages_that_fail(
    browser: str, server: PageServer, page_of: Callable[[str], str], script: str, outcome: str
) -> None:
    page = page_of(f"<div style='height: 9000px'></div><script>{script}</script>")
    scenario = scenario_of(page)
    with pytest.raises(ScenarioFailed) as failed, opened(scenario, browser, server) as open_page:
        measuring.measure(open_page, scenario, 30)
    assert failed.value.outcome == outcome


def test_a_page_behind_another_one(browser: str, server: PageServer, page_of: Callable[[str], str]) -> None:
    other: tuple[str, dict[str, str]] = ("browsingContext.create", {"type": "tab"})
    if browser == "chrome":
        other = ("Target.createTarget", {"url": "about:blank"})
    with opened(scenario_of(page_of("text")), browser, server) as open_page:
        probe.begin(open_page.page, measuring.ProbeOptions(video="if there"))
        open_page.page.call(*other)
        open_page.page.evaluate(HIDDEN, timeout=30)
        with pytest.raises(ScenarioFailed) as failed:
            probe.end(open_page.page)
    assert failed.value.outcome == "background"


def test_a_clip_that_is_none(browser: str, server: PageServer, tmp_path: Path) -> None:
    clip = tmp_path / "clip.webm"
    clip.write_bytes(b"no video at all" * 100)
    assert failure(str(clip), browser, server) == "undecodable"


def test_a_browser_that_is_killed(browser: str, server: PageServer) -> None:
    scenario = scenario_of("typing")
    with pytest.raises(BlockFailed) as failed, opened(scenario, browser, server) as page:
        assert page.browser.pid is not None
        threading.Timer(0.5, lambda: os.kill(page.browser.pid or 0, signal.SIGKILL)).start()
        measuring.measure(page, scenario, 30)
    assert failed.value.fault in ("crash", "killed for memory", "cut connection")
