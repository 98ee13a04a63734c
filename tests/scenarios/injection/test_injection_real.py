"""Engines injected into pages that are not ours, in real browsers: right answers, true proof, nothing left behind."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mobilebench.browsers.launching import RunningBrowser
from mobilebench.core import paths
from mobilebench.core.errors import BlockFailed
from mobilebench.core.hashing import sha256_of
from mobilebench.core.records import Case
from mobilebench.models import obtain
from mobilebench.scenarios.base import ScenarioFailed
from mobilebench.scenarios.injection import loads, measuring
from mobilebench.scenarios.injection.foreign_page import ForeignPage
from mobilebench.scenarios.injection.inference import SCRIPT, Load, injected
from mobilebench.scenarios.injection.messages import Place
from mobilebench.scenarios.injection.results import InjectionPlan, InjectionResult
from mobilebench.targets.host import describe
from tests.browsers.processes import wait_until
from tests.cli.command_line import mobilebench
from tests.scenarios.injection.sites import Site

pytestmark = [pytest.mark.browser, pytest.mark.build, pytest.mark.slow, pytest.mark.usefixtures("closed_pages")]

MODEL = "mlp_2x8"
CASES = [
    ("tfjs", "wasm", 1),
    ("tfjs", "wasm", 2),
    ("tfjs", "webgl", 1),
    ("tfjs", "js", 1),
    ("ortjs", "wasm", 1),
    ("ortjs", "wasm", 2),
    ("ortjs", "webgpu", 1),
    ("ortjs@1.14", "wasm", 2),
    ("litertjs", "wasm", 1),
    ("litertjs", "wasm", 2),
]

CASES_IN_FIREFOX: list[tuple[str, str, int, Place]] = [
    ("tfjs", "wasm", 2, "main"),
    ("tfjs", "webgl", 1, "main"),
    ("ortjs", "wasm", 2, "main"),
    ("ortjs", "wasm", 1, "worker"),
    ("litertjs", "wasm", 1, "main"),
]
"""Threads that a worker starts are left out: on a busy computer, Firefox sometimes never starts them."""

GLOBALS = """(() => {
    const names = Object.getOwnPropertyNames(globalThis);
    const functions = [console.log, console.warn, console.error, WebAssembly.instantiate, WebAssembly.compile,
        WebAssembly.instantiateStreaming, WebAssembly.Memory.prototype.grow, Worker, URL.createObjectURL, fetch,
        HTMLCanvasElement.prototype.getContext, OffscreenCanvas.prototype.getContext, document.body.appendChild,
        addEventListener, globalThis.GPU?.prototype.requestAdapter, globalThis.GPUAdapter?.prototype.requestDevice];
    globalThis.kept ??= functions;
    const listeners = [window, document].map((one) => Object.entries(getEventListeners(one)).map(
        ([kind, all]) => `${kind} ${all.length}`));
    return {
        names: names.filter((name) => name !== 'kept').sort(),
        replaced: functions.map((one, i) => one !== globalThis.kept[i]),
        listeners,
        elements: document.querySelectorAll('*').length,
        html: document.documentElement.outerHTML,
    };
})()"""


def load(engine: str, backend: str, threads: int = 1, model: str = MODEL, browser: str = "chrome") -> Load:
    info = describe()
    case = Case(target="host", engine=engine, backend=backend, threads=threads, browser=browser, model=model)
    return loads.load_of(loads.completed(case, info), info, obtain.ensure(model))[0]


def measured(page: ForeignPage, url: str, chosen: Load, browser: RunningBrowser, **plan: Any) -> InjectionResult:
    usual: dict[str, Any] = {"seconds": 1.0, "baseline_seconds": 0.3}
    return measuring.measure(page, url, InjectionPlan(**{**usual, **plan}), chosen, browser)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("browser", "engine", "backend", "threads", "place"),
    [
        *(("chrome", *case, place) for case in CASES for place in ("main", "worker")),
        *(("firefox", *case) for case in CASES_IN_FIREFOX),
    ],
    indirect=["browser"],
)
def test_every_engine_infers_in_a_page_with_a_strict_policy(
    page: ForeignPage,
    browser: RunningBrowser,
    loopback: Site,
    engine: str,
    backend: str,
    threads: int,
    place: Place,
) -> None:
    loopback.asked.clear()
    chosen = load(engine, backend, threads, browser=browser.name)
    result = measured(page, f"{loopback.origin}/strict", chosen, browser, place=place, duty=25)
    assert [path for path in loopback.asked if path != "/favicon.ico"] == ["/strict"]
    answer = result.answer
    assert answer is not None
    of_a_busy_machine = {"duty-missed", "no-duty", "no-frames", "inference-too-long", "long-task"}
    assert {remark.code for remark in result.remarks} <= {*of_a_busy_machine, "redirected", "no-focus", "coarse-clock"}
    proof = answer.proof
    assert (proof.backend, proof.runs_in) == (backend, "worker" if place == "worker" else "main thread")
    assert result.isolated == (threads > 1)
    assert answer.warmup_ms is not None
    assert set(answer.setup_ms) == {"framework_init", "model_init"}
    assert result.scripts_sha256[SCRIPT] == sha256_of(paths.web_pages() / SCRIPT)
    assert set(chosen.files) < set(result.scripts_sha256)
    if backend == "wasm":
        assert proof.threads == threads
        assert {file.sha256 for file in proof.files} <= set(result.scripts_sha256.values())
        assert proof.files
    assert len(answer.inference_ms) == len(answer.inference_start_ms) > 0
    assert answer.inference_start_ms == sorted(answer.inference_start_ms)
    assert answer.warmup_start_ms is not None
    assert answer.inference_start_ms[0] >= answer.warmup_start_ms
    assert answer.states
    assert all(state.visible for state in answer.states)


@pytest.fixture
def before(page: ForeignPage, loopback: Site) -> Iterator[dict[str, Any]]:
    page.open(f"{loopback.origin}/plain", isolate=True)
    yield seen(page)


def seen(page: ForeignPage) -> dict[str, Any]:
    """The page's globals, functions and handlers, and its document, as its own scripts see them."""
    params = {"expression": GLOBALS, "includeCommandLineAPI": True, "returnByValue": True}
    answer = page.call("Runtime.evaluate", params)
    assert "exceptionDetails" not in answer, answer
    return dict(answer["result"]["value"])


def workers(page: ForeignPage) -> list[Any]:
    """Workers of the browser's pages that still run."""
    return [one for one in page.call("Target.getTargets")["targetInfos"] if one["type"] == "worker"]


@pytest.mark.parametrize("place", ["main", "worker"])
@pytest.mark.parametrize(
    ("engine", "backend", "threads"),
    [("tfjs", "wasm", 2), ("tfjs", "webgl", 1), ("ortjs", "wasm", 2), ("ortjs", "webgpu", 1), ("litertjs", "wasm", 2)],
)
def test_nothing_is_left_in_the_page(
    page: ForeignPage, before: dict[str, Any], engine: str, backend: str, threads: int, place: Place
) -> None:
    chosen = load(engine, backend, threads)
    with injected(page, chosen, place) as inference:
        during = seen(page)
        inference.begin(50)
        inference.finish()
    after = seen(page)
    assert (during["names"], during["replaced"]) == (before["names"], before["replaced"])
    assert after == before
    assert inference.taken_away["blob_urls"] > 0
    wait_until(lambda: not workers(page), 60)


def test_it_is_gone_after_a_failure_too(page: ForeignPage, before: dict[str, Any], tmp_path: Path) -> None:
    chosen = load("ortjs", "wasm")
    broken = tmp_path / "model.onnx"
    broken.write_bytes(b"no model")
    files = dict.fromkeys(chosen.files, broken)
    with pytest.raises(Exception, match="ortjs wasm"), injected(page, replace(chosen, files=files), "main"):
        pytest.fail("it was prepared")
    assert seen(page) == before


FUNCTIONS = """(() => {
    const functions = [console.log, WebAssembly.instantiate, Worker, URL.createObjectURL,
        MessagePort.prototype.postMessage, HTMLCanvasElement.prototype.getContext, document.body.appendChild,
        addEventListener, self];
    globalThis.kept ??= functions;
    return [functions.map((one, i) => one !== globalThis.kept[i]), Object.getOwnPropertyNames(globalThis).sort(),
        navigator.hardwareConcurrency, document.documentElement.outerHTML];
})()"""


@pytest.mark.parametrize(("place", "threads"), [("main", 2), ("worker", 1)])
@pytest.mark.parametrize("browser", ["firefox"], indirect=True)
def test_nothing_is_left_in_a_page_of_firefox(page: ForeignPage, loopback: Site, place: Place, threads: int) -> None:
    page.open(f"{loopback.origin}/plain", isolate=True)
    page.page.evaluate(FUNCTIONS, timeout=60)
    before = page.page.evaluate(FUNCTIONS, timeout=60)
    chosen = load("ortjs", "wasm", threads, browser="firefox")
    with injected(page, chosen, place) as inference:
        assert page.page.evaluate(FUNCTIONS, timeout=60) == before
        inference.begin(50)
        assert inference.finish().proof.threads == threads
    assert page.page.evaluate(FUNCTIONS, timeout=60) == before
    assert inference.taken_away["workers"] > 0
    assert inference.taken_away["blob_urls"] > 0


@pytest.mark.parametrize("browser", ["chrome", "firefox"], indirect=True)
def test_it_infers_in_a_frame_of_another_site(page: ForeignPage, browser: RunningBrowser, loopback: Site) -> None:
    chosen = load("ortjs", "wasm", browser=browser.name)
    url = f"{loopback.origin}/around"
    result = measured(page, url, chosen, browser, frame="/strict-inside", duty=25)
    assert result.answer is not None
    assert result.answer.inference_ms
    assert result.frames_elsewhere == 1
    assert not {"wrong-answer", "frames-elsewhere", "place", "backend"} & {remark.code for remark in result.remarks}
    around = measured(page, url, chosen, browser, duty=25)
    assert "frames-elsewhere" in {remark.code for remark in around.remarks}


def test_a_duty_of_0_infers_nothing(page: ForeignPage, browser: RunningBrowser, loopback: Site) -> None:
    result = measured(page, f"{loopback.origin}/plain", load("ortjs", "wasm"), browser, duty=0)
    assert result.answer is not None
    assert (result.answer.inference_ms, result.reached_duty, result.p50_ms) == ([], None, None)
    assert result.answer.output
    assert not {"duty-missed", "no-duty"} & {remark.code for remark in result.remarks}


def test_without_injection_only_frames_are_counted(page: ForeignPage, browser: RunningBrowser, loopback: Site) -> None:
    result = measured(page, f"{loopback.origin}/plain", load("ortjs", "wasm"), browser, inject=False)
    assert (result.answer, result.scripts_sha256, result.taken_away) == (None, {}, {})
    assert len(result.frames.times_ms) > 1


def test_a_redirected_page_is_suspect(page: ForeignPage, browser: RunningBrowser, loopback: Site) -> None:
    result = measured(page, f"{loopback.origin}/redirect", load("ortjs", "wasm"), browser)
    assert "redirected" in {remark.code for remark in result.remarks}
    assert result.status != "valid"


@pytest.mark.parametrize("browser", ["chrome", "firefox"], indirect=True)
@pytest.mark.parametrize(("script", "outcome"), [("location.href = '/strict'", "left"), ("alert('stop')", "dialog")])
def test_what_a_page_does_in_mid_run_is_named(
    page: ForeignPage, browser: RunningBrowser, loopback: Site, script: str, outcome: str
) -> None:
    """It happens when the inferring has begun: as soon as the progress says so."""
    said = threading.Event()

    def tell(text: str) -> None:
        if text.startswith("inferring"):
            page.page.evaluate(f"void setTimeout(() => {{ {script} }}, 0)", timeout=60)
            said.set()

    plan = InjectionPlan(seconds=8, baseline_seconds=0)
    with pytest.raises(ScenarioFailed) as caught:
        chosen = load("ortjs", "wasm", browser=browser.name)
        measuring.measure(page, f"{loopback.origin}/plain", plan, chosen, browser, tell=tell)  # type: ignore[arg-type]
    assert said.is_set()
    assert caught.value.outcome == outcome


@pytest.mark.parametrize("name", ["chrome", "firefox"])
def test_the_command_measures_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    policy = "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\">"
    (tmp_path / "page.html").write_text(f"<!doctype html>{policy}<title>a file</title><p>text")
    way = f"--model {MODEL} --engine tfjs --seconds 1 --baseline-seconds 0.5 --isolate --json --browser {name}"
    ended = mobilebench(f"inject {tmp_path / 'page.html'} {way}")
    told = json.loads(ended.out)
    assert (told["outcome"], told["title"], told["isolated"]) == ("measured", "a file", True)
    assert told["inferences"] == len(told["answer"]["inference_ms"]) > 0
    assert told["answer"]["proof"]["backend"] == "wasm"
    assert "inferring for 1 s" in ended.err


def test_a_page_cannot_ask_for_other_files(page: ForeignPage, loopback: Site) -> None:
    page.open(f"{loopback.origin}/plain")
    chosen = load("ortjs", "wasm")
    job = chosen.job.model_copy(update={"engine": "ortjs@../.."})
    with (
        pytest.raises(BlockFailed, match="a file that no engine has"),
        injected(page, replace(chosen, job=job), "main"),
    ):
        pytest.fail("it was prepared")
