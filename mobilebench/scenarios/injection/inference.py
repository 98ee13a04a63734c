"""An engine and a model inside a foreign page, driven from here. The page's own site is asked for nothing: every file
comes over the connection to the browser.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mobilebench.core.errors import BlockFailed, Unsupported, first_problem
from mobilebench.core.hashing import known_sha256
from mobilebench.core.records import Case, ModelFacts
from mobilebench.engines.page_answer import ANSWER_LIMIT
from mobilebench.engines.page_messages import Job
from mobilebench.scenarios.injection.foreign_page import ForeignPage, World
from mobilebench.scenarios.injection.messages import InjectedAnswer, InjectedJob, Place

SCRIPT = "injected-inference.js"
FRAMES_SCRIPT = "injected-frames.js"
_PART_BYTES = 3 * (1 << 20)
"""Size of the parts in which files are put into the page; divisible by 3, so that base64 needs no padding between."""
_MOST_FILES = 200
_PART_SECONDS = 60.0
_PREPARE_SECONDS = 120.0
_INFERENCE_SECONDS = 60.0
"""How long one inference may keep the page from answering."""
_PUT = "(name, base64) => mobilebenchInference.put(name, base64)"
_PREPARE = "(job, script) => mobilebenchInference.prepare(job, script)"


@dataclass(frozen=True)
class Load:
    """What infers in the page."""

    case: Case
    job: Job
    files: Mapping[str, Path]
    """Name in the job to file of the model."""
    facts: ModelFacts
    pages: Path
    """Folder of the built pages."""
    cores: int | None = None
    """The number of cores that the engine has to see; None: the real one."""
    patience: float = 1
    """Factor on the time that setup may take."""


@dataclass
class InjectedInference:
    """The engine in the page; see `injected`."""

    world: World
    job: InjectedJob
    prepared: InjectedAnswer
    """What the page answered when it was ready: setup and the first inference."""
    sha256: dict[str, str]
    """Name of every file that was put into the page to its sha256."""
    taken_away: dict[str, int] = field(default_factory=dict)
    """Set on leaving: what the engine had left in the page."""

    def put(self, name: str, data: bytes) -> None:
        """Put further bytes into the page under this name."""
        for start in range(0, len(data), _PART_BYTES):
            part = base64.b64encode(data[start : start + _PART_BYTES]).decode()
            self.world.call_function(_PUT, name, part, timeout=_PART_SECONDS)

    def begin(self, duty: float) -> None:
        """Start inferring for `duty` percent of the time; returns at once."""
        self.world.call_function("(share) => mobilebenchInference.begin(share)", duty / 100)

    def progress(self) -> int:
        """How many inferences have ended.

        Raises:
            ScenarioFailed: the page went away, or did not answer in time.
        """
        answer = self._answer("mobilebenchInference.progress()", _INFERENCE_SECONDS)
        count = answer.get("inferences") if isinstance(answer, dict) else None
        return count if isinstance(count, int) else 0

    def finish(self) -> InjectedAnswer:
        """Stop inferring; return everything that was measured.

        Raises:
            Unsupported: the engine cannot run the model there.
            BlockFailed: the engine failed, or the answer is not valid.
        """
        return _parsed(self.world.evaluate("mobilebenchInference.finish()", timeout=_PREPARE_SECONDS), self.job)

    def _answer(self, expression: str, timeout: float) -> Any:
        text = self.world.evaluate(expression, timeout=timeout)
        try:
            return json.loads(text) if isinstance(text, str) and len(text) < ANSWER_LIMIT else None
        except ValueError:
            return None

    def end(self) -> None:
        """Take everything out of the page."""
        counts = self._answer("mobilebenchInference.end()", _INFERENCE_SECONDS)
        if isinstance(counts, dict):
            self.taken_away = {str(name)[:40]: count for name, count in counts.items() if isinstance(count, int)}


@contextmanager
def injected(
    page: ForeignPage,
    load: Load,
    place: Place,
    *,
    tell: Callable[[str], None] = lambda _: None,
    frame: str | None = None,
) -> Iterator[InjectedInference]:
    """Put an engine and a model into an opened page, and let it infer once; leaving the context takes all out again.

    Args:
        page: the opened page.
        load: engine and model.
        place: the thread that calls the engine.
        tell: called with what is done now.
        frame: a part of the address of the frame to infer in; None: the page itself.

    Raises:
        Unsupported: the engine cannot run in this page.
        ScenarioFailed: the page went away.
        BlockFailed: the engine failed, or the answer is not valid.
    """
    asked, pages = InjectedJob(job=load.job, place=place, cores=load.cores), load.pages
    world = page.world(frame=frame)
    world.evaluate((pages / SCRIPT).read_text())
    sha256 = {SCRIPT: known_sha256(pages / SCRIPT)}
    inference: InjectedInference | None = None
    try:
        needed = world.call_function("(job) => mobilebenchInference.needs(job)", asked.model_dump())
        files = {SCRIPT: pages / SCRIPT, **_framework_files(needed, pages), **load.files}
        tell(f"putting {len(files)} files into the page")
        for name, file in files.items():
            sha256[name] = known_sha256(file)
            _put(world, name, file)
        tell("starting the engine")
        text = world.call_function(_PREPARE, asked.model_dump(), SCRIPT, timeout=_PREPARE_SECONDS * load.patience)
        inference = InjectedInference(world, asked, _parsed(text, asked), sha256)
        yield inference
    finally:
        with suppress(BlockFailed):
            if inference is not None:
                inference.end()
            else:
                world.evaluate("mobilebenchInference.end()")


def _framework_files(names: Any, pages: Path) -> dict[str, Path]:
    """The engine's files by name. A page's answer is not trusted: only files of the built pages are put into it."""
    known = {file.relative_to(pages).as_posix(): file for file in (pages / "frameworks").rglob("*") if file.is_file()}
    if not isinstance(names, list) or len(names) > _MOST_FILES or not all(name in known for name in names):
        raise BlockFailed("The script in the page asked for a file that no engine has.", fault="bad answer")
    return {name: known[name] for name in names}


def _put(world: World, name: str, file: Path) -> None:
    with file.open("rb") as source:
        while part := source.read(_PART_BYTES):
            world.call_function(_PUT, name, base64.b64encode(part).decode(), timeout=_PART_SECONDS)


def _parsed(text: Any, job: InjectedJob) -> InjectedAnswer:
    subject = f"{job.job.engine} {job.job.backend}"
    if not isinstance(text, str) or len(text) > ANSWER_LIMIT:
        raise BlockFailed("The page answered something other than a measurement.", fault="bad answer")
    try:
        answer = InjectedAnswer.model_validate_json(text)
    except ValidationError as error:
        words = f"The page answered with an invalid measurement: {first_problem(error).sentence()}."
        raise BlockFailed(words, fault="bad answer") from error
    if answer.status == "unsupported":
        raise Unsupported(f"{subject} in a {_place(job)}: {answer.reason or 'no reason given'}")
    if answer.status == "error":
        words = f"{subject} failed in the page: {answer.reason or 'no reason given'}"
        raise BlockFailed(words, fault=answer.fault or "page error")
    if answer.engine != job.job.engine or len(answer.inference_ms) != len(answer.inference_start_ms):
        raise BlockFailed("The page answered with a measurement of something else.", fault="bad answer")
    return answer


def _place(job: InjectedJob) -> str:
    return "worker" if job.place == "worker" else "foreign page"
