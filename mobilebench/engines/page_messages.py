"""The JSON messages between Python and the pages, apart from `Measurement`, which is in `core.records`.

`scripts/web_types.py` writes the pages' TypeScript types from these records. Run it after every change here.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from mobilebench.core.records import BlockRule, Loader, Outcome, Pass, Record, VerdictStatus
from mobilebench.models.manifest import Fill, Format
from mobilebench.models.synthetic_inputs import SAMPLES

Dtype = Literal["float32", "int32", "int64", "int8", "uint8", "bool"]

MAX_THREADS = 64
MAX_CORES = 4096


class PageMessage(Record):
    """A message between Python and a page; Python code names a field `pass_` where the JSON says `pass`."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)


class InputJob(PageMessage):
    """One input of the model."""

    name: str
    """Canonical name."""
    format_name: str
    """Name in the model's file."""
    dtype: Dtype
    """Element type in the model's file."""
    shape: list[int]
    fill: Fill
    position: int
    """Number of the input in the published formula."""


class OutputJob(PageMessage):
    """One output of the model."""

    name: str
    """Canonical name."""
    format_name: str
    """Name in the model's file."""


class ModelJob(PageMessage):
    """The model of a job; paths are relative to the page."""

    file: str
    """The file that the engine opens."""
    parts: dict[str, str]
    """Further files: the name that the model uses to the path."""
    inputs: list[InputJob]
    outputs: list[OutputJob]


class Job(PageMessage):
    """What the bench page gets: one block to measure."""

    engine: str
    """`tfjs`, `ortjs` or `litertjs`; an older release carries its version: `ortjs@1.18`."""
    backend: str
    wasm_build: str | None
    """None where the backend has none, as with `gpu` and `device_type`."""
    gpu: str | None
    device_type: str | None
    threads: int
    rule: BlockRule
    pass_: Pass = Field(default="timing", alias="pass")
    eager_memory: bool = False
    """The browser was started so that it measures a page's memory as soon as the page asks."""
    loader: Loader = "split"
    samples: int = SAMPLES
    """Largest number of elements of each output in the answer."""
    answer: Literal["first", "last"] = "last"
    """The inference whose outputs are in the answer."""
    model: ModelJob


class AxisChoice(PageMessage):
    """An axis of a backend, such as its Wasm build, of which a person can choose a value."""

    name: str
    title: str
    values: list[str]


class BackendChoice(PageMessage):
    """A backend that a person can choose."""

    name: str
    axes: list[AxisChoice]
    single_threaded: bool
    """The backend always runs on one thread."""
    single_threaded_builds: list[str]
    """Wasm builds that run on one thread."""
    multi_threaded_builds: list[str]
    """Wasm builds that need two threads: for one thread the engine would load another build."""


class EngineChoice(PageMessage):
    """An engine that a person can choose."""

    name: str
    title: str
    """Name and release, short enough for a phone's screen."""
    format: Format
    """Format of the model files that it reads."""
    backends: list[BackendChoice]
    passes: list[Pass]
    """The passes that a page can go through without a program that drives its browser."""


class ModelChoice(PageMessage):
    """A model that a person can choose."""

    name: str
    precision: str
    bytes: dict[Format, int]
    """Size of the model by format."""


class Choices(PageMessage):
    """Everything that a person can choose."""

    engines: list[EngineChoice]
    models: list[ModelChoice]


class StartRequest(PageMessage):
    """What a person has chosen when they press “run”."""

    engine: str
    backend: str
    axes: dict[str, str] = Field(default={}, max_length=8)
    """One value of each axis that the backend offers here."""
    threads: int = Field(ge=1, le=MAX_THREADS)
    model: str
    precision: str
    pass_: Pass = Field(default="timing", alias="pass")
    cores: int = Field(default=1, ge=1, le=MAX_CORES)
    """Cores of the browser's machine, as the browser reports them."""


class Started(PageMessage):
    """The answer to `StartRequest`: where to measure, and what."""

    visit: str
    """Token of the visit."""
    page: str
    """Path of the bench page on this server."""
    job: Job
    cores: int | None
    """Number of cores that the bench page has to report; None: the browser's own number."""


class PageAnswer(PageMessage):
    """The measurement that a page brings back."""

    visit: str
    """Token of the visit on which it was measured."""
    answer: str
    """The measurement, as JSON text."""
    agent: str = Field(default="", max_length=2000)
    """The browser's user agent."""
    cores: int | None = Field(default=None, ge=1, le=MAX_CORES)
    """Cores of the browser's machine; None where the browser does not report them."""


class StopRequest(PageMessage):
    """No answer will come from this visit."""

    visit: str


class Judgement(PageMessage):
    """How mobilebench judges an answer."""

    outcome: Outcome
    reason: str | None
    """Why there is no measurement."""
    verdict: VerdictStatus | None
    codes: list[str]
    """Codes of the verdict's reasons, each once."""
    reasons: list[str]
    """The verdict's reasons as sentences."""
    case: str
    """Key of the case that was measured."""
    run: str | None = None
    """Id of the run, once the answer is stored."""
