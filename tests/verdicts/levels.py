"""What tests of rules look at: sentences by what they make of a block."""

from __future__ import annotations

from mobilebench.verdicts.codes import level_of
from mobilebench.verdicts.findings import Findings


def wrong(found: Findings) -> list[str]:
    """Sentences of the reasons that make a block invalid."""
    return [one.sentence for one in found.reasons if level_of(one.code) == "invalid"]


def doubtful(found: Findings) -> list[str]:
    """Sentences of the reasons that make a block suspect."""
    return [one.sentence for one in found.reasons if level_of(one.code) == "suspect"]
