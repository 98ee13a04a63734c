"""A meter that sends lines over TCP: `T_SECONDS POWER_MW`, each ended by a line feed.

`T_SECONDS` is on any clock of the meter. It is set against this computer's monotonic clock by the line that came with
the least delay: the smallest difference between a line's arrival and its time. So times are late by at most the
shortest delay of the connection, well below a millisecond on one computer and a few milliseconds in a network.
"""

from __future__ import annotations

import socket
import time
from threading import Event, Thread

from mobilebench.core.errors import BadInput
from mobilebench.recorders.energy import meters
from mobilebench.recorders.energy.meters import LONGEST_LINE, MOST_SAMPLES, Address, BadSample

CONNECT_SECONDS = 5.0
SILENT_SECONDS = 10.0
"""A meter that sends nothing for so long is given up."""
_CHUNK = 65_536


class TcpMeter:
    """Reads a meter from a connection, in a thread of its own.

    Args:
        address: host and port to connect to.
        offset_s: seconds to add to the times.
    """

    def __init__(self, address: Address, offset_s: float = 0.0) -> None:
        self._address = address
        self._offset_s = offset_s
        self._socket: socket.socket | None = None
        self._thread: Thread | None = None
        self._ended = Event()
        self._read: list[meters.Sample] = []
        self._delay = float("inf")
        self._reason: str | None = None

    def start(self) -> None:
        where = (self._address.host, self._address.port)
        try:
            self._socket = socket.create_connection(where, timeout=CONNECT_SECONDS)
        except OSError as error:
            raise BadInput(
                f"The meter at {where[0]}:{where[1]} cannot be reached ({error.strerror or error}).",
                hint="Start the program that sends its lines, and name its host and port.",
            ) from None
        self._socket.settimeout(0.2)
        self._thread = Thread(target=self._run, name="meter", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def samples(self) -> tuple[list[tuple[float, float]], str | None]:
        if not self._read:
            return [], self._reason or "the meter sent no line"
        shift = self._delay + self._offset_s
        return [(one.time_s + shift, one.power_mw) for one in self._read], self._reason

    def _run(self) -> None:
        assert self._socket is not None, "it is connected before the thread is started"
        rest, heard = b"", time.monotonic()
        while not self._ended.is_set() and self._reason is None:
            try:
                chunk = self._socket.recv(_CHUNK)
            except TimeoutError:
                if time.monotonic() - heard > SILENT_SECONDS:
                    self._reason = f"the meter sent nothing for {SILENT_SECONDS:g} s"
                continue
            except OSError as error:
                self._reason = f"the connection to the meter failed ({error.strerror or error})"
                return
            if not chunk:
                self._reason = "the meter closed the connection"
                return
            heard = time.monotonic()
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if not self._take(line, heard):
                    return
            if len(rest) > LONGEST_LINE:
                self._reason = f"the meter sent a line of more than {LONGEST_LINE} bytes"

    def _take(self, line: bytes, arrived: float) -> bool:
        """Keep the sample of a line. Returns False, with `_reason` set, if it is not one."""
        number = len(self._read) + 1
        if number > MOST_SAMPLES:
            self._reason = f"the meter sent more than {MOST_SAMPLES} lines; let it send fewer per second"
            return False
        try:
            words = line.decode("ascii").split() if len(line) <= LONGEST_LINE else []
            if len(words) != 2:
                raise BadSample("it is not `T_SECONDS POWER_MW`")
            last = self._read[-1].time_s if self._read else None
            one = meters.after(meters.sample(*words), last)
        except UnicodeDecodeError:
            self._reason = f"line {number} of the meter is not text"
            return False
        except BadSample as error:
            self._reason = f"line {number} of the meter is no sample: {error}"
            return False
        self._read.append(one)
        self._delay = min(self._delay, arrived - one.time_s)
        return True
