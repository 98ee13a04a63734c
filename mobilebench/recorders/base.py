"""The interface of a recorder: its lifecycle, and its declaration of what it costs, stores and shows."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from threading import Event, Lock
from typing import Any, Literal, Protocol, runtime_checkable

from mobilebench.core.records import PlannedBlock, Series, TargetInfo
from mobilebench.recorders.sources import NO_PROCESSES, Processes

Cost = Literal["nothing", "around the block", "during the block"]
"""When a recorder takes time: never, before and after the measured part, or during it. Only a recorder that takes time
during the block needs blocks of its own."""


@dataclass(frozen=True)
class Quantity:
    """One series that a recorder stores."""

    name: str
    unit: str
    title: str
    """How it is shown, such as `CPU temperature`."""

    @property
    def key(self) -> tuple[str, str]:
        """Name and unit."""
        return self.name, self.unit


@dataclass(frozen=True)
class Declaration:
    """What a recorder is called, what it costs and stores, and how it is shown."""

    name: str
    title: str
    """Heading of its column or section, such as `Temperatures`."""
    description: str
    """One sentence for `mobilebench describe recorders`."""
    cost: Cost
    quantities: tuple[Quantity, ...] = ()
    """The series that it stores for every target that it supports. It may store further ones."""
    part: Literal["prediction_ms", "kernels", "memory", "trace"] | None = None
    """The field of `Measurement` that it fills."""
    needs_file_operators: bool = False
    """Whether its measurement is stored with the operators of the model's file, with which it is compared."""
    sampled: bool = False
    """It reads at an interval while a block is measured, if one is given (`--record NAME@INTERVAL`)."""

    @property
    def own_blocks(self) -> bool:
        """Whether it must not run in a timing block, because it would slow the stages down."""
        return self.cost == "during the block"

    @property
    def stores(self) -> list[str]:
        """Series with their units, or the part of the measurement."""
        series = [f"{one.name} ({one.unit})" for one in self.quantities]
        return [*series, *([self.part] if self.part else [])]


class CommandResult(Protocol):
    """Outcome of a command on a target."""

    @property
    def stdout(self) -> bytes: ...

    @property
    def stderr(self) -> bytes: ...

    @property
    def exit_code(self) -> int: ...


class Observable(Protocol):
    """The part of a target that a recorder uses (`targets.base.Target` implements it)."""

    @property
    def info(self) -> TargetInfo: ...

    def observe(self, argv: Sequence[str], *, timeout: float, cancel: Event | None = None) -> CommandResult:
        """Run a command that only reads. May be called from any thread while a block is measured."""
        ...


@runtime_checkable
class Streams(Protocol):
    """A target whose shell can print while a block is measured (`targets.android.device.AndroidTarget`)."""

    def stream(self, script: str, *, cancel: Event) -> Generator[bytes, None, None]:
        """Run a shell program that only reads, and yield its output as it arrives, until it ends or `cancel` is set.

        The program is hung up when the generator ends or is closed. It may be used from any thread.
        """
        ...


class EngineFacts(Protocol):
    """The part of an engine on which recorders depend (`engines.base.Engine` implements it)."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> Literal["native", "web"]: ...

    @property
    def why_no_kernels(self) -> str | None:
        """Why it does not report which operators it runs, as a clause; None when it does."""
        ...


class MeasuredProcesses:
    """The processes that measure a block. The engine tells them when it knows them; the sampler follows. Any thread may
    use it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._now = NO_PROCESSES
        self._listener: Callable[[], None] | None = None

    @property
    def now(self) -> Processes:
        """What is known of them."""
        with self._lock:
            return self._now

    def are(self, processes: Processes) -> None:
        """Tell them. A later call replaces what was known."""
        with self._lock:
            self._now = processes
            listener = self._listener
        if listener:
            listener()

    def listen(self, listener: Callable[[], None] | None) -> None:
        """Call `listener` whenever they change; None ends that."""
        with self._lock:
            self._listener = listener


@dataclass(frozen=True)
class Subject:
    """The block that is recorded, with its target and page."""

    target: Observable
    began: float = field(default_factory=time.monotonic)
    """`time.monotonic()` just before the recorders were started; times of samples are relative to it."""
    block: PlannedBlock | None = None
    """The block that is measured; None where a page's side of a recorder is started."""
    cancel: Event = field(default_factory=Event)
    """Set when the run is to end; a recorder that waits must stop waiting then."""
    program: str | None = None
    """Name of the program that measures, if it is one process with a known name."""
    processes: MeasuredProcesses = field(default_factory=MeasuredProcesses)
    """The processes that measure, as the engine tells them."""
    page: Any = None
    """The page that measures, where a web engine starts the recorder (`engines.page_process.RecordedPage`)."""

    @property
    def measured(self) -> Processes:
        """How the processes that measure are found now."""
        return replace(self.processes.now, program=self.program)


@dataclass(frozen=True)
class Recorded:
    """What a recorder recorded in one block."""

    series: list[Series] = field(default_factory=list)
    parts: dict[str, Any] = field(default_factory=dict)
    """Fields of `Measurement` by name."""


class Recorder(Protocol):
    """Records something during blocks. One object records the blocks of one target, one after the other."""

    @property
    def declaration(self) -> Declaration: ...

    def validate(self, target: TargetInfo, block: PlannedBlock, engine: EngineFacts) -> str | None:
        """Why it cannot record this block, as a clause; None when it can. Does not touch the device."""
        ...

    def start(self, subject: Subject) -> None:
        """Begin, just before the block is measured.

        Raises:
            MobilebenchError: it cannot; the block is measured without it.
            TargetLost: the target went away.
        """
        ...

    def stop(self, subject: Subject, *, complete: bool = True) -> None:
        """End, just after the block was measured. Threads of the recorder have ended when it returns.

        Args:
            subject: the block that is recorded.
            complete: whether the block was measured. When it was not (it failed, was cancelled, or the target went
                away), the recorder does not ask the target again.

        Raises:
            MobilebenchError: it cannot; what was recorded before stays.
            TargetLost: the target went away.
        """
        ...

    def result(self) -> Recorded:
        """What was recorded since `start`. Where a value could not be read, there is a reason in its place."""
        ...
