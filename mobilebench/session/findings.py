"""What speaks against a measured block, sorted by how much."""

from __future__ import annotations

from dataclasses import dataclass, field

from mobilebench.core.records import Verdict


@dataclass
class Findings:
    """Reasons in plain words, as parts of a sentence."""

    wrong: list[str] = field(default_factory=list)
    """Something else ran than what was asked, or its answer is wrong."""
    doubtful: list[str] = field(default_factory=list)
    """Something may have bent the numbers, or a proof is missing."""
    remarks: list[str] = field(default_factory=list)
    """What a reader has to know, and what speaks against nothing."""

    def missing(self, what: str) -> None:
        self.doubtful.append(f"proof is missing: {what}")

    def verdict(self) -> Verdict:
        reasons = [*self.wrong, *self.doubtful, *self.remarks]
        return Verdict(status="invalid" if self.wrong else "suspect" if self.doubtful else "valid", reasons=reasons)


def percent(share: float) -> str:
    """A share as a whole per cent that never rounds to none or all."""
    whole = round(share * 100)
    if 0 < share < 1 and whole in (0, 100):
        return "less than 1 %" if whole == 0 else "more than 99 %"
    return f"{whole} %"
