"""The report in a real Chromium: no error, no sideways scrolling, readable colours, proofs by keyboard."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from mobilebench.core import paths
from mobilebench.reference import published
from mobilebench.report.compose import write
from tests.analysis import page_runs, pages
from tests.analysis.watching import watched_run
from tests.browsers.processes import wait_until
from tests.report.big import big_run
from tests.report.figures.test_specifications import hostile
from tests.report.hostile import hostile_run

pytestmark = pytest.mark.browser

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PROBLEMS = {"Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled", "Page.javascriptDialogOpening"}
SIZES = {"laptop": (1280, 800), "phone": (390, 844)}

CONTRASTS = """(() => {
  const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const c = numbers(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const found = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest("script")) continue;
    const style = getComputedStyle(element);
    const ink = numbers(element.closest("svg") ? style.fill : style.color);
    const [a, b] = [light(ink), light(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found.set(`${element.tagName}.${element.getAttribute("class")}`, ratio);
  }
  return JSON.stringify([...found]);
})()"""


class Tab:
    """One page, driven by the DevTools protocol; remembers everything that the page complains about."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self.problems: list[Any] = []
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while (message := self._next()).get("id") != self._number:
            pass
        assert "error" not in message, message
        result: dict[str, Any] = message["result"]
        return result

    def _next(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.recv(timeout=120))
        if message.get("method") in PROBLEMS:
            self.problems.append(message)
        return message

    def open(self, path: Path, size: str, scheme: str) -> None:
        width, height = SIZES[size]
        mobile = size == "phone"
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.problems.clear()
        self.call("Page.navigate", url=path.as_uri())
        while self._next().get("method") != "Page.loadEventFired":
            pass

    def evaluate(self, expression: str) -> Any:
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)[
            "result"
        ].get("value")

    def shows(self, expression: str, holds: Callable[[Any], bool]) -> None:
        """Wait until the value of the expression is as expected."""
        wait_until(lambda: holds(self.evaluate(expression)), 60)

    def press(self, key: str, code: int) -> None:
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)


def listed(port: str) -> list[dict[str, str]]:
    """The pages that the browser has."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=60) as answer:
        return [entry for entry in json.load(answer) if entry["type"] == "page"]


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    assert browser, "This test needs Chromium: apt-get install chromium"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [browser, *FLAGS, "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"],
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stderr
            line = next(line for line in process.stderr if "DevTools listening on" in line)
            port = line.split("127.0.0.1:")[1].split("/")[0]
            wait_until(lambda: bool(listed(port)))  # the browser answers before it has its page
            (page, *_) = listed(port)
            with connect(page["webSocketDebuggerUrl"], max_size=None) as socket:
                yield Tab(socket)
        finally:
            process.terminate()
            process.wait(60)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(watched_run(), tmp_path_factory.mktemp("report")).html


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundred pages of two models, and every kind of page beside them."""
    run = pages.page_run()
    cases = [
        replace(pages.WASM, threads=threads, model=model)
        for model in ("mobilenet_v2", "bert_small")
        for threads in range(3, 53)
    ]
    answers = [(plan.case, block.measurement) for plan, block in zip(run.planned, run.blocks, strict=True)]
    answers += [(case, pages.answer(case, read_back=0.1)) for case in cases]
    told = [(case, answer) for case, answer in answers if answer]
    return write(pages.run_of(told), tmp_path_factory.mktemp("many")).html


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run of pages that are used, beside published numbers."""
    folder = tmp_path_factory.mktemp("used")
    return write(page_runs.whole_run(), folder, reference=published.load("tosem2025")).html


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of 700 cases."""
    return write(big_run(), tmp_path_factory.mktemp("packed")).html


FIND = """new Promise((done) => {
  const input = document.getElementById("find");
  input.value = %s;
  input.dispatchEvent(new Event("input"));
  setTimeout(() => done(document.getElementById("found").textContent), 600);
})"""
SHOWN = "[...document.querySelectorAll('.results tbody tr')].filter((row) => row.checkVisibility()).length"


@pytest.mark.parametrize("size", SIZES)
def test_many_cases_stay_within_the_page_and_their_boxes(tab: Tab, many: Path, size: str) -> None:
    tab.open(many, size, "dark")
    assert tab.evaluate("document.documentElement.scrollHeight") < 8 * SIZES[size][1]
    tab.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert tab.problems == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    boxes = "[...document.querySelectorAll('.long[tabindex]')].map((box) => box.clientHeight)"
    heights = tab.evaluate(boxes)
    assert len(heights) > 2
    assert max(heights) <= 0.9 * SIZES[size][1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_quality_of_pages_fits_and_can_be_read(tab: Tab, used: Path, size: str, scheme: str) -> None:
    tab.open(used, size, scheme)
    tab.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert tab.problems == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    if size == "laptop":
        ratios = json.loads(tab.evaluate(CONTRASTS))
        assert [(what, ratio) for what, ratio in ratios if ratio < 4.5] == []


def test_a_case_with_a_page_in_use_is_found_once(tab: Tab, used: Path) -> None:
    tab.open(used, "laptop", "light")
    assert tab.evaluate(FIND % "'webgl video'") == "1 of 15 cases"


def test_cases_are_found_by_words_and_all_come_back(tab: Tab, many: Path) -> None:
    tab.open(many, "phone", "light")
    assert tab.evaluate(SHOWN) == 0
    assert tab.evaluate(FIND % "'webgl software'") == "1 of 105 cases"
    assert tab.evaluate(SHOWN) == 1
    assert tab.evaluate(FIND % "'BERT 41'") == "1 of 105 cases"
    assert tab.evaluate("document.querySelectorAll('details.model:not([hidden])').length") == 1
    assert tab.evaluate(FIND % "'wasm valid link'") == "1 of 105 cases"
    assert tab.evaluate(FIND % "'nothing of this kind'") == "0 of 105 cases"
    assert tab.evaluate(FIND % "''") == ""
    assert (
        tab.evaluate("document.querySelectorAll('details.model[open], main details[hidden], tr[hidden]').length") == 0
    )
    assert tab.problems == []


CHOOSE = """(() => {
  const select = document.getElementById("by-%s");
  select.value = "%s";
  select.dispatchEvent(new Event("change"));
  return [document.getElementById("found").textContent, location.hash];
})()"""


def test_cases_are_filtered_by_model_engine_and_verdict_and_the_address_keeps_it(tab: Tab, many: Path) -> None:
    tab.open(many, "laptop", "light")
    assert tab.evaluate(CHOOSE % ("model", "bert_small")) == ["50 of 105 cases", "#?model=bert_small"]
    found, address = tab.evaluate(CHOOSE % ("engine", "tflite"))
    assert (found, address) == ("0 of 105 cases", "#?model=bert_small&engine=tflite")
    tab.evaluate("document.getElementById('clear').click()")
    assert tab.evaluate("[document.getElementById('found').textContent, location.hash]") == ["", ""]
    assert tab.evaluate("document.activeElement.id") == "find"
    assert tab.problems == []


def test_an_address_with_filters_opens_filtered(tab: Tab, many: Path) -> None:
    tab.open(many, "laptop", "light")
    tab.evaluate("location.hash = '#?find=webgl&verdict=valid&engine=no-such'; 0")
    told = "[document.getElementById('found').textContent, document.getElementById('by-engine').value]"
    found, engine = tab.evaluate(f"new Promise((done) => setTimeout(() => done({told}), 300))")
    assert engine == ""
    assert found == f"{tab.evaluate(SHOWN)} of 105 cases" != "0 of 105 cases"


def test_a_number_opens_its_proof(tab: Tab, report: Path) -> None:
    tab.open(report, "laptop", "light")
    tab.evaluate("document.querySelector('.glance .opens').click()")
    assert "Between blocks" in tab.evaluate("document.querySelector('aside:popover-open')?.innerText ?? ''")


def test_a_packed_report_unpacks_its_models_and_proofs(tab: Tab, packed: Path) -> None:
    tab.open(packed, "phone", "light")
    rows = "document.querySelectorAll('.results tbody tr').length"
    tab.shows(rows, lambda count: bool(count == 700))
    assert tab.evaluate("document.querySelectorAll('aside').length") == 0
    tab.evaluate("document.querySelector('.glance .opens').click()")
    opened = "document.querySelector('aside:popover-open')?.innerText ?? ''"
    tab.shows(opened, lambda text: "Between blocks" in text)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    assert tab.problems == []


def test_folds_are_open_on_paper(tab: Tab, many: Path) -> None:
    tab.open(many, "laptop", "dark")
    closed = "document.querySelectorAll('main details:not([open])').length"
    folded = tab.evaluate(closed)
    assert folded > 0
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.evaluate(closed) == 0
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert tab.evaluate(closed) == folded


def test_a_link_to_a_model_unfolds_it(tab: Tab, many: Path) -> None:
    tab.open(many, "laptop", "light")
    tab.evaluate("document.querySelector('.glance .engine a').click()")
    tab.shows("document.querySelector('details.model[open] h3')?.textContent ?? ''", lambda text: "bert_small" in text)


RUN = "[...document.scripts].filter((script) => script.type !== 'application/gzip')"
DRAWN = """(async () => {
  document.querySelectorAll("details").forEach((one) => { one.open = true; });
  const until = async (ready) => {
    for (const end = Date.now() + 15000; !ready() && Date.now() < end; ) await new Promise(requestAnimationFrame);
  };
  for (const figure of document.querySelectorAll("figure.chart")) {
    figure.scrollIntoView({ behavior: "instant" });
    await until(() => figure.querySelector(".live svg"));
  }
  return document.querySelectorAll(".drawn .live svg").length;
})()"""


@pytest.mark.parametrize("size", SIZES)
def test_every_figure_is_drawn_under_the_content_policy_and_fits(tab: Tab, report: Path, size: str) -> None:
    tab.open(report, size, "light")
    assert tab.evaluate(DRAWN) == tab.evaluate("document.querySelectorAll('figure.chart').length") > 20
    assert tab.problems == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    shown = "[...document.querySelectorAll('.static')].filter((one) => one.checkVisibility()).length"
    assert tab.evaluate(shown) == 0


def test_a_printed_report_has_the_static_pictures_on_white(tab: Tab, report: Path) -> None:
    tab.open(report, "laptop", "dark")
    drawn = tab.evaluate(DRAWN)
    tab.call("Emulation.setEmulatedMedia", media="print")
    kinds = (
        "['.static', '.live'].map((k) => [...document.querySelectorAll(k)].filter((e) => e.checkVisibility()).length)"
    )
    assert tab.evaluate(kinds) == [drawn, 0]
    assert tab.evaluate("getComputedStyle(document.querySelector('.static text')).fill") in (
        "rgb(20, 24, 31)",
        "rgb(82, 91, 104)",
    )
    tab.call("Emulation.setEmulatedMedia", media="")


def test_without_the_script_the_static_pictures_are_shown(
    tab: Tab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "figures_script", lambda: tmp_path / "none.js")
    tab.open(write(pages.page_run(), tmp_path).html, "phone", "dark")
    assert tab.problems == []
    assert tab.evaluate(f"{RUN}.length") == 1
    assert tab.evaluate("[...document.querySelectorAll('.static svg')].every((one) => one.checkVisibility())")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_names_that_are_expressions_are_not_computed(tab: Tab, tmp_path: Path) -> None:
    tab.open(write(hostile(), tmp_path).html, "laptop", "light")
    assert tab.evaluate(DRAWN) == tab.evaluate("document.querySelectorAll('figure.chart').length") > 5
    assert tab.problems == []
    assert tab.evaluate("window.entered === undefined")
    hover = """(async () => {
      for (const mark of document.querySelectorAll(".live svg path, .live svg rect")) {
        mark.dispatchEvent(new MouseEvent("mousemove", { bubbles: true, clientX: 1, clientY: 1 }));
        mark.dispatchEvent(new MouseEvent("mouseover", { bubbles: true, clientX: 1, clientY: 1 }));
      }
      await new Promise((done) => setTimeout(done, 200));
      return document.querySelectorAll("#vg-tooltip-element script, #vg-tooltip-element img").length;
    })()"""
    assert tab.evaluate(hover) == 0
    assert tab.evaluate("window.entered === undefined")
    assert tab.problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_it_opens_without_errors_and_without_scrolling_sideways(tab: Tab, report: Path, size: str, scheme: str) -> None:
    tab.open(report, size, scheme)
    tab.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert tab.problems == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0]
    background = tab.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert background == ("rgb(246, 247, 249)" if scheme == "light" else "rgb(15, 18, 22)")


@pytest.mark.parametrize("size", SIZES)
def test_names_in_dense_tables_are_not_squeezed_to_single_letters(tab: Tab, report: Path, size: str) -> None:
    tab.open(report, size, "light")
    tab.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    widths = tab.evaluate("[...document.querySelectorAll('.dense tbody th')].map((cell) => cell.offsetWidth)")
    assert len(widths) > 100
    assert min(widths) >= 120


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(tab: Tab, report: Path, scheme: str) -> None:
    tab.open(report, "laptop", scheme)
    tab.evaluate("document.querySelector('aside').showPopover()")
    contrasts = json.loads(tab.evaluate(CONTRASTS))
    assert len(contrasts) > 30
    assert {name: round(ratio, 2) for name, ratio in contrasts if ratio < 4.5} == {}


def test_a_proof_opens_and_closes_by_keyboard(tab: Tab, report: Path) -> None:
    tab.open(report, "phone", "light")
    opened = "document.querySelector('aside:popover-open')?.innerText ?? ''"
    tab.evaluate("document.querySelector('.act button').focus()")
    assert tab.evaluate(opened) == ""
    tab.press("Enter", 13)
    assert "Files loaded" in tab.evaluate(opened)
    assert tab.evaluate("document.querySelector('aside:popover-open').scrollWidth") <= 390
    tab.press("Escape", 27)
    assert tab.evaluate(opened) == ""


def test_the_colours_can_be_switched(tab: Tab, report: Path) -> None:
    tab.open(report, "laptop", "light")
    tab.evaluate("document.getElementById('scheme').click()")
    assert tab.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(15, 18, 22)"


def test_hostile_text_runs_nothing_and_breaks_nothing(tab: Tab, tmp_path: Path) -> None:
    tab.open(write(hostile_run(), tmp_path).html, "phone", "dark")
    assert tab.problems == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    assert tab.evaluate(f"{RUN}.length") == 2


def test_a_script_that_got_in_would_not_run(tab: Tab, report: Path, tmp_path: Path) -> None:
    page = tmp_path / "broken.html"
    page.write_text(report.read_text().replace("</main>", "<script>window.entered = true</script></main>"))
    tab.open(page, "laptop", "light")
    assert tab.evaluate("window.entered === undefined")
