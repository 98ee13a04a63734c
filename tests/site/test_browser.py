"""The site in a real Chromium, from its files: no error, no sideways scrolling, readable colours, rows by filter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mobilebench.analysis.over_nights import night_of
from mobilebench.site.contents import Contents
from mobilebench.site.folder import write
from mobilebench.verdicts.reading import judge_run
from tests.report.test_browser import CONTRASTS, SIZES, Tab
from tests.report.test_browser import tab as tab
from tests.site import making

pytestmark = pytest.mark.browser

FIND = """(() => {
  const input = document.getElementById("find");
  input.value = %s;
  input.dispatchEvent(new Event("input"));
  return document.getElementById("found").textContent;
})()"""
ROWS = "[...document.querySelectorAll('.lines tbody tr')].filter((row) => row.checkVisibility()).length"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = [making.night(number, making.story, versions=making.releases) for number in range(180, 215)]
    events = [making.skipped()]
    folder = tmp_path_factory.mktemp("site")
    write(Contents([night_of(judge_run(run), events if run is runs[-1] else []) for run in runs]), folder)
    return folder


def pages(site: Path) -> list[Path]:
    """One page of every kind, with one of a virtual phone."""
    kinds = (
        "index",
        "nights",
        "soc-snapdragon",
        "soc-virtual",
        "engine",
        "model",
        "case-mobilenet-v2-tflite",
        "night-",
    )
    found = {kind: max(path for path in site.glob(f"{kind}*.html")) for kind in kinds}
    return list(found.values())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_pages_have_no_problem_and_can_be_read(tab: Tab, site: Path, size: str, scheme: str) -> None:
    for path in pages(site):
        tab.open(path, size, scheme)
        assert tab.problems == [], path.name
        assert tab.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0], path.name
        poor = {name: ratio for name, ratio in json.loads(tab.evaluate(CONTRASTS)) if ratio < 4.5}
        assert poor == {}, path.name


def test_rows_are_filtered_and_colours_are_kept(tab: Tab, site: Path) -> None:
    tab.open(max(site.glob("night-*")), "laptop", "light")
    assert tab.evaluate(FIND % '"tflite mobilenet"') == "3 of 18 rows"
    assert tab.evaluate(ROWS) == 3
    assert tab.evaluate(FIND % '"tflite snapdragon"') == "2 of 18 rows"
    assert tab.evaluate(FIND % '""') == ""
    tab.evaluate("document.getElementById('scheme').click()")
    tab.open(site / "index.html", "laptop", "light")
    assert tab.evaluate("document.documentElement.dataset.scheme") == "dark"
    tab.evaluate("document.getElementById('scheme').click()")


def test_pages_are_whole_without_a_script(tab: Tab, site: Path) -> None:
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.open(next(site.glob("case-mobilenet-v2-tflite*host*")), "laptop", "light")
        shown = tab.call("DOM.getDocument", depth=0)["root"]["nodeId"]
        html = tab.call("DOM.getOuterHTML", nodeId=shown)["outerHTML"]
    finally:
        tab.call("Emulation.setScriptExecutionDisabled", value=False)
    assert "engine version 2.18.0 → 2.19.0" in html
    assert html.count("<svg") == 3


def test_the_keyboard_reaches_the_content_first(tab: Tab, site: Path) -> None:
    tab.open(site / "index.html", "laptop", "light")
    tab.press("Tab", 9)
    assert tab.evaluate("document.activeElement.className") == "skip"
    tab.press("Enter", 13)
    assert tab.evaluate("document.activeElement.id") == "main"
    tab.press("Tab", 9)
    assert tab.evaluate("document.activeElement.closest('main') !== null && document.activeElement.tagName") == "A"
