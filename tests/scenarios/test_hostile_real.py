"""Pages that lie, break the functions of the browser or go away: each is measured as it is, or has a named outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    server = PageServer(paths.web_pages())
    yield server
    server.close()


@pytest.fixture
def measured(server: PageServer, tmp_path: Path) -> Callable[..., ScenarioResult]:
    """Measures a page with this body for some seconds."""

    def measure(body: str, browser: str = "chrome", seconds: float = 1.5) -> ScenarioResult:
        file = tmp_path / "page.html"
        file.write_text(f"<!doctype html><title>mine</title><body>{TALL}{body}", encoding="utf-8")
        scenario = scenario_of(str(file))
        (host,) = targets.select("host")
        with targets.open_target(host) as target, measuring.opened(target, scenario, browser, server) as page:
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


def test_a_page_that_changes_its_address_by_its_history_stays(measured: Callable[..., ScenarioResult]) -> None:
    assert measured("<script>history.replaceState(null, '', 'elsewhere')</script>", seconds=1).frames_ms
