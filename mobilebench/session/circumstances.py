"""Under what a native block ran: its cores, its priority, the caches before setup, how the model was read."""

from __future__ import annotations

from mobilebench.core.records import Case, Conditions, PlannedBlock, Proof
from mobilebench.session.findings import Findings, percent

COLD = 0.05
"""Largest share of the model's pages that may be in memory when setup is to be cold."""
WARM = 0.95
"""Smallest share when it is to be warm."""


def judge_circumstances(planned: PlannedBlock, proof: Proof, found: Findings) -> None:
    """Hold what was read back against what was asked for."""
    _judge_affinity(planned.case, proof, found)
    _judge_priority(planned.conditions, proof, found)
    _judge_caches(planned.case, proof, found)
    _judge_access(planned.conditions, proof, found)


def _judge_affinity(case: Case, proof: Proof, found: Findings) -> None:
    if proof.affinity_asked is not None and proof.affinity_asked != case.affinity:
        found.wrong.append(f"the engine was kept on the cores `{proof.affinity_asked}`, not on `{case.affinity}`")
    elif case.affinity != "none":
        _judge_cores(case.affinity, proof, found)


def _judge_cores(asked: str, proof: Proof, found: Findings) -> None:
    if proof.affinity is None:
        found.missing("the cores on which it might run, read back")
        return
    allowed = f"it might run on {_cores(proof.affinity)}"
    outside = _outside(asked, proof.affinity)
    if outside:
        found.wrong.append(f"cores `{asked}` were asked for, but {allowed}")
    elif proof.affinity_kept is False:
        found.wrong.append(f"not every thread was kept on the cores `{asked}` ({allowed})")
    elif proof.affinity_kept is None:
        found.missing(f"whether every thread was kept on the cores `{asked}` ({allowed})")


def _outside(asked: str, allowed: list[int]) -> list[int]:
    """The cores that a mask leaves out; which ones a name stands for only the target knows."""
    if not asked.startswith("0x"):
        return []
    mask = int(asked, 16)
    return [core for core in allowed if not mask >> core & 1]


def _cores(numbers: list[int]) -> str:
    """CPU numbers as `CPUs 0–3 and 7` are written: runs of them together."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    named = ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)
    return f"CPU{'' if len(runs) == 1 and len(runs[0]) == 1 else 's'} {named}" if named else "no CPU"


def _judge_priority(conditions: Conditions, proof: Proof, found: Findings) -> None:
    if proof.priority is None:
        if conditions.priority != Conditions().priority:
            found.missing("the priority, read back")
    elif proof.priority != conditions.priority:
        inherited = conditions.priority == Conditions().priority
        if inherited:
            found.remarks.append(f"it ran with priority {proof.priority}, which the process that started it has too")
        else:
            found.wrong.append(f"it ran with priority {proof.priority}, not {conditions.priority}")


def _judge_caches(case: Case, proof: Proof, found: Findings) -> None:
    if proof.caches_asked is not None and proof.caches_asked != case.caches:
        found.wrong.append(f"the page cache was {proof.caches_asked}, though {case.caches} was asked for")
    elif case.caches != "as found":
        _judge_resident(case, "model", proof.model_resident, found)
        _judge_resident(case, "library", proof.library_resident, found)


def _judge_resident(case: Case, what: str, share: float | None, found: Findings) -> None:
    if share is None:
        found.missing(f"how much of the {what} the page cache held before setup")
    elif case.caches == "cold" and share > COLD:
        found.wrong.append(f"the page cache still held {percent(share)} of the {what}, though cold was asked for")
    elif case.caches == "warm" and share < WARM:
        found.wrong.append(f"the page cache held only {percent(share)} of the {what}, though warm was asked for")


def _judge_access(conditions: Conditions, proof: Proof, found: Findings) -> None:
    if proof.model_access is None:
        if conditions.model_access != Conditions().model_access:
            found.missing("how the model was read")
    elif proof.model_access != conditions.model_access:
        found.wrong.append(f"the model was {proof.model_access}, though {conditions.model_access} was asked for")
