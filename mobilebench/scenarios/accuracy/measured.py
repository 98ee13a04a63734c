"""Latencies of the cases of a stored run: the raw times of their predictions."""

from __future__ import annotations

from collections.abc import Sequence

from mobilebench.core.errors import BadInput
from mobilebench.core.records import Run
from mobilebench.reuse.evaluation import Latency


def latencies(run: Run, keys: Sequence[str] = ()) -> list[Latency]:
    """The latency of each of these cases, or of every case that was measured, by key; a block is a group of samples.

    Only timing blocks count, and none whose verdict is invalid.

    Raises:
        BadInput: a case is no case of the run, or has no prediction that counts.
    """
    known = list(dict.fromkeys(one.case.key for one in run.planned))
    if unknown := next((key for key in keys if key not in known), None):
        raise BadInput(
            f"Run {run.info.id} has no case {unknown}.",
            hint=f"Its cases are {', '.join(known[:8])}{' …' if len(known) > 8 else ''}.",
        )
    found = [one for key in keys or sorted(known) if (one := _latency(run, key))]
    empty = set(keys) - {one.name for one in found}
    if empty or not found:
        what = f"Case {min(empty)}" if empty else f"Run {run.info.id}"
        raise BadInput(
            f"{what} has no prediction that counts: nothing was measured, or it is invalid.",
            hint=f"`mobilebench results {run.info.id}` shows what was measured.",
        )
    return found


def _latency(run: Run, key: str) -> Latency | None:
    blocks = [
        one for one in run.blocks if one.planned.case.key == key and one.planned.pass_ == "timing" and one.measurement
    ]
    valid = [one for one in blocks if one.verdict is None or one.verdict.status != "invalid"]
    groups = tuple(tuple(one.measurement.prediction_ms) for one in valid if one.measurement)
    groups = tuple(group for group in groups if group)
    if not groups:
        return None
    suspect = sum(one.verdict is not None and one.verdict.status == "suspect" for one in valid)
    about = f"{len(groups)} block{'' if len(groups) == 1 else 's'}"
    about += f", {suspect} suspect" if suspect else ""
    about += f", {len(blocks) - len(valid)} invalid left out" if len(valid) < len(blocks) else ""
    return Latency(key, groups, about)
