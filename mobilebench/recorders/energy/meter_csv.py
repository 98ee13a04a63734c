"""A meter that writes a CSV file: `time,power_mw`, with a header, a row for each sample, times in ascending order.

Times are seconds on this computer's clock: of Unix time in a column `time`, or of the monotonic clock
(`CLOCK_MONOTONIC`, Python's `time.monotonic()`) in a column `monotonic`. Further columns are ignored. `offset_s` is
added to the times.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import BinaryIO

from mobilebench.core.errors import BadInput
from mobilebench.recorders.energy import meters
from mobilebench.recorders.energy.meters import LONGEST_LINE, MOST_SAMPLES, BadSample

LATE_SECONDS = 5.0
"""How long the rows of the end of the window are waited for: programs write files in portions."""
CLOCK_STEP_S = 0.05
"""A change between Unix time and the monotonic clock beyond this, during the window, makes the rows useless."""
MOST_BYTES = 1 << 30
_HEADER_BYTES = 2000
_POLL_SECONDS = 0.25


class CsvMeter:
    """Reads the rows of one window when it has ended.

    Args:
        file: the file.
        offset_s: seconds to add to the times.
        cancel: set when waiting for rows must end.
        unix_time: what tells Unix time.
    """

    def __init__(
        self,
        file: Path,
        offset_s: float = 0.0,
        cancel: Event | None = None,
        unix_time: Callable[[], float] = time.time,
    ) -> None:
        self._file = file
        self._offset_s = offset_s
        self._cancel = cancel or Event()
        self._unix_time = unix_time
        self._began = self._to_unix = 0.0
        self._unix = True
        self._found: list[tuple[float, float]] = []
        self._reason: str | None = None

    def start(self) -> None:
        with self._opened() as stream:
            self._unix, _, _ = _columns(stream, self._file)
        self._began, self._to_unix = time.monotonic(), self._unix_time() - time.monotonic()

    def stop(self) -> None:
        ended = time.monotonic()
        moved = abs(self._unix_time() - ended - self._to_unix)
        until = ended + LATE_SECONDS
        while True:
            try:
                self._found, self._reason = self._rows(ended)
            except BadInput as error:
                self._found, self._reason = [], error.message.rstrip(".")
            late = not self._found or self._found[-1][0] < ended
            if self._reason or not late or time.monotonic() >= until or self._cancel.wait(_POLL_SECONDS):
                break
        if moved > CLOCK_STEP_S and self._unix:
            self._found, self._reason = [], f"this computer's clock was set by {moved:.2f} s during the window"

    def samples(self) -> tuple[list[tuple[float, float]], str | None]:
        return self._found, self._reason or (None if self._found else "the file has no row of the time of the block")

    def _opened(self) -> BinaryIO:
        try:
            if not self._file.is_file():
                raise BadInput(f"There is no file {self._file}.", hint="Start the meter's program before the run.")
            if self._file.stat().st_size > MOST_BYTES:
                raise BadInput(f"{self._file} is larger than {MOST_BYTES >> 20} MiB.", hint="Begin a new file.")
            return self._file.open("rb")
        except OSError as error:
            raise BadInput(f"{self._file} cannot be read ({error.strerror}).") from None

    def _rows(self, ended: float) -> tuple[list[tuple[float, float]], str | None]:
        """The rows from the start of the window to one beyond its end, on the monotonic clock."""
        found: list[tuple[float, float]] = []
        with self._opened() as stream:
            unix, time_at, power_at = _columns(stream, self._file)
            shift = self._offset_s - (self._to_unix if unix else 0.0)
            last: float | None = None
            for number, line in _lines(stream):
                try:
                    cells = [cell.strip() for cell in line.split(",")]
                    if max(time_at, power_at) >= len(cells):
                        raise BadSample("it has too few columns")
                    one = meters.after(meters.sample(cells[time_at], cells[power_at]), last)
                except BadSample as error:
                    return found, f"row {number} of the meter's file is no sample: {error}"
                last, at = one.time_s, one.time_s + shift
                if at >= self._began:
                    if len(found) >= MOST_SAMPLES:
                        return found, f"the meter wrote more than {MOST_SAMPLES} rows; let it write fewer per second"
                    found.append((at, one.power_mw))
                if at > ended:
                    break
        return found, None


def _columns(stream: BinaryIO, file: Path) -> tuple[bool, int, int]:
    """Whether times are Unix time, and the positions of time and power. Raises `BadInput` for another header."""
    header = stream.readline(_HEADER_BYTES)
    names = [name.strip().lower() for name in header.decode("utf-8-sig", "replace").split(",")]
    clocks = [name for name in ("time", "monotonic") if name in names]
    if not header.endswith(b"\n") or len(clocks) != 1 or "power_mw" not in names:
        raise BadInput(f"{file} does not begin with the header time,power_mw.", hint="docs/energy.md describes it.")
    return clocks[0] == "time", names.index(clocks[0]), names.index("power_mw")


def _lines(stream: BinaryIO) -> Iterator[tuple[int, str]]:
    """Each whole line with its number; a last line without an end is still being written."""
    number = 1
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            yield number, line[:LONGEST_LINE].decode("ascii", "replace").replace(",", " ")
            return
        if not line.endswith(b"\n"):
            return
        if line.strip():
            yield number, line.decode("ascii", "replace").strip()
