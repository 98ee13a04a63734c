"""Whether a page's threads were at work, by the processor time that the system counted for them."""

from __future__ import annotations

from mobilebench.core.records import Case, Proof
from mobilebench.session.findings import Findings


def judge_page_threads(case: Case, proof: Proof, found: Findings) -> None:
    """Hold the threads that computed during the predictions against those that were asked for."""
    if case.backend != "wasm":
        return
    seen, alive = proof.threads_at_work, proof.threads_alive
    if seen is None:
        if case.threads > 1:
            found.doubtful.append("threads unproven: the system does not tell the processor time of the page's threads")
    elif seen > case.threads:
        found.wrong.append(f"{seen} threads of the page, not {case.threads}, used processor time")
    elif seen < case.threads and alive is not None and alive >= case.threads:
        found.doubtful.append(f"{alive} threads of the page were there, but only {seen} used processor time")
    elif seen < case.threads:
        found.wrong.append(f"{seen} of {case.threads} threads of the page used processor time: there were no more")
