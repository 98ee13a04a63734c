"""A worker's phone that went away: how it is noticed, how long it is waited for, and when it is given up."""

from __future__ import annotations

from datetime import datetime

from mobilebench.core import errors
from mobilebench.core.errors import BlockFailed, Fault
from mobilebench.core.records import Block, PlannedBlock
from mobilebench.session.attachment import Absence
from mobilebench.session.block_results import without_values
from mobilebench.session.work import Work
from mobilebench.targets.android import states

LOSSES = 3
"""A block during which its phone was lost this often is stored as failed."""

UNSTABLE_BLOCKS = 3
"""A phone is given up after it was lost so often in this many blocks in a row."""

_PASSING: tuple[Fault | None, ...] = ("cut connection", "hang", "crash")
"""Faults after which a phone is opened again, if they came while it was opened or its changes were undone."""
_OF_THE_PAGE: tuple[Fault | None, ...] = ("page error", "lost context", "out of memory")
"""Faults that a page reports, so that its phone is there."""


class Losses:
    """How often the phone was lost, and whether it is waited for."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._absence: Absence | None = None
        self._of_block = 0
        """How often the target was lost during the current block."""
        self._blocks = 0
        """How many blocks in a row failed because the target was lost too often."""

    def begin_block(self) -> None:
        """A block begins: the target is there."""
        self._absence = None

    def end_block(self, *, lost: bool = False) -> None:
        """A block ended; `lost`: because the target was lost too often during it."""
        self._of_block = 0
        if not lost:
            self._blocks = 0

    def look(self, reason: str, fault: Fault | None) -> None:
        """Check whether a block failed because its phone was lost: a restart of the phone looks like a crash at first.

        Raises:
            TargetLost: the phone is not attached.
        """
        info = self._work.info
        if info.kind != "android" or fault in _OF_THE_PAGE:
            return
        if (state := self._work.present_state()) != info.state:
            raise errors.TargetLost(f"{info.id} went away ({state}): {reason}", loss=states.loss_of(state))

    def as_loss(self, error: BlockFailed) -> errors.TargetLost:
        """A loss from a failure while the target was opened, or while changes on it were undone.

        Raises:
            TargetLost: its storage is full, so no change on it can be recorded.
            BlockFailed: the target is there, and opening it again would not help.
        """
        if error.fault == "no space":
            raise errors.TargetLost(error.message, hint=error.hint, loss="no space") from error
        if error.fault not in _PASSING and self._work.present_state() == self._work.info.state:
            raise error
        return errors.TargetLost(error.message, hint=error.hint, loss="no answer")

    def count(self, error: errors.TargetLost, planned: PlannedBlock | None, begun: datetime) -> Block | None:
        """Count a loss; returns the current block as failed if the target was lost too often during it.

        Raises:
            TargetLost: the run does not wait for it, or it did not come back in time.
        """
        work, patience = self._work, self._work.job.wait_seconds
        if (
            work.cancel.is_set()
            or work.info.kind != "android"
            or patience <= 0
            or isinstance(error, errors.TargetTaken)
        ):
            raise error
        if self._absence is None:
            self._absence = Absence(work.info, error, patience)
            self._of_block += 1
        elif self._absence.over:
            raise error
        if planned is None or self._of_block < LOSSES:
            return None
        self._blocks += 1
        reason = f"The phone went away {self._of_block} times during this block: {error.text_with_hint}"
        return without_values(planned, "failed", reason, begun, "cut connection")

    def give_up_if_unstable(self) -> None:
        """Give the phone up if it was lost too often in too many blocks in a row.

        Raises:
            TargetLost: it is given up.
        """
        if self._blocks >= UNSTABLE_BLOCKS:
            name = self._work.info.id
            raise errors.TargetLost(
                f"{name} went away {LOSSES} times in each of {self._blocks} blocks in a row, and came back again",
                hint=f"Try another cable, another USB port or a powered hub, then `mobilebench restore {name}`.",
                loss="unstable",
            )

    def wait(self, error: errors.TargetLost, *, repeated: bool) -> None:
        """Wait until the phone is back; `repeated`: the current block is then measured again.

        Raises:
            TargetLost: it did not come back in time.
        """
        absence, work = self._absence, self._work
        if absence is None or not absence.wait(work.dependencies, work.emit, work.cancel, repeated=repeated):
            raise error
