"""What happens before any block: libraries are fetched once each, Ctrl-C does not wait, and windows need a screen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mobilebench.core.errors import BadInput, Unsupported
from mobilebench.core.records import Conditions, TargetInfo
from mobilebench.engines import libraries as engine_libraries
from mobilebench.results.store import Store
from mobilebench.session import RunRequest, RunResult, dependencies, preparation, resume, run
from mobilebench.session.dependencies import Dependencies
from mobilebench.session.preparation import decide_support, obtain_libraries
from tests.pinning import Pinned

from ..results.making import host, phone
from .fakes import FakeEngine, Seen, World, plan

Asked = list[tuple[str, str, str]]


def obtain(engine: FakeEngine, library: Callable[..., None], cancel: threading.Event | None = None) -> list[str]:
    told, _ = obtained(engine, library, cancel)
    return told


def obtained(
    engine: FakeEngine, library: Callable[..., str | None], cancel: threading.Event | None = None
) -> tuple[list[str], preparation.Unsupported]:
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
        over.wait(60)

    began = time.monotonic()
    obtain(FakeEngine(), library, cancel)
    over.set()
    assert time.monotonic() - began < 30


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


NO_SCREEN = "there is no screen here"


def with_screen(why: str | None) -> Dependencies:
    return replace(World().dependencies(), why_no_screen=lambda: why)


def gone_on(store: Store, why: str | None) -> RunResult:
    stored = store.load("last")
    return resume(stored, store, on_event=Seen(), cancel=threading.Event(), dependencies=with_screen(why))


def begun(
    store: Store,
    target: TargetInfo,
    why: str | None,
    *,
    headed: bool = True,
    browser: str | None = "chrome",
    cancelled: bool = False,
) -> RunResult:
    cancel = threading.Event()
    if cancelled:
        cancel.set()
    made = plan(target)
    conditions = Conditions(context="browser" if browser else "shell", headed=headed)
    blocks = tuple(
        block.model_copy(update={"case": replace(block.case, browser=browser), "conditions": conditions})
        for block in made.blocks
    )
    request = RunRequest(plan=replace(made, blocks=blocks), targets=(target,))
    return run(request, store, on_event=Seen(), cancel=cancel, dependencies=with_screen(why))


@pytest.fixture
def store(tmp_path: Path):
    with Store.open(tmp_path) as store:
        yield store


def test_without_a_screen_nothing_is_measured_or_stored(store: Store, pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        begun(store, host(), NO_SCREEN)
    assert store.runs() == []


@pytest.mark.parametrize(
    ("target", "why", "headed", "browser"),
    [
        (host(), None, True, "chrome"),
        (host(), NO_SCREEN, False, "chrome"),
        (host(), NO_SCREEN, True, None),
        (phone(), NO_SCREEN, True, "chrome"),
    ],
    ids=["a screen", "no window", "no browser", "a phone"],
)
def test_all_others_go_on(store: Store, target: TargetInfo, why: str | None, headed: bool, browser: str | None) -> None:
    assert sum(begun(store, target, why, headed=headed, browser=browser).counts.values()) == 2


def test_a_run_in_windows_goes_on_where_there_is_a_screen(store: Store, pinned: Pinned) -> None:
    stopped = begun(store, host(), None, cancelled=True)
    with pinned.raises(BadInput):
        resume(
            store.load("last"), store, on_event=Seen(), cancel=threading.Event(), dependencies=with_screen(NO_SCREEN)
        )
    assert store.load(stopped.run_id).blocks == []
    ended = resume(store.load("last"), store, on_event=Seen(), cancel=threading.Event(), dependencies=with_screen(None))
    assert sum(ended.counts.values()) == 2
