"""Which phones of a rack a night skips, and why."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.core.records import TargetInfo
from mobilebench.nights.phones import examine
from mobilebench.targets.care import checks
from mobilebench.targets.care.base import Finding
from mobilebench.targets.care.doctor import Report
from tests.results.making import phone

STORAGE = next(check for check in checks.OF_PHONES if check.name == "storage")
QUARANTINED = "quarantined until 2026-11-30 14:00 UTC: its cable is loose"


@pytest.mark.parametrize(
    ("word", "outcome", "words"),
    [
        ("fine", "ready", None),
        ("full", "blocked", "storage: 4 MB are free"),
        ("kept", "quarantined", "until 2026-11-30 14:00 UTC: its cable is loose"),
        ("far", "away", "the rack has no phone far"),
    ],
)
def test_phones_of_a_rack_are_judged_by_their_hosts(word: str, outcome: str, words: str | None) -> None:
    def select(one: str) -> list[TargetInfo]:
        if one == "far":
            raise BadInput("The rack has no phone far.")
        return [phone(one, state=QUARANTINED if one == "kept" else "device")]

    def doctor(ready: Sequence[TargetInfo]) -> list[Report]:
        assert all(info.state == "device" for info in ready)
        full = Finding("blocking", "4 MB are free")
        return [Report(info, ((STORAGE, full),)) for info in ready if info.id == "full"]

    (found,) = examine(word, (), select=select, doctor=doctor)
    assert (found.id, found.outcome, found.words) == (word, outcome, words)
    assert found.skipped == (outcome != "ready")
