"""What the drill of three nights calls found, missed and invented."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from benchmarks import nights_drill
from mobilebench.nights.records import Change, Night

PLANTED = "host/tflite/cpu/xnnpack/t1/mlp_4x256/fp32/b1"
OTHER = "host/tflite/cpu/xnnpack/t2/mlp_4x256/fp32/b1"


def change(case: str, call: Any, *, worse: bool = False) -> Change:
    told: dict[str, Any] = {"ratio": 1.5, "interval": (1.4, 1.6)} if call != "lost" else {}
    told |= {"quantity": "memory (peak RSS)", "before": 1024, "after": 3072} if call == "more" else {}
    stage: Any = None if call in ("lost", "more") else "prediction"
    return Change(step="suite", case=case, label=case, target="host", call=call, worse=worse, stage=stage, **told)


def night(*changes: Change) -> Night:
    return Night(
        id="1", name="drill", mobilebench="0", begun_at=datetime.now(UTC), baseline="-", outcome="good",
        changes=list(changes),
    )  # fmt: skip


def test_the_planted_regressions_are_found_in_the_third_night_alone() -> None:
    third = night(change(PLANTED, "slower", worse=True), change(PLANTED, "more", worse=True), change(OTHER, "faster"))
    drilled = nights_drill.judged([night(), night(change(PLANTED, "no change"), change(OTHER, "no change")), third])
    assert (drilled.slower, drilled.more) == tuple(third.changes[:2])
    assert (drilled.invented, drilled.called, drilled.compared) == ((), 1, 3)
    row = nights_drill.row(1, drilled)
    assert row == "| 1 | 1.500 | 1.400–1.600 | 2.0 | 1.500 | 1.400–1.600 | 0 | 1 | 3 |"


def test_what_is_not_worse_is_missed_and_what_else_is_worse_is_invented() -> None:
    second = night(change(PLANTED, "slower", worse=True))
    third = night(change(PLANTED, "slower"), change(OTHER, "lost", worse=True))
    drilled = nights_drill.judged([night(), second, third])
    assert (drilled.slower, drilled.more) == (None, None)
    assert drilled.invented == (f"night 2: {PLANTED}, prediction, slower", f"night 3: {OTHER}, outcome, lost")
    assert nights_drill.row(1, drilled) == "| 1 | missed | – | missed | missed | – | 2 | 1 | 1 |"
