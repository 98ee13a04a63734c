"""Rules for native blocks: delegates, cores, priority, and caches.

A backend other than `cpu` is named after its delegate (TensorFlow Lite) or execution provider (ONNX Runtime), and so
are the shares of the graph in the proof.
"""

from __future__ import annotations

from mobilebench.core.records import Conditions, DelegateShare, Proof
from mobilebench.verdicts.codes import Code
from mobilebench.verdicts.findings import Evidence, Findings, percent
from mobilebench.verdicts.thresholds import COLD, WARM

ON_THE_PROCESSOR = frozenset({"cpu", "xnnpack"})
"""Backends that compute on the processor. Nodes that they leave to other kernels stay on the same hardware."""


def judge_delegation(evidence: Evidence, found: Findings) -> None:
    """Compare the delegates that computed the graph's nodes with the backend and delegate that were asked for."""
    case, proof = evidence.case, evidence.proof
    if case.backend != "cpu":
        _judge_share(case.backend, evidence.planned.conditions.delegated_share, proof, found)
        return
    own = "cpu" if case.delegate is None else None if case.delegate == "none" else case.delegate
    if own == "xnnpack":
        _judge_xnnpack(proof, found)
    for share in proof.delegates:
        if share.nodes > 0 and not (own and _belongs_to(own, share)):
            sentence = f"{share.name} ran {_nodes(share.nodes)}, though {case.way} was asked for"
            found.add(Code.WRONG_DELEGATE, sentence)


def _judge_xnnpack(proof: Proof, found: Findings) -> None:
    shares = [share for share in proof.delegates if _belongs_to("xnnpack", share)]
    if not shares:
        found.unproven(Code.UNPROVEN_DELEGATION, "how many nodes XNNPACK took")
    elif sum(share.nodes for share in shares) == 0:
        found.add(Code.NOTHING_DELEGATED, "XNNPACK took 0 nodes: the engine's own kernels ran")


def _judge_share(backend: str, asked: float, proof: Proof, found: Findings) -> None:
    """Check the backend's share of the nodes. Nodes that another part computed are always named, with their share."""
    taken = sum(share.nodes for share in proof.delegates if _belongs_to(backend, share))
    others = [share for share in proof.delegates if share.nodes > 0 and not _belongs_to(backend, share)]
    total = max(proof.graph_nodes or 0, taken + sum(share.nodes for share in others))
    if not proof.delegates or total == 0:
        found.unproven(Code.UNPROVEN_DELEGATION, f"how many nodes {backend} ran")
        return
    elsewhere = f"; {', '.join(f'{share.name} ran {share.nodes}' for share in others)}" if others else ""
    sentence = f"{backend} ran {taken} of {_nodes(total)} ({percent(taken / total)}){_parts(backend, proof)}{elsewhere}"
    if taken == 0:
        found.add(Code.NOTHING_DELEGATED, sentence)
    elif taken < asked * total:
        found.add(Code.TOO_LITTLE_DELEGATED, f"{sentence}; at least {percent(asked)} were asked for")
    elif taken < total:
        same_hardware = backend in ON_THE_PROCESSOR
        found.add(Code.PARTLY_ON_OTHER_KERNELS if same_hardware else Code.PARTLY_DELEGATED, sentence)


def _belongs_to(backend: str, share: DelegateShare) -> bool:
    return backend in share.name.lower()


def _parts(backend: str, proof: Proof) -> str:
    parts = sum(share.partitions or 0 for share in proof.delegates if _belongs_to(backend, share))
    return f" in {parts} parts" if parts > 1 else ""


def _nodes(count: int) -> str:
    return f"{count} node{'' if count == 1 else 's'}"


def judge_affinity(evidence: Evidence, found: Findings) -> None:
    """Compare the cores on which the threads might run with those that were asked for."""
    asked, proof = evidence.case.affinity, evidence.proof
    if proof.affinity_asked is not None and proof.affinity_asked != asked:
        sentence = f"the engine was kept on the cores `{proof.affinity_asked}`, not on `{asked}`"
        found.add(Code.WRONG_AFFINITY, sentence)
    elif asked != "none":
        _judge_cores(asked, proof, found)


def _judge_cores(asked: str, proof: Proof, found: Findings) -> None:
    if proof.affinity is None:
        found.unproven(Code.UNPROVEN_AFFINITY, "the cores on which it might run, read back")
        return
    allowed = f"it might run on {cores_in_words(proof.affinity)}"
    if _outside(asked, proof.affinity):
        found.add(Code.WRONG_AFFINITY, f"cores `{asked}` were asked for, but {allowed}")
    elif proof.affinity_kept is False:
        found.add(Code.WRONG_AFFINITY, f"not every thread was kept on the cores `{asked}` ({allowed})")
    elif proof.affinity_kept is None:
        what = f"whether every thread was kept on the cores `{asked}` ({allowed})"
        found.unproven(Code.UNPROVEN_AFFINITY, what)


def _outside(asked: str, allowed: list[int]) -> list[int]:
    """The allowed cores that are not in the mask `asked`; empty for a name, whose cores only the target knows."""
    if not asked.startswith("0x"):
        return []
    mask = int(asked, 16)
    return [core for core in allowed if not mask >> core & 1]


def cores_in_words(numbers: list[int]) -> str:
    """CPU numbers as text, with consecutive numbers as a range: `CPUs 0–3, 7`."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    named = ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)
    return f"CPU{'' if len(runs) == 1 and len(runs[0]) == 1 else 's'} {named}" if named else "no CPU"


def judge_priority(evidence: Evidence, found: Findings) -> None:
    """Compare the priority of the process with the one that was asked for."""
    asked, usual, seen = evidence.planned.conditions.priority, Conditions().priority, evidence.proof.priority
    if seen is None:
        if asked != usual:
            found.unproven(Code.UNPROVEN_PRIORITY, "the priority, read back")
    elif seen != asked and asked == usual:
        sentence = f"it ran with priority {seen}, which the process that started it has too"
        found.add(Code.INHERITED_PRIORITY, sentence)
    elif seen != asked:
        found.add(Code.WRONG_PRIORITY, f"it ran with priority {seen}, not {asked}")


def judge_page_cache(evidence: Evidence, found: Findings) -> None:
    """Compare the state of the system's page cache before setup with the state that was asked for."""
    asked, proof = evidence.case.caches, evidence.proof
    if proof.caches_asked is not None and proof.caches_asked != asked:
        found.add(Code.WRONG_CACHES, f"the page cache was {proof.caches_asked}, though {asked} was asked for")
    elif asked != "as found":
        _judge_resident(asked, "model", proof.model_resident, found)
        _judge_resident(asked, "library", proof.library_resident, found)


def _judge_resident(asked: str, what: str, share: float | None, found: Findings) -> None:
    if share is None:
        found.unproven(Code.UNPROVEN_CACHES, f"how much of the {what} the page cache held before setup")
    elif asked == "cold" and share > COLD:
        held = f"the page cache still held {percent(share)} of the {what}"
        found.add(Code.WRONG_CACHES, f"{held}, though cold was asked for")
    elif asked == "warm" and share < WARM:
        held = f"the page cache held only {percent(share)} of the {what}"
        found.add(Code.WRONG_CACHES, f"{held}, though warm was asked for")


def judge_model_access(evidence: Evidence, found: Findings) -> None:
    """Compare how the model's file was read with what was asked for."""
    asked, seen = evidence.planned.conditions.model_access, evidence.proof.model_access
    if seen is None:
        if asked != Conditions().model_access:
            found.unproven(Code.UNPROVEN_MODEL_ACCESS, "how the model was read")
    elif seen != asked:
        found.add(Code.WRONG_MODEL_ACCESS, f"the model was {seen}, though {asked} was asked for")
