"""What a probe is: something watched around a block, outside its timed part."""

from __future__ import annotations

from typing import Protocol

from mobilebench.core.records import Series, TargetInfo
from mobilebench.targets.base import Target


class Probe(Protocol):
    """Read once before and once after a block, by one cheap command each.

    One object watches the blocks of one target, one after the other.
    """

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str:
        """One sentence for `mobilebench describe probes`."""
        ...

    def validate(self, target: TargetInfo) -> str | None:
        """Why this target cannot be watched, in plain words; None when it can. Does not touch the device."""
        ...

    def start(self, target: Target) -> None:
        """Read before the block.

        Raises:
            TargetLost: the target went away.
        """
        ...

    def stop(self, target: Target) -> None:
        """Read after the block.

        Raises:
            TargetLost: the target went away.
        """
        ...

    def result(self) -> list[Series]:
        """What was seen, with times since `start`; what the target does not tell has a reason in place of a value."""
        ...
