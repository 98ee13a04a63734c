"""The journal of a fault drill: what each of its runs found, so that a drill can be continued, and done in parts."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.drill_plan import RANDOM


@dataclass(frozen=True)
class Struck:
    """A fault that was caused, and what became of it."""

    fault: str
    phase: str
    phone: str
    outcome: str


@dataclass(frozen=True)
class Done:
    """A run of the drill that has ended."""

    drill: str
    """Seed and size of its drill."""
    key: str
    seconds: float
    strikes: tuple[Struck, ...]
    findings: tuple[str, ...]


class Journal:
    """The runs that were done, in a file of JSON lines, or only in memory."""

    def __init__(self, drill: str, file: Path | None) -> None:
        self._drill = drill
        self._file = file
        self._done: list[Done] = []
        if file is not None and file.exists():
            for line in file.read_text(encoding="utf-8").splitlines():
                entry = json.loads(line)
                strikes = tuple(Struck(**strike) for strike in entry["strikes"])
                self._done.append(Done(**{**entry, "strikes": strikes, "findings": tuple(entry["findings"])}))

    @property
    def done(self) -> list[Done]:
        """The runs of this drill."""
        return [run for run in self._done if run.drill == self._drill]

    @property
    def strikes(self) -> list[Struck]:
        return [strike for run in self.done for strike in run.strikes]

    @property
    def findings(self) -> list[str]:
        return [f"{run.key}: {finding}" for run in self.done for finding in run.findings]

    def struck(self) -> Counter[tuple[str, str]]:
        """How often each fault struck in each phase."""
        return Counter((strike.fault, strike.phase) for strike in self.strikes)

    def add(self, key: str, seconds: float, strikes: Sequence[Struck], findings: Sequence[str]) -> Done:
        run = Done(self._drill, key, round(seconds, 1), tuple(strikes), tuple(findings))
        self._done.append(run)
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(dataclasses.asdict(run), ensure_ascii=False) + "\n")
        return run


def table(strikes: Sequence[Struck], phases: Sequence[str]) -> str:
    """Faults by phases: how often each struck; then what became of it."""
    columns = [*phases, RANDOM]
    counts = Counter((strike.fault, strike.phase) for strike in strikes)
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    for strike in strikes:
        outcomes[strike.fault].update(strike.outcome.split(" + "))
    lines = [f"| fault | {' | '.join(columns)} | outcomes |", f"|---|{'---:|' * len(columns)}---|"]
    for fault in sorted(outcomes):
        cells = " | ".join(str(counts[fault, phase] or "") for phase in columns)
        words = ", ".join(f"{outcome} {count}×" for outcome, count in outcomes[fault].most_common())
        lines.append(f"| {fault} | {cells} | {words} |")
    return "\n".join(lines)
