"""Speedometer 2, 3 and 4, from a clone or an address that the user names; nothing of it is shipped.

Its runs are started one by one in the open page, in whole runs, until the time is over.
"""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from mobilebench.browsers.page import Page
from mobilebench.core import paths
from mobilebench.core.axes import SPEEDOMETER
from mobilebench.core.errors import BadInput
from mobilebench.core.page_quality import Benchmark, ScriptRun, Void
from mobilebench.scenarios import own, probe
from mobilebench.scenarios.base import ScenarioFailed
from mobilebench.scenarios.hands import Hands
from mobilebench.scenarios.messages import Begun, BenchmarkLook, BenchmarkPage, BenchmarkRun
from mobilebench.scenarios.scenario import Scenario, Use

TITLE = "Speedometer is run again and again, from your clone of it, or from an address."
FIRST_RUN_SECONDS = 900.0
"""A browser that is slower than this for its first run is given up."""
MOST_FILES = 50_000
WIDTH, HEIGHT = 850, 650
"""The smallest window that Speedometer asks for, in CSS pixels."""

_ONE_RUN = "iterationCount=1"
_LOOK_MS = 1000
_DRIVER = "mobilebenchSpeedometer"
_MOST_BYTES = 1_000_000
_EXPECTED = (
    "A clone has index.html and, beside it, resources/main.js with startTest (2.x), or resources/main.mjs and "
    "resources/benchmark-runner.mjs (3.x and 4)."
)
_HINT = "Clone WebKit/Speedometer at the branch release/2.1, release/3.1 or main (4-alpha), and name its folder."


@dataclass(frozen=True)
class Clone:
    """A folder with Speedometer in it."""

    folder: Path
    version: str
    revision: str | Void


def clone_at(folder: Path) -> Clone:
    """Recognise the Speedometer in this folder.

    Raises:
        BadInput: there is none.
    """
    if not folder.is_dir():
        raise BadInput(f"There is no folder “{folder}” with Speedometer.", hint=_HINT)
    page, resources = folder / "index.html", folder / "resources"
    title = re.search(r"<title>[^<]*?(\d+(?:\.\d+)*)", _text(page))
    if "startTest" in _text(resources / "main.js"):
        version = title[1] if title else "2"
    elif not ((resources / "main.mjs").is_file() and (resources / "benchmark-runner.mjs").is_file()):
        raise BadInput(f"The folder “{folder}” is no clone of Speedometer. {_EXPECTED}", hint=_HINT)
    elif (resources / "benchmark-configurator.mjs").is_file():
        version = _package_version(folder / "package.json") or "4"
    else:
        version = title[1] if title else "3"
    if not page.is_file():
        raise BadInput(f"The folder “{folder}” has no index.html. {_EXPECTED}", hint=_HINT)
    for one in (page, resources):
        if not one.resolve().is_relative_to(folder.resolve()):
            raise BadInput(
                f"In the folder “{folder}”, {one.name} is a link out of it. Files outside are not offered to pages.",
                hint="Name the folder in which the files really are, or clone Speedometer again.",
            )
    return Clone(folder, version, revision_of(folder))


def revision_of(folder: Path) -> str | Void:
    """The commit that git says is checked out in this folder. Nothing is run; what was changed since is not seen."""
    git = folder / ".git"
    if git.is_file():
        return Void(reason="the folder is a worktree or submodule of another clone")
    head = _text(git / "HEAD").strip()
    name = re.fullmatch(r"ref: (refs/[\w./-]{1,200})", head)
    if name and ".." not in name[1]:
        packed = re.search(rf"^([0-9a-f]{{40,64}}) {re.escape(name[1])}$", _text(git / "packed-refs"), re.MULTILINE)
        head = _text(git / name[1]).strip() or (packed[1] if packed else "")
    return head if re.fullmatch(r"[0-9a-f]{40,64}", head) else Void(reason="the folder is no git clone")


def _package_version(file: Path) -> str | None:
    with suppress(ValueError, AttributeError):
        version = json.loads(_text(file)).get("version")
        return version[:40] if isinstance(version, str) else None
    return None


def _text(file: Path) -> str:
    """The beginning of a text file; empty if there is none. A pipe is none: it might never be written to."""
    try:
        if not file.is_file():
            return ""
        with file.open(encoding="utf-8", errors="replace") as text:
            return text.read(_MOST_BYTES)
    except OSError:
        return ""


def look_at(page: Page) -> list[str]:
    """Put what drives Speedometer into its page; return what is to be noted.

    Raises:
        BadInput: the pages have not been built.
        ScenarioFailed: the page is not Speedometer.
    """
    script = paths.web_pages() / "scenarios" / "speedometer.js"
    if not script.is_file():
        raise BadInput(f"There is no script for Speedometer in {script.parent}.", hint="Build it with `make web`.")
    with probe.named_failures(page):
        page.evaluate(f"{script.read_text(encoding='utf-8')};undefined", timeout=probe.ANSWER_SECONDS)
    found = _kind(page)
    if found.starts == "not":
        raise ScenarioFailed(
            "no benchmark",
            f"The page “{found.title}” is not Speedometer: it has no benchmarkClient with start, and no startTest.",
        )
    if found.width < WIDTH or found.height < HEIGHT:
        return [f"the window ({found.width} × {found.height}) is smaller than Speedometer asks for: {WIDTH} × {HEIGHT}"]
    return []


def _kind(page: Page) -> BenchmarkPage:
    with probe.named_failures(page):
        return probe.asked(page, f"{_DRIVER}.kind()", BenchmarkPage)


def use(clone: Clone | None, page: Page, _hands: Hands, seconds: float, _begun: Begun) -> Use:
    """Make whole runs until the time is over; at least one."""
    kind = _kind(page)
    began = time.monotonic()
    runs: list[BenchmarkRun] = []
    while not runs or time.monotonic() - began < seconds:
        runs.append(_one_run(page, seconds + FIRST_RUN_SECONDS))
    return Use(
        [ScriptRun(started_ms=run.started_ms, steps_ms=[run.wall_ms]) for run in runs],
        Void(reason="nothing is typed in this scenario"),
        Benchmark(
            name="Speedometer",
            version=clone.version if clone else _version_of(kind),
            revision=clone.revision if clone else Void(reason="the page came from another server"),
            scores=[run.score for run in runs],
            unit="runs/min" if kind.starts == "startTest" else "points",
        ),
    )


def _one_run(page: Page, seconds: float) -> BenchmarkRun:
    ends = time.monotonic() + seconds
    with probe.named_failures(page):
        page.evaluate(f"{_DRIVER}.start()", timeout=probe.ANSWER_SECONDS)
        while time.monotonic() < ends:
            look = probe.asked(page, f"{_DRIVER}.look({_LOOK_MS})", BenchmarkLook)
            if look.state == "failed":
                raise ScenarioFailed("page error", f"Speedometer failed: {look.why or 'it gave no reason'}.")
            if look.run is not None:
                return look.run
    raise ScenarioFailed(
        "no answer",
        f"Speedometer did not complete a run within {seconds:.0f} s.",
        hint="Look with --headed where it stops: a file of the clone may be missing.",
    )


def _version_of(kind: BenchmarkPage) -> str:
    """The version that a page says it has; 4 does not say it, but has what 3 has not."""
    if kind.steps:
        return "4"
    found = re.search(r"\d+(?:\.\d+)*", kind.title)
    return found[0] if found else "unknown"


def speedometer(where: str) -> Scenario:
    """The scenario with Speedometer from this folder, or at this address.

    Raises:
        BadInput: the folder is no clone of Speedometer, or the address is none.
    """
    if where.startswith(("http://", "https://")):
        own.at_address(where)
        parts = urlsplit(where)
        query = f"{parts.query}&{_ONE_RUN}" if parts.query else _ONE_RUN
        return _scenario(None, where, parts._replace(query=query, fragment="").geturl(), {})
    clone = clone_at(Path(where))
    files = own.files_around(clone.folder / "index.html", MOST_FILES)
    folders = {name.removesuffix("index.html"): file for name, file in files.items() if name.endswith("/index.html")}
    return _scenario(clone, where, "own/index.html", {**files, **folders})


def _scenario(clone: Clone | None, where: str, page: str, files: dict[str, Path]) -> Scenario:
    version = f"Speedometer {clone.version}" if clone else "Speedometer"
    return Scenario(
        name="speedometer",
        title=f"{version} is run again and again.",
        address=f"{SPEEDOMETER}{where}",
        page=page,
        query=f"?{_ONE_RUN}" if clone else "",
        use=partial(use, clone),
        prepare=look_at,
        files=files,
        isolated=False,
        traced=False,
        flags={
            "chrome": ("--window-size=1280,900",),
            "firefox": ("MOZ_HEADLESS_WIDTH=1280", "MOZ_HEADLESS_HEIGHT=900"),
        },
    )
