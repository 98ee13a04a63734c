"""A client of a rack: asks its scheduler one question after another, and connects again when the connection breaks.

It needs only TLS and JSON, not Dask. A client object is for one thread at a time; `another` makes one for another
thread.
"""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import mobilebench
from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.rack import certificates, messages, wire
from mobilebench.rack.certificates import Credentials
from mobilebench.rack.clocks import Asked, ClockOffset
from mobilebench.rack.messages import Answer, Question, Refused

_logger = logging.getLogger(__name__)

PORT = 8786
"""The scheduler's usual port."""
PATIENCE_S = 120.0
"""Seconds for which a question is asked again while the rack cannot be reached."""

_CONNECT_S = 10.0
_ANSWER_S = 60.0
"""Seconds within which an answer begins, beyond the question's own waiting."""
_REASON_S = 1.0
"""Seconds to wait for the reason of a connection that was closed."""
_PAUSES_S = (0.1, 0.3, 1.0, 2.0, 5.0)

AnswerType = TypeVar("AnswerType", bound=Answer)


class RackAway(MobilebenchError):
    """The scheduler, or the host that was asked, cannot be reached."""

    run_can_be_resumed = True


class RackRefused(BadInput):
    """The rack did not do what was asked.

    Args:
        answer: what it said.
    """

    def __init__(self, answer: Refused) -> None:
        super().__init__(answer.reason, hint=answer.hint)
        self.code = answer.code


@dataclass(frozen=True)
class Address:
    """Where a scheduler is."""

    host: str
    port: int = PORT

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tls://{host}:{self.port}"


def parse_address(text: str) -> Address:
    """The place that `tls://HOST[:PORT]` names.

    Raises:
        BadInput: it names none.
    """
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
        parts = urlsplit("")
    if parts.scheme != "tls" or not host or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise BadInput(f"“{text[:200]}” is no address of a rack.", hint=f"Write tls://HOST or tls://HOST:{PORT}.")
    return Address(host, port or PORT)


class RackClient:
    """A client of one rack; leaving the `with` block closes its connection.

    Args:
        address: where the scheduler is.
        credentials: this person's certificate.
        patience_s: seconds for which a question is asked again while the scheduler cannot be reached.
        cancelled: called while waiting; True ends the waiting.
    """

    def __init__(
        self,
        address: Address,
        credentials: Credentials,
        *,
        patience_s: float = PATIENCE_S,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self.address = address
        self.scheduler_id = ""
        """The scheduler that answered last; another one means that it was restarted."""
        self.clock: ClockOffset | None = None
        """The scheduler's clock against this computer's, when this connected last."""
        self._credentials = credentials
        self._patience_s = patience_s
        self._cancelled = cancelled
        self._connection: ssl.SSLSocket | None = None

    def another(self) -> RackClient:
        """A client of the same rack with a connection of its own."""
        return RackClient(self.address, self._credentials, patience_s=self._patience_s, cancelled=self._cancelled)

    def ask(self, question: Question, kind: type[AnswerType]) -> AnswerType:
        """Ask a question. While scheduler or host cannot be reached, it is asked again; every question may be.

        Args:
            question: the question.
            kind: the answer that is expected.

        Raises:
            RackAway: nobody answered for as long as this client is patient, or the waiting was cancelled.
            RackRefused: the rack refused.
            BadInput: the certificates do not fit, or the answer cannot be read.
        """
        answer = self.ask_any(question)
        if not isinstance(answer, kind):
            raise BadInput(f"The rack answered {type(answer).__name__} to {type(question).__name__}.")
        return answer

    def ask_any(self, question: Question) -> Answer:
        """As `ask`, for a question that has more than one answer."""
        deadline = time.monotonic() + self._patience_s
        tries = 0
        while True:
            try:
                answer = self._ask_once(question)
            except (OSError, EOFError) as error:
                self.close()
                _logger.debug("The rack did not answer.", exc_info=error)
                problem = RackAway(
                    f"The rack at {self.address} does not answer: {_why(error)}.",
                    hint="Does its scheduler run (`mobilebench rack scheduler`), and does a firewall let this through?",
                )
            else:
                if not isinstance(answer, Refused):
                    return answer
                if answer.code != "away":
                    raise RackRefused(answer)
                problem = RackAway(answer.reason, hint=answer.hint)
            pause = _PAUSES_S[min(tries, len(_PAUSES_S) - 1)]
            tries += 1
            if self._cancelled() or time.monotonic() + pause > deadline:
                raise problem
            time.sleep(pause)

    def close(self) -> None:
        """Close the connection; the next question opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OSError):
                connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask_once(self, question: Question) -> Answer:
        if self._connection is None:
            self._connection = self._connect()
            asked = Asked()
            welcome = self._exchange(messages.Hello(version=mobilebench.__version__, protocol=messages.PROTOCOL))
            if isinstance(welcome, Refused):
                self.close()
                return welcome
            if not isinstance(welcome, messages.Welcome):
                self.close()
                raise BadInput(f"The rack answered {type(welcome).__name__} to Hello.")
            self.scheduler_id = welcome.scheduler_id
            self.clock = asked.answered(welcome.now)
        return self._exchange(question)

    def _exchange(self, question: Question) -> Answer:
        connection = self._connection
        assert connection is not None
        connection.settimeout(_ANSWER_S + getattr(question, "wait_s", 0.0))
        try:
            _send(connection, wire.frame(f"{messages.name_of(question)} {messages.to_text(question)}"))
            (size,) = wire.HEADER.unpack(_receive(connection, wire.HEADER.size))
            if size > messages.LONGEST_ANSWER:
                raise BadInput(f"The rack's answer has {size} bytes, which is too long.")
            return messages.read_answer(_receive(connection, size).decode())
        except BaseException:
            self.close()  # the rest of the answer would be taken for the next one
            raise

    def _connect(self) -> ssl.SSLSocket:
        host = self.address.host
        context = _context(self._credentials)
        plain = socket.create_connection((host, self.address.port), timeout=_CONNECT_S)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection = context.wrap_socket(plain, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            plain.close()
            raise BadInput(
                f"The server at {self.address} did not prove that it is this rack's scheduler: {error.verify_message}.",
                hint=certificates.clock_hint(error.verify_message)
                or "Its certificate has to be of the same CA as this one, for this host name or address.",
            ) from error
        except BaseException:
            plain.close()
            raise
        if certificates.role_of(connection.getpeercert()) != "scheduler":
            connection.close()
            raise BadInput(f"The server at {self.address} is no scheduler.", hint="Name the scheduler's address.")
        return connection


def connect(address: str, folder: Path | None = None, **options: Any) -> RackClient:
    """A client for the rack at `tls://HOST:PORT`, with the certificate in this folder or the usual one.

    Raises:
        BadInput: the address or the certificate cannot be used.
    """
    return RackClient(parse_address(address), certificates.find("client", folder), **options)


def _context(credentials: Credentials) -> ssl.SSLContext:
    """TLS of a client: the server needs a certificate of the rack's CA for the name by which it is reached."""
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(credentials.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(credentials.certificate, credentials.key)
    except ssl.SSLError as error:
        raise BadInput(
            f"The certificate in {credentials.certificate.parent} cannot be used: {error.reason}.",
            hint="Certificate, key and ca.pem have to be those that were made together.",
        ) from error
    return context


def _send(connection: ssl.SSLSocket, content: bytes) -> None:
    try:
        connection.sendall(content)
    except (ssl.SSLError, ConnectionError):
        connection.settimeout(_REASON_S)
        with suppress(EOFError):
            _receive(connection, 1)  # raises what the peer said as it closed the connection
        raise


def _receive(connection: ssl.SSLSocket, size: int) -> bytearray:
    content = bytearray(size)
    view = memoryview(content)
    done = 0
    while done < size:
        count = connection.recv_into(view[done:])
        if not count:
            raise EOFError("the connection was closed")
        done += count
    return content


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        why = error.reason.lower().replace("_", " ")
        doubt = ""
        if "bad certificate" in why or "expired" in why:
            doubt = "; if its clock is wrong, a certificate that is valid here is not valid there"
        return f"it refused this certificate or connection ({why}){doubt}"
    if isinstance(error, TimeoutError):
        return "it took too long"
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".")
