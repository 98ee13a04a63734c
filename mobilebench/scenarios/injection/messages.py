"""The JSON messages between Python and the script that infers inside a foreign page.

`scripts/web_types.py` writes the script's TypeScript types from these records. Run it after every change here.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mobilebench.core.page_quality import PageState
from mobilebench.core.records import Milliseconds, OutputSummary, PageFault, Proof, Record, SetupPart
from mobilebench.engines.page_messages import Job, PageMessage

Place = Literal["main", "worker"]
"""Thread of the page that calls the engine: its main thread, or a worker."""

MOST_INFERENCES = 2_000_000
MOST_STATES = 100_000


class InjectedJob(PageMessage):
    """What the script gets: the engine and the model, and where they run."""

    job: Job
    place: Place
    cores: int | None
    """The number of cores that the engine sees; None: the real one. The page's own scripts always see the real one."""


class InjectedAnswer(Record):
    """What the script measured in the page. Times are those of the page's clock, since its `performance.timeOrigin`."""

    schema_: Literal["mobilebench/injected/1"] = Field(alias="schema")
    status: Literal["ok", "unsupported", "error"]
    reason: str | None = None
    fault: PageFault | None = None
    engine: str
    place: Place
    version: str | None = None
    proof: Proof = Proof()
    setup_ms: dict[SetupPart, Milliseconds] = Field(default={})
    time_origin_ms: Milliseconds | None = None
    """The page's `performance.timeOrigin`, in milliseconds since 1970."""
    warmup_start_ms: float | None = None
    warmup_ms: Milliseconds | None = None
    """The first inference."""
    inference_start_ms: list[float] = Field(default=[], max_length=MOST_INFERENCES)
    inference_ms: list[Milliseconds] = Field(default=[], max_length=MOST_INFERENCES)
    """Duration of every later inference, in order."""
    states: list[PageState] = Field(default=[], max_length=MOST_STATES)
    output: list[OutputSummary] = Field(default=[])
