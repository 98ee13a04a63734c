"""`mobilebench serve` in a real browser of a phone's size: chosen, run, looked at, and kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mobilebench.browsers import cdp, chrome
from mobilebench.browsers.page import Page
from mobilebench.results.store import Store

pytestmark = [pytest.mark.adb, pytest.mark.browser, pytest.mark.build]

PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
CHOOSE = """(([id, begins]) => {
  const select = document.getElementById(id) ?? document.getElementById(`axis-${id}`);
  const options = [...select.options];
  select.value = (options.find(({text}) => text === begins) ?? options.find(({text}) => text.startsWith(begins))).value;
  select.dispatchEvent(new Event('change', {bubbles: true}));
})"""


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[str]:
    """The address of the page; leaving ends the command as Ctrl-C does."""
    argv = [sys.executable, "-u", "-m", "mobilebench", "serve", "--out", str(folder), *options]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def until(page: Page, condition: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not page.evaluate(condition, timeout=60):
        assert time.monotonic() < deadline, page.evaluate("document.body.innerText", timeout=60)
        time.sleep(0.1)


def opened(page: Page, url: str) -> None:
    page.call("Emulation.setDeviceMetricsOverride", PHONE)
    page.open(url)
    until(page, "!document.getElementById('run').disabled")


def begin(page: Page, **chosen: str) -> None:
    for item in chosen.items():
        page.evaluate(f"{CHOOSE}({json.dumps(item)})", timeout=60)
    page.evaluate("document.getElementById('run').click()", timeout=60)


def run(page: Page, **chosen: str) -> str:
    begin(page, **chosen)
    until(page, "!document.getElementById('result').hidden || document.getElementById('status').className === 'wrong'")
    return shown(page)


def shown(page: Page) -> str:
    return str(page.evaluate("document.getElementById('status').innerText + result.innerText", timeout=60))


def kept(page: Page, folder: Path) -> Any:
    page.evaluate("document.getElementById('keep').click()", timeout=60)
    until(page, "result.innerText.includes('Kept on the computer as run')")
    with Store.open(folder, create=False) as store:
        return store.load("last")


def test_a_person_measures_on_a_phones_screen_and_keeps_the_result(tmp_path: Path) -> None:
    with serving(tmp_path) as url, chrome.launch() as browser, cdp.open_page(browser.address) as page:
        opened(page, url)
        widest = page.evaluate("document.documentElement.scrollWidth", timeout=60)
        assert widest <= PHONE["width"], "the page has to be scrolled sideways"
        said = run(page, model="bert_small fp32", engine="ONNX Runtime Web 1.30", threads="1")
        title = "bert_small fp32 on ONNX Runtime Web 1.30, wasm simd-threads, 1 thread"
        for words in (title, "Stages", "framework download", "first inference", "later inferences"):
            assert words in said
        assert page.evaluate("document.documentElement.scrollWidth", timeout=60) <= PHONE["width"]
        assert page.evaluate("document.querySelectorAll('iframe').length", timeout=60) == 0
        stored = kept(page, tmp_path)
        (block,) = stored.blocks
        assert (stored.info.suite, block.planned.context, block.outcome) == ("manual", "manual", "measured")
        proof = block.measurement.proof
        assert proof.cross_origin_isolated is True
        assert proof.download_path == "loopback"
        assert any(file.name.endswith(".wasm") and file.sha256 for file in proof.files)
        assert block.verdict.status != "invalid", block.verdict.reasons


def test_an_engine_gets_its_threads_also_on_a_machine_with_few_cores(tmp_path: Path) -> None:
    with serving(tmp_path) as url, chrome.launch() as browser, cdp.open_page(browser.address) as page:
        page.call("Emulation.setHardwareConcurrencyOverride", {"hardwareConcurrency": 2})
        opened(page, url)
        said = run(
            page, model="bert_small fp32", engine="TensorFlow.js 4.22", wasm_build="simd-threads", threads="2 (all)"
        )
        assert "threads unproven" in said
        assert "invalid" not in said
        (block,) = kept(page, tmp_path).blocks
        proof = block.measurement.proof
        assert (proof.threads, proof.hardware_concurrency_overridden) == (2, True)


def test_what_is_stopped_or_left_holds_up_nobody(tmp_path: Path) -> None:
    slow = {"offline": False, "latency": 0, "downloadThroughput": 1_000_000, "uploadThroughput": -1}
    chosen = {"model": "bert_small fp32", "engine": "TensorFlow.js 4.22", "wasm_build": "simd"}
    with serving(tmp_path) as url, chrome.launch() as browser, cdp.open_page(browser.address) as page:
        opened(page, url)
        page.call("Network.enable")
        page.call("Network.emulateNetworkConditions", slow)
        begin(page, **chosen)
        until(page, "!document.getElementById('stop').hidden && document.querySelector('iframe') !== null")
        page.evaluate("document.getElementById('stop').click()", timeout=60)
        until(page, "document.getElementById('status').innerText === 'Stopped.'")
        assert page.evaluate("document.querySelectorAll('iframe').length", timeout=60) == 0
        begin(page)
        until(page, "document.querySelector('iframe') !== null")
        page.call("Network.emulateNetworkConditions", slow | {"downloadThroughput": -1})
        opened(page, url)  # in the midst of it
        assert "Stages" in run(page, **chosen)


def test_a_computer_that_is_gone_is_named(tmp_path: Path) -> None:
    with chrome.launch() as browser, cdp.open_page(browser.address) as page:
        with serving(tmp_path) as url:
            opened(page, url)
        assert "The computer does not answer" in run(page)


def test_without_tls_another_device_is_told_that_it_is_not_isolated(tmp_path: Path) -> None:
    named = ("--host-resolver-rules=MAP phone.test 127.0.0.1", "--disable-features=HttpsUpgrades")
    with (
        serving(tmp_path, "--listen", "127.0.0.1", "--no-tls") as url,
        chrome.launch(named) as browser,
        cdp.open_page(browser.address) as page,
    ):
        opened(page, url.replace("127.0.0.1", "phone.test"))
        assert page.evaluate("!document.getElementById('isolation').hidden", timeout=60) is True
        assert page.evaluate("document.getElementById('threads').options.length", timeout=60) == 1
        assert "not isolated" in run(page, model="bert_small fp32", engine="TensorFlow.js 4.22", wasm_build="simd")
        (block,) = kept(page, tmp_path).blocks
        assert block.measurement.proof.cross_origin_isolated is False
        assert block.measurement.proof.download_path == "lan"


def test_with_tls_another_device_has_an_isolated_page_and_sees_kernels(tmp_path: Path) -> None:
    named = ("--host-resolver-rules=MAP phone.test 127.0.0.1", "--ignore-certificate-errors")
    with (
        serving(tmp_path, "--listen", "127.0.0.1") as url,
        chrome.launch(named) as browser,
        cdp.open_page(browser.address) as page,
    ):
        assert url.startswith("https://")
        opened(page, url.replace("127.0.0.1", "phone.test"))
        assert page.evaluate("crossOriginIsolated", timeout=60) is True
        chosen = {"model": "bert_small fp32", "engine": "TensorFlow.js 4.22", "wasm_build": "simd", "pass": "kernels"}
        assert "Kernels of one inference" in run(page, **chosen)
