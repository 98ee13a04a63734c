"""Open the page of a scenario in a browser of a target, and measure it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from threading import Event
from urllib.parse import quote

from mobilebench.browsers import names
from mobilebench.browsers.connect import open_page
from mobilebench.browsers.page import Page, PageDialog, PageNotOpened
from mobilebench.browsers.page_session import Served, Visit
from mobilebench.browsers.server import PageServer
from mobilebench.core.errors import BadInput, BlockFailed, Unsupported, as_sentence
from mobilebench.core.page_quality import ScenarioResult, ScriptRun, SentFiles, VideoFrames, Void
from mobilebench.core.records import TargetInfo
from mobilebench.scenarios import frame_trace, navigation, probe
from mobilebench.scenarios.base import Outcome, ScenarioFailed, name_kept, of_net_error
from mobilebench.scenarios.frame_trace import FrameTrace
from mobilebench.scenarios.hands import hands_of
from mobilebench.scenarios.messages import Begun, ProbeAnswer, ProbeOptions
from mobilebench.scenarios.phone_frames import PhoneWatch
from mobilebench.scenarios.scenario import Scenario, Use
from mobilebench.targets.base import BrowserHandle, Target

LOAD_SECONDS = 60.0
SETTLE_SECONDS = 0.5
OPEN_SECONDS = 4.0
"""A page is used when it has been open for so long. The first seconds of a browser are slower than the rest, and a page
with an engine, which has to be set up, would not be used in them, while one without would.
"""
_MOST_HURRIES = 5
VISIBLE = 0.5
"""A video counts as seen if at least this part of it was inside of the window all the time."""
REACH_ALL = {"chrome": ("--host-resolver-rules=",), "firefox": ("network.proxy.type=0",)}
"""Flags that let a browser of this computer load pages of other servers, which it otherwise may not."""


@dataclass(frozen=True)
class OpenPage:
    """A scenario's page, loaded and with the probe in it."""

    page: Page
    browser: BrowserHandle
    visit: Visit | None = None
    """Its session on the page server; None if what was sent is not recorded."""
    notes: tuple[str, ...] = ()
    """What is to be noted with its results."""
    target: Target | None = None
    """Where the browser runs; None if nothing is read there."""


@dataclass(frozen=True)
class Recorded:
    """What was recorded while a page was used."""

    result: ScenarioResult
    began_ms: float
    """When the recording began, in milliseconds since the page was opened."""
    focused: bool
    """Whether the page had the focus at the end."""


@dataclass(frozen=True)
class Visited:
    """A scenario's page on the page server, and a browser that was started for it."""

    browser: BrowserHandle
    visit: Visit
    address: str
    """The page's address, as the browser reaches it."""
    origin: str
    """That of our pages."""
    on_phone: bool
    keeps: bool
    """Whether the browser may keep data of our page: a phone's has the user's profile."""

    def cleared(self, page: Page) -> AbstractContextManager[None]:
        """See `cleared`."""
        return cleared(page, self.origin, enabled=self.keeps)


@contextmanager
def visited(
    target: Target,
    scenario: Scenario,
    browser_name: str,
    server: PageServer,
    *,
    flags: tuple[str, ...] = (),
    headed: bool = False,
) -> Iterator[Visited]:
    """Serve the scenario's page, and start a browser that reaches it; no page is open yet.

    Raises:
        BadInput: no browser has this name.
        Unsupported: the target has no such browser.
    """
    on_phone = target.info.kind == "android"
    _require_browser(target.info, browser_name)
    with (
        name_kept(),
        server.visit(scenario.files, isolated=scenario.isolated) as visit,
        target.browser(browser_name, (*reach(target.info, scenario, browser_name), *flags), headed=headed) as browser,
        target.reverse(server.port) as origin,
    ):
        address = address_of(scenario, origin, visit)
        yield Visited(browser, visit, address, origin, on_phone, keeps=on_phone and not scenario.is_remote)


@contextmanager
def opened(
    target: Target,
    scenario: Scenario,
    browser_name: str,
    server: PageServer,
    *,
    flags: tuple[str, ...] = (),
    headed: bool = False,
    cancel: Event | None = None,
    load_seconds: float = LOAD_SECONDS,
) -> Iterator[OpenPage]:
    """Open the scenario's page in a browser that was started for it (on a phone: in a new tab).

    Raises:
        BadInput: no browser has this name.
        Unsupported: the target has no such browser.
        ScenarioFailed: the page did not load, or another page answered.
    """
    with (
        visited(target, scenario, browser_name, server, flags=flags, headed=headed) as there,
        open_page(there.browser.address, cancel=cancel, stays=there.on_phone) as page,
        there.cleared(page),
    ):
        load(page, there.address, seconds=load_seconds)
        yield OpenPage(page, there.browser, there.visit, ready(page, scenario), target)


@contextmanager
def cleared(page: Page, origin: str, *, enabled: bool) -> Iterator[None]:
    """On leaving, remove the data that a phone's browser keeps of our page, where the browser can."""
    try:
        yield
    finally:
        if enabled and "clear origin" in page.capabilities:
            with suppress(BlockFailed):
                page.clear_origin(origin)


def reach(info: TargetInfo, scenario: Scenario, browser_name: str) -> tuple[str, ...]:
    """Flags with which a browser reaches the scenario's page, and those that the page needs. Phones take none."""
    if info.kind == "android":
        return ()
    family = names.family(browser_name)
    return (*(REACH_ALL[family] if scenario.is_remote else ()), *scenario.flags.get(family, ()))


def address_of(scenario: Scenario, origin: str, visit: Visit) -> str:
    """The address of the scenario's page, where the page server is reached at `origin`."""
    if scenario.is_remote:
        return scenario.page
    return f"{origin.rstrip('/')}{visit.path}{quote(scenario.page)}{scenario.query}"


def ready(page: Page, scenario: Scenario) -> tuple[str, ...]:
    """Put the probe into the loaded page, and do what the scenario needs before anything is recorded.

    Returns:
        what is to be noted with the result.

    Raises:
        ScenarioFailed: the page cannot be used.
    """
    probe.install(page)
    notes = tuple(scenario.prepare(page)) if scenario.prepare else ()
    with probe.named_failures(page):
        others = page.evaluate(_FRAMES_OF_OTHERS, timeout=probe.ANSWER_SECONDS, apart=True)
    if isinstance(others, int) and others > 0:
        notes = (*notes, f"{others} frames of other origins are inside the page: what they draw and do is not recorded")
    return notes


_FRAMES_OF_OTHERS = "[...document.querySelectorAll('iframe, frame')].filter((e) => e.contentDocument === null).length"
"""How many frames of other origins the page shows: browsers hide their documents from it."""


def _require_browser(target: TargetInfo, name: str) -> None:
    if not names.is_name(name):
        raise BadInput(f"There is no browser {name}.", hint="Name chrome, firefox, or a build such as chrome@beta.")
    if name in target.unusable_browsers:
        raise Unsupported(as_sentence(f"{target.unusable_browsers[name]} ({target.id})"))
    if name not in target.browsers:
        raise Unsupported(
            f"There is no {names.title(name)} on {target.id}.",
            hint="`mobilebench devices --json` lists the browsers of each target.",
        )


def load(page: Page, address: str, *, seconds: float = LOAD_SECONDS) -> None:
    """Load this page, and check that it is the one that answered.

    Raises:
        ScenarioFailed: it did not load, the server answered with an error, or another page answered.
    """
    try:
        page.open(address, timeout=seconds)
        found = _answered(page, address, seconds)
    except PageDialog as error:
        probe.answer_dialog(page)
        raise ScenarioFailed("dialog", error.message, fault=error.fault) from error
    except BlockFailed as error:
        raise ScenarioFailed(_why_not_loaded(error), error.message, hint=error.hint, fault=error.fault) from error
    answered = navigation.answer(found)
    if answered is None:
        raise ScenarioFailed("page error", "The page does not say what its address is.")
    if answered.redirected:
        raise ScenarioFailed(
            "redirected",
            f"The address leads to another page: {answered.address[:300]}.",
        )
    if answered.status >= 400:
        raise ScenarioFailed("error page", f"The server answered with status {answered.status}.")


def _answered(page: Page, address: str, seconds: float) -> object:
    """The value of `navigation.question`. A page that goes on to another one at once ends what is evaluated in it."""
    question = navigation.question(address)
    for _ in range(_MOST_HURRIES):
        try:
            return page.evaluate(question, timeout=seconds, apart=True)
        except BlockFailed as error:
            if error.fault != "bad answer":
                raise
    return page.evaluate(question, timeout=seconds, apart=True)


def _why_not_loaded(error: BlockFailed) -> Outcome:
    if isinstance(error, PageNotOpened):
        return of_net_error(error.message)
    if error.fault in ("crash", "killed for memory"):
        return "crashed"
    return "disconnected" if error.fault == "cut connection" else "never loaded"


def measure(opened_page: OpenPage, scenario: Scenario, seconds: float, *, traced: bool = True) -> ScenarioResult:
    """Use the page for so many seconds, and return what was recorded; `traced`: also by the browser's own trace.

    Raises:
        ScenarioFailed: the page could not be measured; the failure has a name.
    """
    watch = watched(opened_page, scenario, seconds, traced=traced)
    return watch.added(record(opened_page, scenario, seconds)).result


@dataclass(frozen=True)
class FrameWatch:
    """What counts frames from outside of the page while it is used."""

    trace: FrameTrace | Void
    phone: PhoneWatch | None

    def added(self, recorded: Recorded) -> Recorded:
        """What was recorded, with the frames that browser and phone presented. To be called when the use has ended.

        Raises:
            ScenarioFailed: the page does not answer.
            BlockFailed: the block was cancelled.
        """
        result = recorded.result
        phone = self.phone and self.phone.frames()
        trace = self.trace
        presented = trace if isinstance(trace, Void) else trace.frames(recorded.began_ms, result.duration_ms)
        return replace(recorded, result=result.model_copy(update={"presented": presented, "phone": phone}))


def watched(opened_page: OpenPage, scenario: Scenario, seconds: float, *, traced: bool = True) -> FrameWatch:
    """Begin to count frames from outside, unless the scenario measures the time of runs.

    The page rests for a moment, in which the browser's processes begin to trace and show no longer that it loads, and
    until it has been open for `OPEN_SECONDS`.
    """
    trace: FrameTrace | Void = Void(reason="not asked for")
    if not scenario.traced:
        trace = Void(reason="a trace may slow the runs that this scenario measures")
    elif traced:
        trace = frame_trace.start(opened_page.page, seconds)
    probe.rest(opened_page.page, max(SETTLE_SECONDS, OPEN_SECONDS - probe.open_seconds(opened_page.page)))
    target, package = opened_page.target, opened_page.browser.program
    on_phone = scenario.traced and traced and target is not None and target.info.kind == "android"
    return FrameWatch(trace, PhoneWatch(target, package) if on_phone and target and package else None)


def record(
    opened_page: OpenPage, scenario: Scenario, seconds: float, *, begin: Callable[[], None] = lambda: None
) -> Recorded:
    """Use the page for so many seconds; `begin` is called when the recording has begun. See `measure`."""
    page = opened_page.page
    begun = probe.begin(page, ProbeOptions(video=scenario.video))
    if scenario.video == "needed" and begun.video != "playing":
        raise _no_video(begun)
    begin()
    used = scenario.use(page, hands_of(page), seconds, begun)
    answer = probe.end(page)
    if scenario.video == "needed" and answer.video is None:
        why = answer.void.get("video", "the page did not report it")
        raise ScenarioFailed("no video", as_sentence(why), hint="Look whether the clip plays to its end elsewhere.")
    if scenario.video == "needed" and answer.video is not None and answer.video.least_visible < VISIBLE:
        shown = 100 * answer.video.least_visible
        raise ScenarioFailed("off screen", f"Only {shown:.0f} % of the video was inside of the window at one time.")
    result = _completed(opened_page.browser, scenario, seconds, begun, used, answer)
    notes = [*result.notes, *opened_page.notes]
    result = result.model_copy(update={"notes": notes, "files": _files_of(opened_page, scenario)})
    return Recorded(result, answer.began_ms, answer.focused)


def _completed(
    browser: BrowserHandle, scenario: Scenario, seconds: float, begun: Begun, used: Use, answer: ProbeAnswer
) -> ScenarioResult:
    def or_void(name: str) -> Void:
        return Void(reason=answer.void.get(name, "the page did not report it"))

    notes = list(browser.notes)
    if answer.untrusted:
        notes.append(f"{answer.untrusted} input events were made by scripts of the page")
    if not answer.focused:
        notes.append("the page did not have the focus at the end")
    return ScenarioResult(
        scenario=scenario.name,
        address=scenario.address,
        browser=browser.name,
        version=browser.version,
        seconds=seconds,
        duration_ms=answer.duration_ms,
        frames_ms=answer.frames_ms,
        marks=answer.marks,
        runs=used.runs if isinstance(used.runs, Void) else [_since(answer.began_ms, run) for run in used.runs],
        typing=used.typing,
        benchmark=used.benchmark,
        video=_seen(answer, begun),
        events=or_void("events") if answer.events is None else answer.events,
        inp_ms=or_void("inp_ms") if answer.inp_ms is None else answer.inp_ms,
        long_tasks=or_void("long_tasks") if answer.long_tasks is None else answer.long_tasks,
        long_frames=or_void("long_frames") if answer.long_frames is None else answer.long_frames,
        inputs=answer.inputs,
        notes=notes,
    )


def _since(began_ms: float, run: ScriptRun) -> ScriptRun:
    return run.model_copy(update={"started_ms": max(0.0, run.started_ms - began_ms)})


def _seen(answer: ProbeAnswer, begun: Begun) -> VideoFrames | Void:
    """The frames of the page's video, if it was seen."""
    if answer.video is None:
        return Void(reason=answer.void.get("video") or begun.why or "the page plays no video")
    if answer.video.least_visible < VISIBLE:
        return Void(reason="the video was not inside of the window all the time, so its frames were not drawn")
    return answer.video


def _no_video(begun: Begun) -> ScenarioFailed:
    why = f": {begun.why}" if begun.why else ""
    if begun.video == "undecodable":
        return ScenarioFailed("undecodable", f"The browser cannot decode the clip{why}.")
    return ScenarioFailed("no video", f"The video did not play{why}.")


_CODE = (".html", ".htm", ".xhtml", ".js", ".mjs", ".css", ".json", ".wasm")
"""Endings of files that decide what a page does. Pictures are left out: which of them a browser loads depends on its
screen.
"""


def _files_of(opened_page: OpenPage, scenario: Scenario) -> SentFiles | Void:
    if scenario.is_remote:
        return Void(reason="the page came from another server")
    return Void(reason="not recorded") if opened_page.visit is None else sent_files(opened_page.visit.served())


def sent_files(served: Sequence[Served]) -> SentFiles:
    """The digest of the files that decide what the page does."""
    found = {one.name: one.sha256 for one in served if one.file.suffix.lower() in _CODE}
    lines = "".join(f"{name} {sha256}\n" for name, sha256 in sorted(found.items()))
    return SentFiles(count=len(found), sha256=hashlib.sha256(lines.encode()).hexdigest())
