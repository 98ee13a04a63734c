"""What a rule reads (the evidence on one block) and what it writes (findings)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mobilebench.core.page_quality import ScenarioResult
from mobilebench.core.records import (
    Case,
    Gate,
    Measurement,
    ModelFacts,
    PlannedBlock,
    Proof,
    Reason,
    Series,
    Stopped,
    TargetInfo,
    Verdict,
)
from mobilebench.verdicts.codes import LEVELS, Code, level_of, status_of


@dataclass(frozen=True)
class Around:
    """What was recorded beside a measurement."""

    series: Sequence[Series] = ()
    gate: Gate | None = None
    stopped: Sequence[Stopped] = ()
    """Attempts at the block that were stopped because of heat."""
    scenario: ScenarioResult | None = None
    """What was recorded while a page was used; None without a scenario."""


NOTHING = Around()


@dataclass(frozen=True)
class Evidence:
    """Everything that is known of one measured block."""

    planned: PlannedBlock
    measurement: Measurement
    target: TargetInfo
    model: ModelFacts | None = None
    """The answer that the model must give; None when it is unknown."""
    recorded: Verdict | None = None
    """What the rules said when the block was measured; None while it is being measured."""
    around: Around = NOTHING

    @property
    def case(self) -> Case:
        """What was asked for."""
        return self.planned.case

    @property
    def series(self) -> Sequence[Series]:
        """What recorders read before, during and after the block."""
        return self.around.series

    @property
    def gate(self) -> Gate | None:
        """The gate before the block; None where there was none."""
        return self.around.gate

    @property
    def stopped(self) -> Sequence[Stopped]:
        """Attempts at the block that were stopped because of heat."""
        return self.around.stopped

    @property
    def scenario(self) -> ScenarioResult | None:
        """What was recorded while a page was used; None without a scenario."""
        return self.around.scenario

    @property
    def proof(self) -> Proof:
        """The proof of what ran."""
        return self.measurement.proof


@dataclass
class Findings:
    """The reasons that rules give for one block."""

    reasons: list[Reason] = field(default_factory=list)

    def add(self, code: Code, sentence: str) -> None:
        """Give a reason. `sentence` is a clause: it starts with a small letter and has no full stop."""
        self.reasons.append(Reason(code=code.value, sentence=sentence))

    def unproven(self, code: Code, what: str) -> None:
        """Say that a proof is missing."""
        self.add(code, f"proof is missing: {what}")

    def verdict(self, rules: int) -> Verdict:
        """The verdict of this version of the rules: the worst level counts, and the worst reasons come first."""
        ordered = sorted(self.reasons, key=lambda reason: LEVELS.index(level_of(reason.code)))
        return Verdict(status=status_of([reason.code for reason in ordered]), reasons=ordered, rules=rules)


def percent(share: float) -> str:
    """A share in whole per cent. Only a share of exactly 0 or 1 reads as `0 %` or `100 %`."""
    whole = round(share * 100)
    if 0 < share < 1 and whole in (0, 100):
        return "less than 1 %" if whole == 0 else "more than 99 %"
    return f"{whole} %"
