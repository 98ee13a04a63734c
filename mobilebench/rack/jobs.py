"""The only function that Dask runs on a host: it runs a job that the host knows already, named in JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mobilebench.rack.host_messages import AskReady
from mobilebench.rack.messages import read_question, to_text

if TYPE_CHECKING:
    from mobilebench.rack.host import Host

_here: Host | None = None
"""The host that this process is."""


def serve(host: Host | None) -> None:
    """Say which host this process is."""
    global _here
    _here = host


async def run_job(text: str) -> str:
    """Run the job that `text` names (an `AskReady`); returns a `Readiness` as JSON text when it ended or must wait."""
    if _here is None:
        raise RuntimeError("this process is no host of a rack")
    return to_text(await _here.run(read_question(AskReady, text).job_id))
