"""Whole blocks in real browsers of both kinds: Firefox answers right, every death has a name, nothing is left."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread, Timer

import pytest

from mobilebench.browsers import builds, chrome, firefox
from mobilebench.browsers.page_session import Served, Visit
from mobilebench.core.agreement import disagreements
from mobilebench.core.errors import BlockFailed
from mobilebench.core.records import MEASUREMENT_SCHEMA, BlockRule, Measurement
from mobilebench.engines import web
from mobilebench.engines.web_engines import LITERTJS, ORTJS, TFJS
from mobilebench.models import obtain
from mobilebench.models.manifest import ModelFiles
from mobilebench.targets.host import HostTarget
from tests.browsers.processes import group, kill_pages, wait_until
from tests.engines.web_cases import SHORT, planned, web_case

from .measuring import measured_by

pytestmark = [pytest.mark.browser, pytest.mark.build, pytest.mark.usefixtures("closed_pages")]

ENGINES = {"tfjs": TFJS, "ortjs": ORTJS, "litertjs": LITERTJS}
ENDLESS = BlockRule(min_predictions=100_000, max_predictions=100_000)
BROWSERS = pytest.mark.parametrize("browser", ["chrome", "firefox"])


def bert() -> ModelFiles:
    found = obtain.find("bert_small", "fp32", 1)
    assert found is not None, "build bert_small with `mobilebench models build` first"
    return found


def measure(
    target: HostTarget, engine: str, backend: str, choice: str, threads: int, browser: str, rule: BlockRule = SHORT
) -> Measurement:
    case = web_case(engine, backend, choice, threads, browser=browser)
    assert ENGINES[engine].supports(target.info, case) is None
    return measured_by(ENGINES[engine], target, planned(case, rule), bert(), cancel=Event()).measurement


@pytest.mark.parametrize(
    ("engine", "build", "threads"),
    [
        ("tfjs", "plain", 1),
        ("tfjs", "simd-threads", 2),
        ("ortjs", "simd-threads", 2),
        ("litertjs", "relaxed-simd", 1),
        ("litertjs", "relaxed-simd-threads", 4),
    ],
)
def test_firefox_answers_right_and_proves_itself(
    target: HostTarget, engine: str, build: str, threads: int, temporary: Path
) -> None:
    measured = measure(target, engine, "wasm", build, threads, "firefox")
    manifest = bert().manifest
    assert disagreements(manifest.reference, measured.output, manifest.tolerance) == []
    proof = measured.proof
    assert (proof.backend, proof.threads, proof.simd) == ("wasm", threads, build != "plain")
    assert (proof.cross_origin_isolated, proof.visible) == (True, True)
    assert proof.clock_resolution_ms is not None
    assert proof.clock_resolution_ms <= 0.021
    assert "Firefox" in (proof.user_agent or "")
    assert proof.browser_version == target.info.browsers["firefox"]
    assert (proof.browser_program or "").startswith("firefox")
    assert "dom.ipc.processPrelaunch.enabled=false" in proof.flags
    needed = {"tfjs": 2 * threads if build == "simd-threads" else 1, "litertjs": threads}.get(engine, 1)
    assert proof.hardware_concurrency_overridden is (needed > target.info.cores)
    assert list(temporary.iterdir()) == []


def test_firefox_draws_in_software_and_reports_it(target: HostTarget) -> None:
    measured = measure(
        target, "tfjs", "webgl", "software", 1, "firefox", BlockRule(min_predictions=1, max_predictions=1)
    )
    manifest = bert().manifest
    assert disagreements(manifest.reference, measured.output, manifest.tolerance) == []
    assert measured.proof.renderer_software is True
    assert "llvmpipe" in (measured.proof.renderer or "")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Process ids of the browsers that this test starts, as they come."""
    pids: list[int] = []
    launch = builds.launch

    def noting(name: str, *arguments: object, **options: object) -> object:
        manager = launch(name, *arguments, **options)  # type: ignore[arg-type]
        enter = type(manager).__enter__

        class Noted:
            def __enter__(self) -> object:
                running = enter(manager)
                pids.append(running.pid)
                return running

            def __exit__(self, *error: object) -> object:
                return manager.__exit__(*error)  # type: ignore[arg-type]

        return Noted()

    monkeypatch.setattr(builds, "launch", noting)
    return pids


@pytest.fixture
def page_was_sent(monkeypatch: pytest.MonkeyPatch) -> Event:
    """Set as soon as a browser has fetched the page."""
    sent = Event()
    end = Visit.end

    def noting(visit: Visit, served: Served | None) -> None:
        end(visit, served)
        if served is not None and served.name == "bench.html":
            sent.set()

    monkeypatch.setattr(Visit, "end", noting)
    return sent


DEATHS = {
    "browser": (lambda pid: os.kill(pid, signal.SIGKILL), "connection to the browser was cut"),
    "page": (kill_pages, r"page.* (was killed|crashed).* memory"),
}


@BROWSERS
@pytest.mark.parametrize("death", list(DEATHS))
@pytest.mark.parametrize("stage", ["opening", "measuring"])
def test_a_death_in_any_stage_has_a_name_and_the_next_block_is_measured(
    target: HostTarget,
    serve: Callable[[str], None],
    temporary: Path,
    started: list[int],
    page_was_sent: Event,
    browser: str,
    death: str,
    stage: str,
) -> None:
    kill, words = DEATHS[death]
    block = planned(web_case("tfjs", "wasm", "simd", browser=browser), ENDLESS)
    script = "for (;;);" if stage == "opening" else "mobilebench = {run: () => new Promise(() => {})}"
    serve(script)

    def act() -> None:
        assert page_was_sent.wait(60)
        Timer(1.0 if stage == "opening" else 3.0, kill, started[:1]).start()

    Thread(target=act, daemon=True).start()
    with pytest.raises(BlockFailed, match=words):
        measured_by(TFJS, target, block, bert(), cancel=Event())
    wait_until(lambda: not group(started[0]))
    assert list(temporary.iterdir()) == []
    serve(f"mobilebench = {{run: () => {json.dumps(answer())}}}")
    assert measured_by(TFJS, target, block, bert(), cancel=Event()).measurement.prediction_ms == [2.0]


def answer() -> str:
    return json.dumps(
        {
            "schema": MEASUREMENT_SCHEMA,
            "status": "ok",
            "engine": "tfjs",
            "warmup_ms": [3.0],
            "prediction_ms": [2.0],
        }
    )


@pytest.mark.parametrize(
    ("browser", "run", "fault", "names"),
    [
        ("chrome", "async () => NaN", "bad answer", ""),
        ("firefox", "async () => NaN", "bad answer", ""),
        ("chrome", "async () => [1, 2]", "bad answer", ""),
        ("chrome", "async () => 'x'.repeat(25e6)", "bad answer", ""),
        ("firefox", "async () => " + json.dumps(answer().replace("2.0", "NaN")), "bad answer", "prediction_ms.0"),
        ("chrome", "async () => " + json.dumps(answer().replace("2.0", "-1")), "bad answer", "prediction_ms.0"),
        ("firefox", "undefined", "page error", ""),
    ],
)
def test_what_a_page_may_answer_fails_the_block(
    target: HostTarget, serve: Callable[[str], None], browser: str, run: str, fault: str, names: str
) -> None:
    serve(f"mobilebench = {{run: {run}}}")
    block = planned(web_case("tfjs", "wasm", "simd", browser=browser))
    with pytest.raises(BlockFailed) as raised:
        measured_by(TFJS, target, block, bert(), cancel=Event())
    assert raised.value.fault == fault
    assert names in raised.value.message


def test_ten_blocks_in_a_row_leave_nothing_behind(
    target: HostTarget, serve: Callable[[str], None], temporary: Path, started: list[int]
) -> None:
    serve(f"mobilebench = {{run: async () => {json.dumps(answer())}}}")
    files = bert()
    descriptors = []
    for number in range(10):
        browser = "firefox" if number % 4 == 3 else "chrome"
        block = planned(web_case("tfjs", "wasm", "simd", browser=browser))
        measured_by(TFJS, target, block, files, cancel=Event())
        if number < 5:
            descriptors.append(open_files())
        assert list(temporary.iterdir()) == []
        assert web.page_server().open_visits == 0
    assert len(started) == 10
    wait_until(lambda: not any(group(pid) for pid in started))
    wait_until(lambda: open_files() <= max(descriptors))  # the server's end of a connection closes after the browser's


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_both_browsers_are_those_that_were_found(target: HostTarget) -> None:
    for name, find in (("chrome", chrome.find), ("firefox", firefox.find)):
        found = find()
        assert found is not None
        assert target.info.browsers[name] == found.version
