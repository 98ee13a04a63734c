"""Where the wall time of a stored run went: the share inside measured stages, and the split of its blocks.

Prints, for each machine (targets of one machine take turns), the share of wall time spent inside setup, warmup and
prediction; and how the time of its blocks splits into push, launch, gate (waiting for others), measure, store and the
rest. Promise: of a `quick` run, at least half of the wall time is spent inside measured stages.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from mobilebench.core import paths
from mobilebench.core.records import Block, Run, SpentOn
from mobilebench.results.store import Store

PARTS: tuple[SpentOn, ...] = get_args(SpentOn)


@dataclass
class Split:
    """Milliseconds of one machine's blocks."""

    targets: set[str] = field(default_factory=set)
    wall: float = 0.0
    """From the start of its first block to the end of its last."""
    blocks: float = 0.0
    """All its blocks together; they overlap where targets wait for each other."""
    spent: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))

    @property
    def measured_share(self) -> float:
        return self.spent["measure"] / self.wall if self.wall else 0.0

    @property
    def rest(self) -> float:
        """What no part accounts for. Storing is done beside the blocks, so it does not count here."""
        return self.blocks - sum(self.spent[part] for part in PARTS if part != "store")


def splits(run: Run) -> dict[str, Split]:
    """The split of each machine, by its id."""
    machines = {info.id: info.machine for info in run.info.targets}
    by_machine: dict[str, list[Block]] = defaultdict(list)
    for block in run.blocks:
        by_machine[machines[block.planned.case.target]].append(block)
    return {machine: _split(blocks) for machine, blocks in by_machine.items()}


def _split(blocks: list[Block]) -> Split:
    found = Split()
    begun, ended = min(block.started_at for block in blocks), max(block.ended_at for block in blocks)
    found.wall = (ended - begun).total_seconds() * 1000
    for block in blocks:
        found.targets.add(block.planned.case.target)
        found.blocks += (block.ended_at - block.started_at).total_seconds() * 1000
        for part, value in block.spent_ms.items():
            found.spent[part] += value
    return found


def describe(machine: str, split: Split) -> str:
    """The split as lines of text."""
    lines = [
        f"machine {machine} ({', '.join(sorted(split.targets))}): {split.wall / 1000:.1f} s wall, "
        f"{split.measured_share:.1%} of it inside measured stages"
    ]
    for part, value in [*split.spent.items(), ("rest", split.rest)]:
        lines.append(
            f"  {part:8} {value / 1000:8.2f} s  {value / split.blocks if split.blocks else 0:6.1%} of block time"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", default="last", help="run id, its unique beginning, or `last`")
    parser.add_argument("--out", type=Path, help="the folder that holds the results")
    arguments = parser.parse_args()
    with Store.open(arguments.out or paths.home(), create=False) as store:
        run = store.load(arguments.run)
    print(f"run {run.info.id}, suite {run.info.suite}")
    for machine, split in splits(run).items():
        print(describe(machine, split))


if __name__ == "__main__":
    main()
