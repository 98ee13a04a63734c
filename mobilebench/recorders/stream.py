"""One light sampler for all recorders of a block: a single shell stream of a phone, or one thread on this computer.

On a phone, one shell program prints a reading of each source whenever it is due. It ends when its output or its adb
connection is closed, and after `LONGEST_HOURS`; a command that it has started ends with it.
"""

from __future__ import annotations

import secrets
import shlex
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Protocol

from mobilebench.core.errors import MobilebenchError
from mobilebench.core.proc import parse_stat
from mobilebench.core.records import Series
from mobilebench.recorders.base import Streams, Subject
from mobilebench.recorders.frames import Frame, FrameParser, PhoneClock
from mobilebench.recorders.sources import (
    FUNCTIONS,
    NO_PROCESSES,
    Processes,
    Source,
    lines_of,
    once_program,
    read_here,
)

RECORDER = "sampler"
"""The name under which the sampler's own processor time is stored."""
LONGEST_HOURS = 6
_LONGEST_SLEEP_SECONDS = 60
"""A sleep that is not ended with the program, because it was just being started, is over after that."""
_SLOW_SECONDS = 5
"""A command that takes so long twice in a row is not run again in this block."""


class Feed(Protocol):
    """A recorder that gets readings from the sampler."""

    @property
    def interval_s(self) -> float: ...

    @property
    def source(self) -> Source: ...

    def take(self, at: float, text: str) -> None:
        """Take one reading; `at` is in `time.monotonic()`."""
        ...

    def fail(self, reason: str) -> None:
        """There will be no further readings, for this reason (a clause)."""
        ...


def phone_program(feeds: Sequence[Feed], token: str, processes: Processes = NO_PROCESSES) -> str:
    """The shell program that samples on a phone. It only reads.

    Args:
        feeds: what is read, each at its interval; their numbers are the frames' names.
        token: random word with which the lines begin that separate readings.
        processes: how the processes that measure are found.
    """
    periods = [max(1, round(one.interval_s * 100)) for one in feeds]
    numbers = range(len(feeds))
    programs = [once_program(one.source, number) for number, one in enumerate(feeds)]
    lines = [
        "exec 2>/dev/null",
        f"T={shlex.quote(token)} z= w=0 now=0 {processes.variables()}",
        # `z` is the last child process that has ended; `$!` is the last one that was started.
        """trap '[ "$!" = "$z" ] || kill $!; exit' HUP INT PIPE TERM""",
        FUNCTIONS,
        # `up` sets `now`, in hundredths of a second; where the uptime cannot be read, it counts what was slept.
        # Times are compared by their differences, because mksh counts in 32 bits.
        "up() { if read -r u x </proc/uptime; then now=${u%.*}${u#*.}; else u=-; now=$((now+w)); w=0; fi; }",
        'h() { up; echo "$T $1 $u" || exit; }',
        *(prepared for prepared, _, _ in programs if prepared),
        f"up; end=$((now+{LONGEST_HOURS * 360_000}))",
    ]
    # All begin at one time, so that readings with equal intervals need one sleep for all of them.
    lines += [f"d{number}=$((now+{periods[number]})) s{number}=0" for number in numbers]
    for number in numbers:
        if programs[number][1]:
            lines += [f"h o{number}", *programs[number][1]]
    lines += ["h cost; f 1 /proc/self/stat", "while [ $((end-now)) -gt 0 ]; do", "m=$d0"]
    lines += [f"if [ $((d{number}-m)) -lt 0 ]; then m=$d{number}; fi" for number in numbers[1:]]
    lines += [
        f"w=$((m-now)); if [ $w -gt {_LONGEST_SLEEP_SECONDS * 100} ]; then w={_LONGEST_SLEEP_SECONDS * 100}; fi",
        'if [ $w -gt 0 ]; then sleep "$((w/100)).$((w%100/10))$((w%10))" & wait $!; z=$!; fi',
        "up",
    ]
    for number, one in enumerate(feeds):
        due, period, slow = f"d{number}", periods[number], f"s{number}"
        body = [f"h {number}", *programs[number][2]]
        if one.source.commands:
            body = [
                f"if [ ${slow} -lt 2 ]; then b=$now",
                *body,
                f"up; if [ $((now-b)) -ge {_SLOW_SECONDS * 100} ]; then {slow}=$(({slow}+1)); else {slow}=0; fi",
                "fi",
            ]
        lines += [
            f"if [ $((now-{due})) -ge 0 ]; then",
            f"{due}=$(({due}+{period}*((now-{due})/{period}+1)))",
            *body,
            "fi",
        ]
    lines += ["h cost; f 1 /proc/self/stat", "done", "h end"]
    return "\n".join(lines)


class Sampling(Protocol):
    """A sampler that runs while a block is measured."""

    def start(self) -> None: ...

    def stop(self) -> None:
        """End it; no thread of it is left when this returns. A second call does nothing."""
        ...

    def series(self) -> list[Series]:
        """The processor time that it took."""
        ...


def sampling(subject: Subject, feeds: Sequence[Feed]) -> Sampling:
    """The sampler of a block."""
    return PhoneSampling(subject, feeds) if subject.target.info.kind == "android" else HostSampling(subject, feeds)


class _Threaded:
    """A thread that reads until `stop`, with the reason in every feed if it fails."""

    def __init__(self, subject: Subject, feeds: Sequence[Feed]) -> None:
        self._subject = subject
        self._feeds = feeds
        self._ended = Event()
        self._thread = Thread(target=self._run, name=f"sampler of {subject.target.info.id}", daemon=True)
        self._cost: list[tuple[float, float]] = []
        """Times (`time.monotonic()`) with the sampler's processor time until then in seconds."""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def series(self) -> list[Series]:
        kept = self._cost[:1] + self._cost[1:][-1:]
        return [
            Series(
                recorder=RECORDER,
                name="cpu_time",
                unit="s",
                times_ms=[(at - self._subject.began) * 1000 for at, _ in kept],
                values=[seconds for _, seconds in kept],
                reason=self._remark() if kept else "the sampler told nothing about its processor time",
            )
        ]

    def _remark(self) -> str | None:
        """What was noticed about the sampling, as a clause."""
        return None

    def _run(self) -> None:
        try:
            self._read()
        except MobilebenchError as error:
            if not self._ended.is_set():
                self._fail(error.message.rstrip("."))
        except Exception as error:
            self._fail(f"the sampler has a defect ({type(error).__name__}: {error})")

    def _read(self) -> None:
        raise NotImplementedError

    def _fail(self, reason: str) -> None:
        for feed in self._feeds:
            feed.fail(reason)


class PhoneSampling(_Threaded):
    """Reads the stream of a phone's sampler. When the engine tells which processes measure, the stream is replaced by
    one that reads these."""

    def __init__(self, subject: Subject, feeds: Sequence[Feed]) -> None:
        super().__init__(subject, feeds)
        self._once = [""] * len(feeds)
        self._clock = PhoneClock()
        self._earlier_seconds = 0.0
        """Processor time of streams that were replaced."""
        self._turn = Event()
        """Set when the present stream is to end."""

    def start(self) -> None:
        if any(feed.source.of_processes for feed in self._feeds):
            self._subject.processes.listen(self._replace)
        super().start()

    def stop(self) -> None:
        self._subject.processes.listen(None)
        self._ended.set()
        self._turn.set()
        super().stop()

    def _replace(self) -> None:
        self._turn.set()

    def _read(self) -> None:
        target = self._subject.target
        if not isinstance(target, Streams):
            self._fail("this target cannot be sampled")
            return
        while not self._ended.is_set():
            self._turn.clear()
            self._earlier_seconds = self._cost[-1][1] if self._cost else 0.0
            if self._ended.is_set():
                return
            self._read_stream(target)
            if not self._turn.is_set():
                self._fail("the phone ended the sampler")
                return

    def _read_stream(self, target: Streams) -> None:
        """Read one stream until it ends or is to be replaced."""
        token = f"mobilebench-{secrets.token_hex(8)}"
        parser = FrameParser(token)
        program = phone_program(self._feeds, token, self._subject.measured)
        with closing(target.stream(program, cancel=self._turn)) as output:
            for data in output:
                arrived = time.monotonic()
                for frame in parser.feed(data):
                    self._take(frame, arrived)

    def _remark(self) -> str | None:
        jumps = self._clock.jumps
        return (
            f"the phone's clock jumped {jumps} times; such readings have the time at which they arrived"
            if jumps
            else None
        )

    def _take(self, frame: Frame, arrived: float) -> None:
        at = self._clock.at(frame.uptime_s, arrived)
        if frame.name == "cost":
            self._take_cost(at, frame.text)
        elif frame.name.startswith("o") and (number := self._number(frame.name[1:])) is not None:
            self._once[number] = frame.text
        elif (number := self._number(frame.name)) is not None:
            self._feeds[number].take(at, self._once[number] + frame.text)

    def _number(self, text: str) -> int | None:
        return int(text) if text.isascii() and text.isdecimal() and int(text) < len(self._feeds) else None

    def _take_cost(self, at: float, text: str) -> None:
        for _, line in lines_of(text):
            if stat := parse_stat(line):
                spent = stat.cpu_seconds + stat.ended_children_seconds
                self._cost.append((at, self._earlier_seconds + spent))
                del self._cost[1:-1]


class HostSampling(_Threaded):
    """Reads this computer's files in a thread of this process.

    Args:
        subject: the block.
        feeds: the recorders.
        root: folder that holds `proc` and `sys`.
        read: reads a source.
    """

    def __init__(
        self,
        subject: Subject,
        feeds: Sequence[Feed],
        root: Path = Path("/"),
        read: Callable[..., str] | None = None,
    ) -> None:
        super().__init__(subject, feeds)
        self._root = root
        self._read_source = read or partial(read_here, known={})

    def _read(self) -> None:
        begun = time.thread_time()
        began = time.monotonic()
        due = [began + feed.interval_s for feed in self._feeds]
        self._cost.append((began, 0.0))
        while not self._ended.wait(max(0.0, min(due) - time.monotonic())):
            for number, feed in enumerate(self._feeds):
                if time.monotonic() >= due[number]:
                    text = self._read_source(feed.source, self._subject.measured, self._root, around=False)
                    feed.take(time.monotonic(), text)
                    missed = (time.monotonic() - due[number]) // feed.interval_s
                    due[number] += (1 + max(0.0, missed)) * feed.interval_s
            self._cost[1:] = [(time.monotonic(), time.thread_time() - begun)]
