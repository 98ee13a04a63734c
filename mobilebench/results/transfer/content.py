"""What identifies a run by its content, whichever store it is in."""

from __future__ import annotations

import hashlib
import json

from mobilebench.core.records import Record, Run

_NOT_CONTENT = {"id", "imports"}


def content_sha256(run: Run) -> str:
    """SHA-256 of everything that was requested and measured, without the run's id and how it came into a store.

    Values that equal their default are left out, so a later release with one more field computes the same. Verdicts
    that are computed on reading are no content.
    """
    digest = hashlib.sha256()
    digest.update(_canonical(run.info, exclude=_NOT_CONTENT))
    for planned in run.planned:
        digest.update(_canonical(planned))
    for block in run.blocks:
        digest.update(f"{block.planned.index} ".encode() + _canonical(block, exclude={"planned", "verdict"}))
    for facts in sorted(run.models, key=lambda one: one.key):
        digest.update(_canonical(facts))
    return digest.hexdigest()


def _canonical(record: Record, exclude: set[str] | None = None) -> bytes:
    values = record.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=exclude)
    return json.dumps(values, sort_keys=True).encode() + b"\n"
