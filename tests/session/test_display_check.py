"""A run in windows, on a computer with a screen and without one."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.core.records import Conditions, TargetInfo
from mobilebench.results.store import Store
from mobilebench.session import RunRequest, RunResult, resume, run
from mobilebench.session.dependencies import Dependencies
from tests.pinning import Pinned

from ..results.making import host, phone
from .fakes import Seen, World, plan

NO_SCREEN = "there is no screen here"


def dependencies(why: str | None) -> Dependencies:
    return replace(World().dependencies(), why_no_screen=lambda: why)


def gone_on(store: Store, why: str | None) -> RunResult:
    stored = store.load("last")
    return resume(stored, store, on_event=Seen(), cancel=threading.Event(), dependencies=dependencies(why))


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
    return run(request, store, on_event=Seen(), cancel=cancel, dependencies=dependencies(why))


@pytest.fixture
def store(tmp_path: Path):
    with Store.open(tmp_path) as store:
        yield store


def test_without_a_screen_nothing_is_measured_or_stored(store: Store) -> None:
    with pytest.raises(BadInput, match="--headed cannot be honoured on this computer: there is no screen") as raised:
        begun(store, host(), NO_SCREEN)
    assert raised.value.hint is not None
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
            store.load("last"), store, on_event=Seen(), cancel=threading.Event(), dependencies=dependencies(NO_SCREEN)
        )
    assert store.load(stopped.run_id).blocks == []
    ended = resume(
        store.load("last"), store, on_event=Seen(), cancel=threading.Event(), dependencies=dependencies(None)
    )
    assert sum(ended.counts.values()) == 2
