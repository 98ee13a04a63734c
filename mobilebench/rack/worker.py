"""The worker of a rack on one host: connects the host to the scheduler, again and again until it is stopped."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import dask
import distributed
from distributed.comm.core import connect

import mobilebench
from mobilebench.core.errors import BadInput
from mobilebench.rack import certificates, jobs, security
from mobilebench.rack.client import Address
from mobilebench.rack.host_messages import HostGreeting
from mobilebench.rack.messages import PROTOCOL, to_text
from mobilebench.rack.resources import resource_of

if TYPE_CHECKING:
    from mobilebench.rack.certificates import Credentials
    from mobilebench.rack.host import Host

_logger = logging.getLogger(__name__)

GREETING = "mobilebench"
"""Name of the host's greeting among what Dask's worker says when it registers."""
QUESTION, ANSWER = "mobilebench-question", "mobilebench-answer"
"""Messages on the stream between scheduler and worker, which takes no further connection."""
REFUSED = "mobilebench: "
"""Start of the scheduler's message when it refuses a host."""

_CONNECT_S = 10.0
_START_S = 60.0
_PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0)
_NAMED = 12
"""How many phones a line names."""
_JOBS_AT_ONCE = 10_000
"""More than a host has phones; each job has a thread of its own, so Dask's limit on threads means nothing here."""


class DaskWorker(distributed.Worker):
    """Dask's worker, which only the scheduler reaches, and only with TLS. It serves no web pages.

    Args:
        host: what it offers.
    """

    def __init__(self, address: Address, credentials: Credentials, host: Host, listen: str) -> None:
        self._mobilebench_host = host
        super().__init__(
            str(address),
            nthreads=_JOBS_AT_ONCE,
            name=f"{host.name} {host.home_id[:8]}",
            security=security.dask_security(credentials),
            host=f"tls://{listen}",
            port=0,
            resources=_resources(host),
            memory_limit=0,
            death_timeout=_START_S,
            extensions={},
            startup_information={GREETING: lambda _: to_text(_greeting(host))},
        )
        self.handlers["mobilebench_host"] = self.mobilebench_host
        self.stream_handlers[QUESTION] = self.mobilebench_question
        self._mobilebench_answering: set[asyncio.Task[None]] = set()

    async def mobilebench_host(self, name: str, text: str) -> str:
        """Answer the scheduler's question in JSON text."""
        return await self._mobilebench_host.answer(name, text)

    def mobilebench_question(self, number: int, name: str, text: str) -> None:
        """Answer a question that came by the stream, as soon as the answer is known."""

        async def answer() -> None:
            self.batched_send({"op": ANSWER, "number": number, "text": await self.mobilebench_host(name, text)})

        task = asyncio.get_running_loop().create_task(answer())
        self._mobilebench_answering.add(task)
        task.add_done_callback(self._mobilebench_answering.discard)

    async def offer(self) -> None:
        """Tell Dask of phones that appeared."""
        fresh = {name: one for name, one in _resources(self._mobilebench_host).items() if name not in self._known()}
        if fresh:
            await self.set_resources(**fresh)

    def _known(self) -> dict[str, float]:
        return self.state.total_resources

    async def listen(self, port_or_addr: Any = None, allow_offload: bool = True, **options: Any) -> None:
        await security.listen(self, port_or_addr, roles={"scheduler"}, allow_offload=allow_offload, **options)
        self._mobilebench_host.address = self.address

    def start_http_server(self, *_: Any, **__: Any) -> None:
        """No web server: the scheduler's shows the workers."""


async def work(
    address: Address,
    credentials: Credentials,
    host: Host,
    *,
    listen: str | None,
    changed: asyncio.Event,
    say: Callable[[str], None],
    stop: asyncio.Event,
) -> None:
    """Serve a host until `stop` is set, and connect again whenever the connection is lost.

    Args:
        address: where the scheduler is.
        credentials: the host's certificate.
        host: what is served.
        listen: address of this host at which the scheduler reaches it; None: the one that leads to the scheduler.
        changed: set when phones appeared.
        say: called with a sentence whenever the standing of the connection changed.
        stop: set when the worker is to end.

    Raises:
        BadInput: the scheduler refused this host when it connected for the first time.
    """
    jobs.serve(host)
    tries = 0
    was_connected = False
    said = ""
    with dask.config.set(security.DASK_SETTINGS):
        while not stop.is_set():
            try:
                await _serve_once(address, credentials, host, listen, changed, say, stop)
                was_connected, tries, said = True, 0, ""
                if not stop.is_set():
                    say(f"The connection to {address} is lost; jobs go on, and the worker connects again.")
            except _Refused as refused:
                if not was_connected:
                    raise BadInput(str(refused), hint="Nothing of this host was offered.") from refused
                if str(refused) != said:
                    said = str(refused)
                    say(f"{refused} The worker tries again.")
            except Exception as error:
                _logger.debug("The scheduler cannot be reached.", exc_info=error)
                if not said:
                    said = f"The scheduler at {address} cannot be reached ({_why(error)}); the worker tries again."
                    say(said)
            pause = _PAUSES_S[min(tries, len(_PAUSES_S) - 1)]
            tries += 1
            await _first_of(stop.wait(), asyncio.sleep(pause))


class _Refused(Exception):
    """The scheduler does not want this host."""


async def _serve_once(
    address: Address,
    credentials: Credentials,
    host: Host,
    listen: str | None,
    changed: asyncio.Event,
    say: Callable[[str], None],
    stop: asyncio.Event,
) -> None:
    """Connect, and serve until the connection is lost or `stop` is set."""
    await _reach(address, credentials)
    worker = DaskWorker(address, credentials, host, listen or address_towards(address))
    try:
        await worker
    except RuntimeError as error:
        reason = str(error.__cause__ or "")
        if REFUSED in reason:
            raise _Refused(reason.partition(REFUSED)[2].partition("\n")[0]) from error
        raise
    say(f"Connected to {address} as {host.name}, at {worker.address}.")
    offered: tuple[str, ...] | None = None
    lost = asyncio.ensure_future(worker.finished())  # type: ignore[no-untyped-call]
    stopping = asyncio.ensure_future(stop.wait())
    try:
        while not lost.done() and not stopping.done():
            changed.clear()
            await worker.offer()
            if (serials := tuple(host.serials())) != offered:
                say(_offer_in_words(serials))
                offered = serials
            noticed = asyncio.ensure_future(changed.wait())
            await asyncio.wait({lost, stopping, noticed}, return_when=asyncio.FIRST_COMPLETED)
            noticed.cancel()
    finally:
        stopping.cancel()
        lost.cancel()
        await worker.close(executor_wait=False, nanny=False)


async def _reach(address: Address, credentials: Credentials) -> None:
    """Try whether a scheduler of this rack is there, because Dask's worker waits for it without a word."""
    options = security.dask_security(credentials).get_connection_args("worker")
    comm = await connect(str(address), timeout=_CONNECT_S, **options)
    try:
        role = certificates.role_of(comm.extra_info.get("peercert"))
    finally:
        await comm.close()
    if role != "scheduler":
        raise _Refused(f"The server at {address} is no scheduler.")


def address_towards(address: Address) -> str:
    """This host's address on the way to the scheduler."""
    family, kind, protocol, _, place = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as trial:
        trial.connect(place)
        found = str(trial.getsockname()[0])
    return f"[{found}]" if ":" in found else found


def _resources(host: Host) -> dict[str, float]:
    return {resource_of(host.name, serial): 1.0 for serial in host.serials()}


def _offer_in_words(serials: Sequence[str]) -> str:
    if not serials:
        return "No phone is seen here yet; those that appear are offered."
    others = len(serials) - _NAMED
    names = ", ".join(serials[:_NAMED]) + (f" and {others} more" if others > 0 else "")
    return f"{len(serials)} phone{'' if len(serials) == 1 else 's'} on offer: {names}."


def _greeting(host: Host) -> HostGreeting:
    return HostGreeting(host=host.name, home_id=host.home_id, version=mobilebench.__version__, protocol=PROTOCOL)


async def _first_of(*waits: Any) -> None:
    tasks = [asyncio.ensure_future(one) for one in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for one in tasks:
        one.cancel()


def _why(error: BaseException) -> str:
    """The system's reason if it is among the causes of an error, such as `Connection refused`; else what it says."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.rstrip(".")
        cause = cause.__cause__ or cause.__context__
    return (
        "no connection in time" if isinstance(error, TimeoutError) else str(error).rstrip(".") or type(error).__name__
    )
