"""A real browser takes the GPU away, or refuses memory, while a page lives on: in every moment it has its name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from threading import Event, Timer
from typing import Any

import pytest

from mobilebench.browsers import browser_processes, builds, chrome
from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.core.records import BlockRule, Measurement, Pass
from mobilebench.engines import page_sampling
from mobilebench.engines.base import Engine
from mobilebench.engines.registry import engines
from mobilebench.models import obtain
from mobilebench.targets.host import HostTarget, describe
from tests.browsers.sabotage import crash_gpu, last_browser
from tests.engines.web_cases import SHORT, planned, web_case

from .measuring import measured_by

pytestmark = [pytest.mark.browser, pytest.mark.build, pytest.mark.usefixtures("closed_pages")]

TINY = "mlp_4x256"
LOST = r"the browser took the (WebGL context|WebGPU device) away|The browser's GPU process ended while the page used it"


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Callable[[], builds.RunningBrowser]:
    """The browser that this test has started last."""
    return last_browser(monkeypatch)


def measure(
    engine: str,
    backend: str,
    build: str,
    model: str,
    rule: BlockRule = SHORT,
    browser: str = "chrome",
    pass_: Pass = "timing",
) -> Measurement:
    target = HostTarget(describe())
    of: Any = engines()[engine]
    impatient: Engine = dataclasses.replace(of, setup_patience_s=60)
    case = web_case(engine, backend, build, model=model, browser=browser)
    block = planned(case, rule).model_copy(update={"pass_": pass_})
    return measured_by(impatient, target, block, obtain.ensure(model), cancel=Event()).measurement


def crash_after(stage: str, browser: Callable[[], builds.RunningBrowser], monkeypatch: pytest.MonkeyPatch) -> None:
    """The browser's GPU process crashes a moment after the page goes on."""
    look = page_sampling.PageProcessSampler.paused

    def looking(watch: page_sampling.PageProcessSampler, moment: str) -> None:
        look(watch, moment)
        if moment == stage:
            Timer(0.2, crash_gpu, [browser().address]).start()

    monkeypatch.setattr(page_sampling.PageProcessSampler, "paused", looking)


@pytest.mark.parametrize(
    ("engine", "backend"),
    [
        ("tfjs", "webgl"),
        ("tfjs", "webgpu"),
        ("ortjs", "webgpu"),
        ("litertjs", "webgpu"),
    ],
)
def test_a_gpu_that_is_lost_in_predictions_is_named_and_nothing_is_answered(
    engine: str,
    backend: str,
    browser: Callable[[], builds.RunningBrowser],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crash_after("warmup", browser, monkeypatch)
    rule = BlockRule(min_predictions=1, max_predictions=1_000_000, max_seconds=10)
    with pytest.raises(BlockFailed, match=LOST) as raised:
        measure(engine, backend, "software", TINY, rule)
    assert raised.value.fault == "lost context"


@pytest.mark.parametrize("backend", ["webgl", "webgpu"])
def test_a_gpu_that_is_lost_in_the_first_inference_is_named(
    backend: str, browser: Callable[[], builds.RunningBrowser], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A memory pass stops before it, too."""
    crash_after("model_init", browser, monkeypatch)
    with pytest.raises(BlockFailed, match=LOST) as raised:
        measure("tfjs", backend, "software", "bert_small", pass_="memory")
    assert raised.value.fault == "lost context"


@pytest.mark.parametrize("browser_name", ["chrome", "firefox"])
def test_a_page_that_takes_longer_than_its_time_limit_is_left_as_too_slow(browser_name: str) -> None:
    rule = BlockRule(min_predictions=1_000_000, max_predictions=1_000_000, time_limit_seconds=2)
    with pytest.raises(Unsupported, match="did not end within 2 s, the time limit of a block"):
        measure("tfjs", "wasm", "simd", TINY, rule, browser_name)


def test_a_gpu_that_is_lost_within_the_time_limit_is_no_slow_case(
    browser: Callable[[], builds.RunningBrowser], monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_after("warmup", browser, monkeypatch)
    rule = BlockRule(min_predictions=1, max_predictions=1_000_000, max_seconds=30, time_limit_seconds=20)
    with pytest.raises(BlockFailed, match=LOST) as raised:
        measure("tfjs", "webgl", "software", TINY, rule)
    assert raised.value.fault == "lost context"


def test_a_gpu_that_is_lost_before_it_is_used_does_not_make_the_case_unsupported(
    browser: Callable[[], builds.RunningBrowser], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then there is no adapter, as in a browser that has no WebGPU at all."""
    running = browser_processes.GpuProcessCheck._running
    seen: list[frozenset[int]] = []

    def looking(watch: browser_processes.GpuProcessCheck) -> frozenset[int]:
        seen.append(running(watch))
        if len(seen) == 1:
            crash_gpu(browser().address)
        return seen[-1]

    monkeypatch.setattr(browser_processes.GpuProcessCheck, "_running", looking)
    monkeypatch.setattr(chrome, "SOFTWARE_GPU", ("--use-angle=swiftshader", "--disable-features=WebGPU"))
    words = "The browser's GPU process ended while the page used it: tfjs webgpu"
    with pytest.raises(BlockFailed, match=words) as raised:
        measure("tfjs", "webgpu", "software", TINY)
    assert raised.value.fault == "lost context"


@pytest.mark.parametrize(("engine", "build"), [("tfjs", "simd"), ("litertjs", "simd")])
def test_a_gpu_that_is_lost_while_wasm_computes_does_not_matter(
    engine: str,
    build: str,
    browser: Callable[[], builds.RunningBrowser],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crash_after("warmup", browser, monkeypatch)
    rule = BlockRule(min_predictions=1, max_predictions=100_000, max_seconds=1)
    assert measure(engine, "wasm", build, TINY, rule).prediction_ms


@pytest.mark.parametrize(
    ("engine", "build", "pages"),
    [("tfjs", "simd", 200), ("tfjs", "simd", 300), ("ortjs@1.18", "simd", 600)],
)
def test_memory_that_webassembly_is_refused_is_named_while_the_page_lives(
    engine: str, build: str, pages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TensorFlow.js waits for ever, or reads beyond its heap; ONNX Runtime throws an error, or a number."""
    found = chrome.find()
    assert found is not None
    monkeypatch.setenv(builds.VARIABLE, f"chrome@small={found.path} --js-flags=--wasm-max-mem-pages={pages}")
    with pytest.raises(BlockFailed) as raised:
        measure(engine, "wasm", build, "mobilenet_v2", browser="chrome@small")
    assert raised.value.fault == "out of memory"
