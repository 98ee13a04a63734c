"""Traces of pages in a real Chrome: they can be read, hold what happened in the page, and nothing of other pages."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from mobilebench.browsers import chrome, tracing
from mobilebench.browsers.connect import open_page
from mobilebench.browsers.page import Page
from mobilebench.core.records import BlockRule, Measurement, PlannedBlock
from mobilebench.engines import page_trace
from mobilebench.engines.registry import engines
from mobilebench.models import obtain
from mobilebench.models.registry import facts
from mobilebench.targets.host import HostTarget, describe
from mobilebench.verdicts.rules import judge
from tests.engines.web_cases import web_case

from .measuring import measured_by

pytestmark = [pytest.mark.browser, pytest.mark.build]

RULE = BlockRule(min_predictions=3, max_predictions=3, max_seconds=1)
PARTS = ["framework_download", "framework_init", "model_download", "model_init"]
Events = list[dict[str, Any]]


def traced(way: str, folder: Path) -> tuple[Measurement, Events]:
    """A trace pass of `engine/backend/choice/threads`, which its verdict finds right, and what is in its file."""
    name, backend, choice, threads = way.split("/")
    target = HostTarget(describe())
    case = web_case(name, backend, choice, int(threads))
    block = PlannedBlock(index=7, round=0, case=case, rule=RULE, pass_="trace")
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
        wait(ours, page_trace.SETTLE_MS)
        theirs.open(f"http://theirs.localhost:{port}/private")
        ours.open(f"http://ours.localhost:{port}/public")
        tracing.start(ours)
        wait(ours, 500)
        theirs.open(f"http://theirs.localhost:{port}/private?again")
        wait(ours, 500)
        trace = tracing.finish(ours, tmp_path / "a.json.gz")
    text = gzip.decompress((tmp_path / trace.name).read_bytes()).decode()
    assert text.count("mark-public") > 5
    assert "public-asked" in text
    assert "private" not in text
    assert "theirs" not in text


def test_a_buffer_that_is_too_small_is_told_and_what_it_held_can_be_read(tmp_path: Path) -> None:
    many = "for (let i = 0; i < 50000; i++) performance.mark('mark' + i)"
    with chrome.launch() as browser, open_page(browser.address) as page:
        wait(page, page_trace.SETTLE_MS)
        tracing.start(page, buffer_kb=512)
        page.evaluate(f"performance.measure('mobilebench:setup'); {many}; 0", timeout=60)
        trace = tracing.finish(page, tmp_path / "a.json.gz")
    assert not trace.complete
    events = json.loads(gzip.decompress((tmp_path / trace.name).read_bytes()))["traceEvents"]
    assert trace.json_bytes < 5_000_000
    assert 0 < len([one for one in events if one["name"].startswith("mark")]) < 50_000
