"""Pages that lie, break the functions of the browser or go away: each is measured as it is, or has a named outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mobilebench import targets
from mobilebench.browsers.server import PageServer
from mobilebench.core import paths
from mobilebench.core.page_metrics import readings
from mobilebench.core.page_quality import ScenarioResult
from mobilebench.scenarios import measuring
from mobilebench.scenarios.base import ScenarioFailed
from mobilebench.scenarios.registry import scenario_of

pytestmark = pytest.mark.browser

TALL = "<div style='height: 9000px'></div>"
LIES = """<form name=querySelectorAll></form><img name=visibilityState><form name=hasFocus></form><script>
const bad = () => { throw new Error('mine') };
performance.now = () => NaN;
performance.getEntriesByType = () => [{ name: 'https://elsewhere.example/', responseStatus: 500 }];
for (const name of ['requestAnimationFrame', 'setTimeout', 'fetch', 'Worker', 'URL', 'PerformanceObserver', 'Promise'])
  window[name] = bad;
for (const name of ['mobilebenchProbe', 'innerWidth', 'innerHeight', 'scrollY'])
  Object.defineProperty(window, name, { value: NaN });
JSON.stringify = () => '"forged"';
Array.prototype.toJSON = () => 'forged';
Array.prototype.push = EventTarget.prototype.addEventListener = bad;
for (const one of [Object, Array, Promise, Function]) Object.freeze(one.prototype);
</script>"""

REGISTERS = "const ready = navigator.serviceWorker.register('worker.js').then(() => navigator.serviceWorker.ready)"
WORKER = f"""addEventListener('fetch', (event) => {{
  if (event.request.mode === 'navigate')
    event.respondWith(new Response("<!doctype html><title>of the worker</title>{TALL}",
      {{ headers: {{ 'content-type': 'text/html' }} }}));
}});"""


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    server = PageServer(paths.web_pages())
    yield server
    server.close()


@pytest.fixture
def measured(server: PageServer, tmp_path: Path) -> Callable[..., ScenarioResult]:
    """Measures a page with this body for some seconds."""

    def measure(
        body: str, browser: str = "chrome", seconds: float = 1.5, flags: tuple[str, ...] = ()
    ) -> ScenarioResult:
        file = tmp_path / "page.html"
        file.write_text(f"<!doctype html><title>mine</title><body>{TALL}{body}", encoding="utf-8")
        scenario = scenario_of(str(file))
        (host,) = targets.select("host")
        with (
            targets.open_target(host) as target,
            measuring.opened(target, scenario, browser, server, flags=flags) as page,
        ):
            return measuring.measure(page, scenario, seconds)

    return measure


@pytest.mark.parametrize("browser", ["chrome", "firefox"])
def test_a_page_that_replaces_what_the_probe_uses(browser: str, measured: Callable[..., ScenarioResult]) -> None:
    result = measured(LIES, browser)
    values = {one.metric.name: one.value for one in readings(result)}
    assert isinstance(values["fps"], float)
    assert 1 < values["fps"] < 500
    assert 1500 <= result.duration_ms < 60_000
    assert result.inputs > 0


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ("if (!location.search) location.replace('?other')", "redirected"),
        ("addEventListener('wheel', () => location.reload())", "left"),
    ],
)
def test_a_page_that_does_not_stay(script: str, outcome: str, measured: Callable[..., ScenarioResult]) -> None:
    with pytest.raises(ScenarioFailed) as failed:
        measured(f"<script>{script}</script>", seconds=30)
    assert failed.value.outcome == outcome


SMALL_HEAP = ("--js-flags=--max-old-space-size=64",)
FILL = "const all = []; for (;;) all.push(new Array(1e6).fill(Math.random()))"


@pytest.mark.parametrize("script", [f"(() => {{ {FILL} }})()", f"addEventListener('wheel', () => {{ {FILL} }})"])
def test_a_page_whose_memory_runs_out_has_crashed(script: str, measured: Callable[..., ScenarioResult]) -> None:
    with pytest.raises(ScenarioFailed) as failed:
        measured(f"<script>{script}</script>", seconds=30, flags=SMALL_HEAP)
    assert (failed.value.outcome, failed.value.fault) == ("crashed", "killed for memory")
    assert "memory" in (failed.value.hint or "")


def test_a_page_of_200_000_elements(measured: Callable[..., ScenarioResult]) -> None:
    result = measured("<p>x</p>" * 200_000, seconds=6)
    assert result.frames_ms
    assert result.inputs > 0


def test_a_page_that_a_service_worker_answers(server: PageServer, tmp_path: Path) -> None:
    """The browser keeps the worker of the first visit, as one with a person's profile does."""
    (tmp_path / "page.html").write_text(f"<!doctype html><title>first</title><script>{REGISTERS}</script>")
    (tmp_path / "worker.js").write_text(WORKER)
    scenario = scenario_of(str(tmp_path / "page.html"))
    (host,) = targets.select("host")
    with targets.open_target(host) as target, measuring.opened(target, scenario, "chrome", server) as opened:
        address = opened.page.evaluate("ready.then(() => location.href)", timeout=60)
        measuring.load(opened.page, address)
        notes = measuring.ready(opened.page, scenario)
        assert opened.page.evaluate("document.title", timeout=60) == "of the worker"
        assert measuring.measure(replace(opened, notes=notes), scenario, 1.5).inputs > 0


def test_a_page_that_changes_its_address_by_its_history_stays(measured: Callable[..., ScenarioResult]) -> None:
    assert measured("<script>history.replaceState(null, '', 'elsewhere')</script>", seconds=1).frames_ms
