"""Measure what inference does to a page that is not ours: frames without it, then with it, and the proof."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mobilebench.core.errors import BlockFailed
from mobilebench.scenarios.base import ScenarioFailed
from mobilebench.scenarios.injection.foreign_page import LOAD_SECONDS, ForeignPage, World
from mobilebench.scenarios.injection.inference import FRAMES_SCRIPT, InjectedInference, Load, injected
from mobilebench.scenarios.injection.remarks import remarks_on
from mobilebench.scenarios.injection.results import FrameTimes, InjectionPlan, InjectionResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mobilebench.scenarios.injection.messages import InjectedAnswer
    from mobilebench.targets.base import BrowserHandle

Progress = Callable[[str], None]
_STEP_SECONDS = 1.0
_FRAMES_SECONDS = 60.0


def measure(
    page: ForeignPage,
    url: str,
    plan: InjectionPlan,
    load: Load,
    browser: BrowserHandle,
    *,
    load_seconds: float = LOAD_SECONDS,
    isolate: bool | None = None,
    tell: Progress = lambda _: None,
) -> InjectionResult:
    """Open a page, count its frames, inject and count them again.

    Args:
        page: a tab without a page.
        url: the address of the page.
        plan: duty, place and times.
        load: engine and model.
        browser: the browser of the tab.
        load_seconds: how long the page may load.
        isolate: whether its documents are isolated; None: if the case has more than one thread.
        tell: called with what is done now.

    Raises:
        Unsupported: the engine cannot run in this page.
        ScenarioFailed: the page could not be measured; its outcome says why.
        BlockFailed: the engine failed.
    """
    isolate = load.case.threads > 1 if isolate is None else isolate
    tell(f"opening {url}")
    opened = page.open(url, isolate=isolate, timeout=load_seconds)
    dialogs = len(page.dialogs)
    frames = _frame_counter(page, load.pages, plan.frame)
    baseline = FrameTimes()
    if plan.baseline_seconds > 0:
        tell(f"counting frames for {plan.baseline_seconds:g} s without inference")
        with _counted(frames) as before:
            page.wait(plan.baseline_seconds)
        baseline = before[0]
    answer: InjectedAnswer | None = None
    inference: InjectedInference | None = None
    if plan.inject:
        with injected(page, load, plan.place, tell=tell, frame=plan.frame) as inference:
            tell(f"inferring for {plan.seconds:g} s")
            began = time.monotonic()
            with _counted(frames) as during:
                inference.begin(plan.duty)
                _wait_with_progress(page, inference, plan.seconds, tell)
                window = (time.monotonic() - began) * 1000
            answer = inference.finish()
    else:
        began = time.monotonic()
        with _counted(frames) as during:
            page.wait(plan.seconds)
            window = (time.monotonic() - began) * 1000
    page.check()
    if len(page.dialogs) > dialogs:
        raise ScenarioFailed("dialog", f"The page showed a dialog during the measurement ({page.dialogs[-1]}).")
    result = InjectionResult(
        plan=plan,
        asked=url,
        url=opened.url,
        redirected=opened.redirected,
        title=opened.title,
        isolated=opened.isolated,
        isolated_by_us=isolate,
        service_worker=opened.service_worker,
        page_frames=opened.frames,
        frames_elsewhere=opened.frames_elsewhere,
        frames_failed=opened.frames_failed,
        browser=browser.name,
        browser_version=browser.version,
        scripts_sha256=inference.sha256 if inference else {},
        answer=answer,
        baseline=baseline,
        frames=during[0],
        window_ms=window,
        taken_away=inference.taken_away if inference else {},
    )
    remarks = remarks_on(result, load.case if answer else None, load.facts if answer else None)
    return result.model_copy(update={"remarks": remarks})


def _wait_with_progress(page: ForeignPage, inference: InjectedInference, seconds: float, tell: Progress) -> None:
    """Let the page infer; look once a second, so that a failure ends the wait."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        page.wait(min(left, _STEP_SECONDS))
        if left > _STEP_SECONDS:
            tell(f"{inference.progress()} inferences, {max(deadline - time.monotonic(), 0):.0f} s left")


def _frame_counter(page: ForeignPage, pages: Path, frame: str | None) -> World:
    """A world of its own, in which frames are counted whether or not anything is injected."""
    world = page.world("mobilebench-frames", frame=frame)
    world.evaluate((pages / FRAMES_SCRIPT).read_text())
    return world


@contextmanager
def _counted(frames: World) -> Iterator[list[FrameTimes]]:
    """Count frames within the context; afterwards the list holds them."""
    found: list[FrameTimes] = []
    frames.evaluate("mobilebenchFrames.begin()")
    try:
        yield found
    except BaseException:
        with suppress(BlockFailed):
            frames.evaluate("mobilebenchFrames.end()")
        raise
    times = frames.evaluate("mobilebenchFrames.end()", timeout=_FRAMES_SECONDS)
    try:
        found.append(FrameTimes.model_validate({"times_ms": times}))
    except ValueError as error:
        raise BlockFailed("The page answered with frames that are not numbers.", fault="bad answer") from error
