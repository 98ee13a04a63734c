"""JSON RPC over one websocket with numbered commands, as used by DevTools and WebDriver BiDi."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Any

from mobilebench.core import log
from mobilebench.core.errors import BlockFailed

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

Message = dict[str, Any]
Notice = Callable[[Message], None]
"""Called with every message that is not an answer; raises `BlockFailed` if the message says the page is gone."""

MESSAGE_LIMIT = 128 * 1024 * 1024
"""Limit in bytes per message; answers have a few thousand, the largest legitimate one 20 million."""

_CANCEL_INTERVAL = 0.25
_CONNECT_TIMEOUT = 15.0
_TOO_BIG = 1009

_logger = logging.getLogger(__name__)


class Exchange:
    """Sends one command at a time; answers to earlier commands, and repeated answers, are ignored.

    Every method raises `BlockFailed` if the connection is cut, a message is invalid, too large or late, or the cancel
    event is set (then within a second).
    """

    def __init__(self, socket: ClientConnection, notice: Notice, cancel: Event | None = None) -> None:
        self._socket = socket
        self._notice = notice
        self._cancel = cancel
        self._number = 0

    def send(self, method: str, params: Message, session: str | None = None) -> int:
        """Send a command without waiting for its answer; return its number.

        `session` names a part of the page that DevTools keeps apart, such as a frame with a process of its own.
        """
        from websockets.exceptions import WebSocketException

        self._number += 1
        to = {} if session is None else {"sessionId": session}
        try:
            self._socket.send(json.dumps({"id": self._number, "method": method, "params": params, **to}))
        except (WebSocketException, OSError) as error:
            raise cut(error) from error
        return self._number

    def ask(self, method: str, params: Message, timeout: float, late: str, session: str | None = None) -> Message:
        """Send a command and return its whole answer; `late` is the error message for an answer that is late."""
        with log.timed(_logger, method) as outcome:
            number = self.send(method, params, session)
            deadline = time.monotonic() + timeout
            while (message := self._receive(deadline, late)).get("id") != number:
                self._notice(message)
            outcome.append("an error" if "error" in message else "an answer")
        return message

    def listen(self, done: Callable[[], bool], timeout: float, late: str | None = None) -> None:
        """Handle messages until `done`. Without the message `late`, the end of the time is not a failure."""
        deadline = time.monotonic() + timeout
        while not done():
            try:
                message = self._receive(deadline, late or "")
            except _Late:
                if late is None:
                    return
                raise
            self._notice(message)

    def _receive(self, deadline: float, late: str) -> Message:
        from websockets.exceptions import WebSocketException

        while True:
            if self._cancel is not None and self._cancel.is_set():
                raise BlockFailed("The block was cancelled.")
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise _Late(late)
            try:
                text = self._socket.recv(timeout=min(remaining, _CANCEL_INTERVAL))
            except TimeoutError:
                continue
            except (WebSocketException, OSError) as error:
                raise cut(error) from error
            message = parse_message(text)
            if "id" not in message:
                _logger.debug("event %s of %d bytes", str(message.get("method"))[:100], len(text))
            return message


class _Late(BlockFailed):
    """No message came in time."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, fault="hang")


@contextmanager
def connected(address: str, notice: Notice, cancel: Event | None = None) -> Iterator[Exchange]:
    """Open an exchange over the websocket at `address`, without proxies because it is on loopback."""
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import connect

    try:
        socket = connect(
            address,
            max_size=MESSAGE_LIMIT,
            compression=None,
            open_timeout=_CONNECT_TIMEOUT,
            close_timeout=1,
            ping_interval=None,
            proxy=None,
        )
    except (WebSocketException, OSError) as error:
        raise cut(error) from error
    with socket:
        yield Exchange(socket, notice, cancel)


def parse_message(text: str | bytes) -> Message:
    """Parse one message. Raises `BlockFailed` if it is not a JSON object."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BlockFailed("The browser sent something that is not JSON.", fault="bad answer") from error
    if not isinstance(message, dict):
        raise BlockFailed("The browser sent JSON that is not an object.", fault="bad answer")
    return message


def cut(error: Exception) -> BlockFailed:
    """The failure that a broken connection means."""
    sent = getattr(error, "sent", None)
    if getattr(sent, "code", None) == _TOO_BIG:
        return too_much(f"more than {MESSAGE_LIMIT // 1024 // 1024} MB")
    return BlockFailed(
        f"The connection to the browser was cut ({type(error).__name__}).",
        hint="The browser was closed or killed, or the phone was unplugged.",
        fault="cut connection",
    )


def too_much(how_much: str) -> BlockFailed:
    """The failure of a page whose answer is too large."""
    return BlockFailed(f"The page's answer is too large for a measurement: {how_much}.", fault="bad answer")


def first_line(text: Any) -> str:
    """An exception's first line, at most 500 characters."""
    lines = str(text or "").strip().splitlines()
    return lines[0][:500] if lines else "unknown exception"
