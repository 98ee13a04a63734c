"""The format of an export of whole runs: one zip file with a manifest, and lines of JSON for each run.

```
manifest.json             what is in the file, with the SHA-256 of each member and of each run's content
runs/1/run.json           the request (`RunInfo`)
runs/1/planned.jsonl      planned blocks, one a line
runs/1/blocks.jsonl       measured blocks with samples, proof, series and recorded verdict, one a line
runs/1/models.jsonl       facts of the models, with the answers that they must give
runs/1/events.jsonl       what happened besides the blocks
runs/1/traces/NAME        files of trace passes
runs/1/journal.jsonl, runs/1/run.log    only if asked for
```
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mobilebench.core.records import Bytes, Record

FORMAT: Literal["mobilebench/runs"] = "mobilebench/runs"
SCHEMA = 1
"""Version of the format, which is raised when an older mobilebench would misread a file. A release that raises it
upgrades older files when it reads them."""
NAME = "manifest.json"

RUN, PLANNED, BLOCKS, MODELS, EVENTS = "run.json", "planned.jsonl", "blocks.jsonl", "models.jsonl", "events.jsonl"
RECORDS = (RUN, PLANNED, BLOCKS, MODELS, EVENTS)
"""Members that every run has."""
LOGS = ("journal.jsonl", "run.log")
"""Files of a run's folder that are exported only if asked for: they name paths and hosts."""
TRACES = "traces"

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Count = Annotated[int, Field(ge=0)]


class Member(Record):
    """A file inside the export."""

    sha256: Sha256
    bytes: Bytes


class RunEntry(Record):
    """A run inside the export."""

    id: str
    folder: str = Field(pattern=r"^runs/[1-9][0-9]{0,5}$")
    content_sha256: Sha256
    """See `content.content_sha256`."""
    planned: _Count
    blocks: _Count
    models: _Count
    events: _Count
    left_out: list[str]
    """What the store holds of the run and the file does not, such as `traces/00004-a.json.gz`."""


class Manifest(Record):
    """What is in an export of whole runs."""

    format: Literal["mobilebench/runs"]
    schema_: int = Field(alias="schema")
    mobilebench_version: str
    """The version that wrote the file."""
    written_at: datetime
    runs: list[RunEntry]
    members: dict[str, Member]
    """Name to size and SHA-256 of every other file."""


def lines_of(entry: RunEntry) -> dict[str, int]:
    """Member to its number of lines."""
    return {RUN: 1, PLANNED: entry.planned, BLOCKS: entry.blocks, MODELS: entry.models, EVENTS: entry.events}


_TRACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._-]{0,200}\.json\.gz")


def is_allowed(name: str) -> bool:
    """Whether a run may have a file of this name below its folder."""
    folder, _, rest = name.partition("/")
    return name in (*RECORDS, *LOGS) or (folder == TRACES and _TRACE.fullmatch(rest) is not None)
