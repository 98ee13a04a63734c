"""Kernels, memory, threads and traces of pages in real browsers."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from mobilebench.browsers import chrome
from mobilebench.browsers.connect import open_page
from mobilebench.browsers.page import Page
from mobilebench.core.errors import Unsupported
from mobilebench.core.operators import is_known, operator_type
from mobilebench.core.records import BlockRule, Measurement, Pass, PlannedBlock
from mobilebench.engines import page_sampling
from mobilebench.engines.registry import engines
from mobilebench.models import obtain
from mobilebench.models.inspection import graph_operators
from mobilebench.models.registry import facts
from mobilebench.recorders.trace import SETTLE_MS, finish_trace, start_trace
from mobilebench.targets.host import HostTarget, describe
from mobilebench.verdicts.rules import judge
from tests.engines.web_cases import web_case

from .measuring import measured_by

pytestmark = [pytest.mark.browser, pytest.mark.build, pytest.mark.alone]

RULE = BlockRule(min_predictions=3, max_predictions=4, max_seconds=1)
STAGES = [
    "process_start",
    "framework_download",
    "framework_init",
    "model_download",
    "model_init",
    "warmup",
    "prediction",
]


@pytest.fixture(autouse=True)
def threads_may_start_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, threads of a page may start so late that they are taken for missing."""
    monkeypatch.setattr(page_sampling, "SETTLING_S", 20)


@cache
def measured(
    target: HostTarget, way: str, pass_: Pass, *, model: str = "bert_small", browser: str = "chrome"
) -> Measurement:
    """One block of `engine/backend/choice/threads`, which its verdict finds right."""
    name, backend, choice, threads = way.split("/")
    engine = engines()[name]
    case = web_case(name, backend, choice, int(threads), model, browser)
    block = PlannedBlock(index=0, round=0, case=case, rule=RULE, pass_=pass_)
    files = obtain.ensure(model, "fp32", 1)
    answer = measured_by(engine, target, block, files, cancel=Event()).measurement
    assert answer.pass_ == pass_
    assert judge(block, answer, target.info, facts(files.manifest)).status != "invalid"
    return answer


def sums(answer: Measurement) -> list[float]:
    return [sum(times) for times in zip(*(kernel.times_ms for kernel in answer.kernels), strict=True)]


@pytest.mark.parametrize("way", ["tfjs/wasm/simd/1", "tfjs@4.2/wasm/simd/1", "ortjs/wasm/simd-threads/1"])
def test_kernels_on_wasm_add_up_to_the_prediction(target: HostTarget, way: str) -> None:
    answer = measured(target, way, "kernels", model="mobilenet_v2")
    assert {kernel.clock for kernel in answer.kernels} == {"cpu"}
    assert {len(kernel.times_ms) for kernel in answer.kernels} == {len(answer.prediction_ms)}
    assert all(kernel.warmup_ms is not None for kernel in answer.kernels)
    assert all(is_known(kernel.name, answer.engine) for kernel in answer.kernels)
    assert not any(kernel.name.endswith("__op") for kernel in answer.kernels)
    types = {operator_type(kernel.name, answer.engine) for kernel in answer.kernels}
    assert {"convolution", "matmul"} <= types
    shares = [told / whole for told, whole in zip(sums(answer), answer.prediction_ms, strict=True)]
    assert 0.6 < max(shares) <= 1.01
    warmup = sum(kernel.warmup_ms or 0 for kernel in answer.kernels)
    assert 0 < warmup <= 1.01 * answer.warmup_ms[0]


def test_kernels_of_onnx_runtime_have_nodes_and_providers_and_stand_beside_the_file_s_operators(
    target: HostTarget,
) -> None:
    answer = measured(target, "ortjs/wasm/simd-threads/1", "kernels", model="mobilenet_v2")
    assert {kernel.provider for kernel in answer.kernels} == {"CPUExecutionProvider"}
    nodes = [kernel.node for kernel in answer.kernels]
    assert None not in nodes
    assert len(set(nodes)) == len(nodes)
    files = obtain.ensure("mobilenet_v2", "fp32", 1)
    graph = graph_operators.with_graph(answer, files, "onnx").graph
    assert sum(one.macs or 0 for one in graph) > 3e8


@pytest.mark.parametrize("way", ["tfjs/webgl/software/1", "ortjs/webgpu/software/1"])
def test_a_gpu_times_its_kernels_itself_where_the_browser_lets_it(target: HostTarget, way: str) -> None:
    answer = measured(target, way, "kernels")
    on_gpu = [kernel for kernel in answer.kernels if kernel.clock == "gpu"]
    told = [sum(times) for times in zip(*(kernel.times_ms for kernel in on_gpu), strict=True)]
    shares = [gpu / whole for gpu, whole in zip(told, answer.prediction_ms, strict=True)]
    assert 0.5 < max(shares) <= 1.05


def test_firefox_has_no_timers_of_the_gpu(target: HostTarget) -> None:
    answer = measured(target, "tfjs/webgl/software/1", "kernels", browser="firefox")
    assert {kernel.clock for kernel in answer.kernels} == {"cpu"}
    assert all(told > 0 for told in sums(answer))


def test_a_profiler_that_does_not_work_is_not_used(target: HostTarget) -> None:
    with pytest.raises(Unsupported, match="does not work with its WebGL backend"):
        measured(target, "ortjs/webgl/software/1", "kernels", model="mobilenet_v2")


@pytest.mark.parametrize("way", ["tfjs/wasm/simd-threads/2", "ortjs/wasm/simd-threads/1", "litertjs/wasm/simd/1"])
def test_memory_is_reported_stage_by_stage_from_inside_and_from_outside(target: HostTarget, way: str) -> None:
    answer = measured(target, way, "memory")
    use, size = answer.memory, obtain.ensure("bert_small", "fp32", 1).manifest.parameters * 4
    assert use is not None
    assert [one.stage for one in use.page] == STAGES
    assert [one.stage for one in use.readings if one.stage] == STAGES
    assert (use.peak_rss_kb or 0) >= max(one.rss_kb for one in use.readings)
    assert use.readings[-1].rss_kb > 50_000
    first, last = use.page[0], use.page[-1]
    assert first.wasm_heap_bytes == 0
    assert (last.wasm_heap_bytes or 0) > size
    assert all(one.js_heap_bytes and one.performance_memory_bytes for one in use.page)
    assert first.user_agent_bytes
    assert "--enable-precise-memory-info" in answer.proof.flags
    listened = way.startswith("tfjs")
    assert bool(use.kernels) is listened
    if listened:
        assert (last.tf_bytes or 0) >= 0.95 * size
        assert max(one.total_bytes for one in use.kernels) > (last.tf_bytes or 0)
        heaps = [one.wasm_heap_bytes or 0 for one in use.kernels]
        assert heaps == sorted(heaps)
        assert all(one.performance_memory_bytes for one in use.kernels)


def test_firefox_reports_the_heap_of_wasm_and_the_system_its_process(target: HostTarget) -> None:
    use = measured(target, "tfjs/wasm/simd/1", "memory", browser="firefox").memory
    assert use is not None
    assert [one.stage for one in use.readings if one.stage] == STAGES
    assert use.page[-1].wasm_heap_bytes
    assert {one.performance_memory_bytes for one in use.page} == {None}
    assert use.kernels


@pytest.mark.parametrize("browser", ["chrome", "firefox"])
def test_threads_of_a_page_are_seen_at_work(target: HostTarget, browser: str) -> None:
    one = measured(target, "tfjs/wasm/simd/1", "timing", model="mobilenet_v2", browser=browser)
    two = measured(target, "tfjs/wasm/simd-threads/2", "timing", model="mobilenet_v2", browser=browser)
    assert (one.proof.threads_at_work, two.proof.threads_at_work) == (1, 2)
    most, second, *_ = two.proof.thread_cpu_ms
    assert second > 0.3 * most


TRACE_RULE = BlockRule(min_predictions=3, max_predictions=3, max_seconds=1)
PARTS = ["framework_download", "framework_init", "model_download", "model_init"]
Events = list[dict[str, Any]]


def traced(way: str, folder: Path) -> tuple[Measurement, Events]:
    """A trace pass of `engine/backend/choice/threads`, which its verdict finds right, and what is in its file."""
    name, backend, choice, threads = way.split("/")
    target = HostTarget(describe())
    case = web_case(name, backend, choice, int(threads))
    block = PlannedBlock(index=7, round=0, case=case, rule=TRACE_RULE, pass_="trace")
    files = obtain.ensure(case.model, "fp32", 1)
    answer = measured_by(engines()[name], target, block, files, cancel=Event(), traces=folder).measurement
    assert judge(block, answer, target.info, facts(files.manifest)).status != "invalid"
    trace = answer.trace
    assert trace is not None
    data = (folder / trace.name).read_bytes()
    assert (trace.bytes, trace.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    text = gzip.decompress(data)
    assert trace.json_bytes == len(text)
    assert trace.complete
    return answer, json.loads(text)["traceEvents"]


def spans(events: Events, name: str) -> list[tuple[float, float, int]]:
    """Begin and end in milliseconds, and the process, of what the page marked by this name."""
    own = [event for event in events if event["name"] == f"mobilebench:{name}"]
    begins: dict[tuple[int, str], dict[str, Any]] = {}
    found = []
    for event in sorted(own, key=lambda one: one["ts"]):
        key = (event["pid"], json.dumps(event.get("id2") or event.get("id")))
        if event["ph"] == "b":
            begins[key] = event
        else:
            found.append((begins.pop(key)["ts"] / 1000, event["ts"] / 1000, event["pid"]))
    assert not begins
    return found


def test_a_trace_shows_stages_and_the_compilation_of_wasm_between_them(tmp_path: Path) -> None:
    answer, events = traced("tfjs/wasm/simd-threads/2", tmp_path)
    assert answer.trace and set(answer.trace.marks) == {*PARTS, "setup", "warmup", "prediction"}
    for name, told in [*answer.setup_ms.items(), ("warmup", answer.warmup_ms[0])]:
        [(begin, end, _)] = spans(events, name)
        assert end - begin == pytest.approx(told, abs=0.1)
    predictions = spans(events, "prediction")
    assert [end - begin for begin, end, _ in predictions] == pytest.approx(answer.prediction_ms, abs=0.1)
    [(begin, end, pid)] = spans(events, "setup")
    [(warm, _, _)] = spans(events, "warmup")
    assert begin < end <= warm < predictions[0][0]
    compiled = [one for one in events if one["name"].startswith("wasm.") and one["pid"] == pid]
    assert any(begin <= one["ts"] / 1000 <= end for one in compiled)
    assert any("Compil" in one["name"] for one in compiled)


def test_a_trace_of_webgl_holds_what_the_gpu_was_asked_for(tmp_path: Path) -> None:
    _, events = traced("tfjs/webgl/software/1", tmp_path)
    [(begin, end, pid)] = spans(events, "warmup")
    during = [one for one in events if begin <= one.get("ts", 0) / 1000 <= end]
    assert {one["pid"] for one in during if one.get("cat", "").startswith("gpu")} - {pid}
    assert any("gpu.angle" in one.get("cat", "") for one in during)


@contextmanager
def served() -> Iterator[int]:
    """The port of pages that say by marks and requests who they are."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.strip("/").partition("?")[0]
            script = f"setInterval(() => {{ performance.mark('mark-{name}'); fetch('/{name}?{name}-asked'); }}, 20)"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f"<!doctype html><title>{name}</title><p>{name}<script>{script}</script>".encode())

        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def wait(page: Page, milliseconds: int) -> None:
    page.evaluate(f"new Promise((go) => setTimeout(go, {milliseconds}))", timeout=60)


def test_other_pages_of_the_browser_are_not_in_a_trace(tmp_path: Path) -> None:
    with (
        served() as port,
        chrome.launch() as browser,
        open_page(browser.address) as theirs,
        open_page(browser.address) as ours,
    ):
        wait(ours, SETTLE_MS)
        theirs.open(f"http://theirs.localhost:{port}/private")
        ours.open(f"http://ours.localhost:{port}/public")
        start_trace(ours)
        wait(ours, 500)
        theirs.open(f"http://theirs.localhost:{port}/private?again")
        wait(ours, 500)
        trace = finish_trace(ours, tmp_path / "a.json.gz")
    text = gzip.decompress((tmp_path / trace.name).read_bytes()).decode()
    assert text.count("mark-public") > 5
    assert "public-asked" in text
    assert "private" not in text
    assert "theirs" not in text


def test_a_buffer_that_is_too_small_is_reported_and_its_content_can_be_read(tmp_path: Path) -> None:
    many = "for (let i = 0; i < 50000; i++) performance.mark('mark' + i)"
    with chrome.launch() as browser, open_page(browser.address) as page:
        wait(page, SETTLE_MS)
        start_trace(page, buffer_kb=512)
        page.evaluate(f"performance.measure('mobilebench:setup'); {many}; 0", timeout=60)
        trace = finish_trace(page, tmp_path / "a.json.gz")
    assert not trace.complete
    events = json.loads(gzip.decompress((tmp_path / trace.name).read_bytes()))["traceEvents"]
    assert trace.json_bytes < 5_000_000
    assert 0 < len([one for one in events if one["name"].startswith("mark")]) < 50_000
