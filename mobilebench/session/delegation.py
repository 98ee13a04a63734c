"""Who computed the graph's nodes: the delegate or execution provider that was asked for, or something else.

A backend other than `cpu` is named after its delegate (TensorFlow Lite) or execution provider (ONNX Runtime), and so
are the shares of the proof.
"""

from __future__ import annotations

from mobilebench.core.records import DelegateShare, PlannedBlock, Proof
from mobilebench.session.findings import Findings, percent

ON_THE_PROCESSOR = frozenset({"cpu", "xnnpack"})
"""Backends whose nodes are computed by the processor, whoever takes them: what they leave is no other hardware's."""


def judge_delegation(planned: PlannedBlock, proof: Proof, found: Findings) -> None:
    """Hold the shares of a native block's nodes against the backend and delegate that were asked for."""
    case = planned.case
    if case.backend != "cpu":
        _judge_taken(case.backend, planned.conditions.delegated_share, proof, found)
        return
    own = {"tflite": "xnnpack" if case.delegate == "xnnpack" else None}.get(case.engine, "cpu")
    if own == "xnnpack":
        _judge_xnnpack(proof, found)
    for share in proof.delegates:
        if share.nodes > 0 and not (own and _is(own, share)):
            found.wrong.append(f"{share.name} ran {_nodes(share.nodes)}, though {case.way} was asked for")


def _judge_xnnpack(proof: Proof, found: Findings) -> None:
    shares = [share for share in proof.delegates if _is("xnnpack", share)]
    if not shares:
        found.missing("how many nodes XNNPACK took")
    elif sum(share.nodes for share in shares) == 0:
        found.wrong.append("XNNPACK took 0 nodes: the engine's own kernels ran")


def _judge_taken(backend: str, asked: float, proof: Proof, found: Findings) -> None:
    """Nothing may fall back unseen: what another part of the engine computed is told, with its share."""
    taken = sum(share.nodes for share in proof.delegates if _is(backend, share))
    others = [share for share in proof.delegates if share.nodes > 0 and not _is(backend, share)]
    total = max(proof.graph_nodes or 0, taken + sum(share.nodes for share in others))
    if not proof.delegates or total == 0:
        found.missing(f"how many nodes {backend} ran")
        return
    elsewhere = f"; {', '.join(f'{share.name} ran {share.nodes}' for share in others)}" if others else ""
    sentence = f"{backend} ran {taken} of {_nodes(total)} ({percent(taken / total)}){_parts(backend, proof)}{elsewhere}"
    if taken == 0:
        found.wrong.append(sentence)
    elif taken < asked * total:
        found.wrong.append(f"{sentence}; at least {percent(asked)} were asked for")
    elif taken < total:
        (found.remarks if backend in ON_THE_PROCESSOR else found.doubtful).append(sentence)


def _is(backend: str, share: DelegateShare) -> bool:
    return backend in share.name.lower()


def _parts(backend: str, proof: Proof) -> str:
    parts = sum(share.partitions or 0 for share in proof.delegates if _is(backend, share))
    return f" in {parts} parts" if parts > 1 else ""


def _nodes(count: int) -> str:
    return f"{count} node{'' if count == 1 else 's'}"
