"""Libraries are fetched before any block, once for each that some block needs, and Ctrl-C does not wait for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from mobilebench.core.errors import BadInput, Unsupported
from mobilebench.engines import libraries as engine_libraries
from mobilebench.session import dependencies
from mobilebench.session.dependencies import Dependencies
from mobilebench.session.libraries import obtain_libraries
from mobilebench.session.support import Unsupported as UnsupportedCases
from mobilebench.session.support import decide_support

from ..results.making import host
from .fakes import FakeEngine, plan

Asked = list[tuple[str, str, str]]


def obtain(engine: FakeEngine, library: Callable[..., None], cancel: threading.Event | None = None) -> list[str]:
    told, _ = obtained(engine, library, cancel)
    return told


def obtained(
    engine: FakeEngine, library: Callable[..., str | None], cancel: threading.Event | None = None
) -> tuple[list[str], UnsupportedCases]:
    """What is said while libraries are fetched, and what is unsupported then."""
    told: list[str] = []
    blocks, targets = plan(host(), rounds=3).blocks, {"host": host()}
    world = Dependencies(engine=lambda name: engine, library=library, why_no_model=lambda key: None)
    unsupported = decide_support(blocks, targets, world)
    obtain_libraries(
        blocks,
        targets,
        unsupported,
        world,
        lambda name, step: told.append(f"{name}: {step}"),
        cancel or threading.Event(),
    )
    return told, unsupported


def test_each_is_asked_for_once_and_told_of_by_its_engine() -> None:
    asked: Asked = []

    def library(engine: str, backend: str, build: str, tell: Callable[[str], None]) -> None:
        asked.append((engine, backend, build))
        tell("fetching")

    assert obtain(FakeEngine(), library) == ["fake: fetching"]
    assert asked == [("fake", "cpu", host().runner)]


def test_what_no_target_can_run_is_not_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeEngine, "supports", lambda self, target, case: "it cannot")
    asked: Asked = []
    obtain(FakeEngine(), lambda engine, backend, build, tell: asked.append((engine, backend, build)))
    assert asked == []


def test_cases_whose_library_no_source_gives_become_unsupported() -> None:
    blocks = plan(host(), rounds=3).blocks
    _, unsupported = obtained(FakeEngine(), lambda *key: "no source gives it")
    assert unsupported == {(blocks[0].case.key, "timing"): "no source gives it"}


def test_a_stop_does_not_wait_for_a_fetch() -> None:
    cancel, over = threading.Event(), threading.Event()

    def library(engine: str, backend: str, build: str, tell: Callable[[str], None]) -> None:
        cancel.set()
        over.wait(20)

    began = time.monotonic()
    obtain(FakeEngine(), library, cancel)
    over.set()
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("error", [Unsupported("no network"), BadInput("its checksum differs")])
def test_what_cannot_be_had_is_left_to_the_block(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    asked: Asked = []

    def fails(engine: str, backend: str, build: str, tell: Callable[[str], None]) -> None:
        asked.append((engine, backend, build))
        raise error

    monkeypatch.setattr(engine_libraries, "libraries_for", fails)
    dependencies.library("tflite", "gpu", "android-x86_64", lambda step: None)
    dependencies.library("tfjs", "wasm", "android-x86_64", lambda step: None)
    assert asked == [("tflite", "gpu", "android-x86_64")]
