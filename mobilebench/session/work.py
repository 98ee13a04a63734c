"""What the parts of a worker share: its job, and how it reports, ends and takes turns."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from mobilebench.core.records import Block, TargetInfo
from mobilebench.models.manifest import ModelFiles
from mobilebench.session import events
from mobilebench.session.dependencies import Dependencies, ModelKey
from mobilebench.session.job import JobSpec
from mobilebench.targets.android import states

Emit = Callable[[events.Event], None]
TakeTurn = Callable[[TargetInfo, threading.Event], AbstractContextManager[None]]
"""Waits until the run's other workers let a block run (`executors.HostExclusion.turn`)."""


class Cancelled(Exception):
    """The run is being stopped: the block in progress is dropped."""


@dataclass(frozen=True)
class Work:
    """The job of one worker, with what all its parts need."""

    job: JobSpec
    emit: Emit
    cancel: threading.Event
    take_turn: TakeTurn
    dependencies: Dependencies
    models: Mapping[ModelKey, ModelFiles | str]
    """The job's models, or the reason why one cannot be obtained."""
    traces: Path
    """Folder for the traces of a block, until they are sent."""

    @property
    def info(self) -> TargetInfo:
        """The target that is measured."""
        return self.job.target

    def present_state(self) -> str:
        """The target's present state (`TargetInfo.state`)."""
        found = self.dependencies.meet(self.info)
        return found.state if found else states.ABSENT

    def stop_if_cancelled(self, block: Block | None = None) -> None:
        """Drop a block that was cut short by the cancellation, and keep a complete one.

        Raises:
            Cancelled: the run is being stopped, and there is no complete block.
        """
        if self.cancel.is_set() and (block is None or block.outcome == "failed"):
            raise Cancelled
