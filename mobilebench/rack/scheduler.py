"""The scheduler of a rack: Dask's scheduler behind a check of roles, and the desk for clients."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import distributed
from distributed.comm.addressing import get_address_host_port, unparse_host_port
from pydantic import ValidationError

from mobilebench.rack import certificates, security
from mobilebench.rack.desk import Desk
from mobilebench.rack.host_messages import AskReady, HostGreeting
from mobilebench.rack.job_list import JobList
from mobilebench.rack.jobs import run_job
from mobilebench.rack.messages import Ask, Cancel, Done, Submit
from mobilebench.rack.resources import resource_of
from mobilebench.rack.versions import refuse_skew
from mobilebench.rack.worker import ANSWER, GREETING, QUESTION, REFUSED

if TYPE_CHECKING:
    from mobilebench.rack.certificates import Credentials
    from mobilebench.rack.client import Address

_logger = logging.getLogger(__name__)

_BY_STREAM = {one.__name__ for one in (Submit, AskReady, Ask, Cancel, Done)}
_LONGEST_BY_STREAM = 256 << 10
"""Characters of a question."""


class DaskScheduler(distributed.Scheduler):
    """Dask's scheduler, which only schedulers and workers reach, and only with TLS.

    Args:
        address: where it listens.
        credentials: its certificate.
        dashboard: port of Dask's pages on this computer's loopback; None: there are none.
        jobs: file with the jobs that are not done.
    """

    def __init__(self, address: Address, credentials: Credentials, dashboard: int | None, jobs: Path) -> None:
        self._mobilebench_dashboard = dashboard
        self._mobilebench_security = security.dask_security(credentials)
        self._mobilebench_client: distributed.Client | None = None
        self._mobilebench_numbers = itertools.count()
        self._mobilebench_waiting: dict[int, tuple[str, asyncio.Future[str]]] = {}
        """Questions on streams: the number of each, whom it was asked, and its answer."""
        self.desk = Desk(self, JobList(jobs))
        super().__init__(
            host=address.host,
            port=address.port,
            protocol="tls",
            security=self._mobilebench_security,
            dashboard=dashboard is not None,
            dashboard_address=f"127.0.0.1:{dashboard or 0}",
            extensions={},
        )
        self.stream_handlers[ANSWER] = self.mobilebench_answer

    async def open_desk(self) -> None:
        """Begin to run jobs and to answer clients; the scheduler listens already."""
        self._mobilebench_client = await distributed.Client(
            self._from_here(), asynchronous=True, security=self._mobilebench_security, set_as_default=False
        )
        self.desk.start()

    async def send(self, address: str, name: str, text: str) -> str:
        """Ask the host at this address. Raises `OSError` when it cannot be reached.

        Questions about jobs, which are many, and of which some wait long, share the stream that Dask has to each
        worker. Others have connections of their own, so that nothing waits behind a part of a file.
        """
        if name in _BY_STREAM and len(text) <= _LONGEST_BY_STREAM:
            return await self._ask_by_stream(address, name, text)
        answer = await self.rpc(address).mobilebench_host(name=name, text=text)
        if not isinstance(answer, str):
            raise OSError("the host's answer is no text")
        return answer

    async def _ask_by_stream(self, address: str, name: str, text: str) -> str:
        number = next(self._mobilebench_numbers)
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        if address not in self.stream_comms:
            raise OSError("the host is not connected")
        self._mobilebench_waiting[number] = address, answer
        try:
            self.stream_comms[address].send({"op": QUESTION, "number": number, "name": name, "text": text})
            return await answer
        finally:
            del self._mobilebench_waiting[number]

    def mobilebench_answer(self, number: int, text: str, worker: str) -> None:
        """A host answers a question that came by its stream."""
        address, answer = self._mobilebench_waiting.get(number, ("", None))
        if answer is not None and address == worker and not answer.done() and isinstance(text, str):
            answer.set_result(text)

    async def place(self, host: str, serial: str, key: str, text: str) -> str:
        """Run a job on a phone as soon as Dask gives it one."""
        client = self._mobilebench_client
        if client is None:
            raise OSError("the scheduler is starting")
        future = client.submit(run_job, text, key=key, resources={resource_of(host, serial): 1}, pure=False)
        try:
            return str(await future)
        finally:
            future.release()

    async def add_worker(self, comm: Any, *, address: str, extra: dict[str, Any], **details: Any) -> None:
        try:
            greeting = HostGreeting.model_validate_json(str(extra.get(GREETING)))
        except ValidationError:
            await self._refuse(comm, address, "This is no worker of mobilebench.")
            return
        host = greeting.host
        name = certificates.name_of(comm.extra_info.get("peercert"))
        refused = refuse_skew(f"host {host}", greeting.version, greeting.protocol)
        if refused is not None:
            await self._refuse(comm, address, f"{refused.reason} {refused.hint}")
            return
        if name != host:
            await self._refuse(comm, address, f"Its certificate is that of {name}, not that of host {host}.")
            return
        before = self.desk.address_of(host)
        if before in self.workers and before != address:
            if before is not None and self._home_of(before) == greeting.home_id:
                await self.remove_worker(before, stimulus_id=f"host-returned-{host}", safe=True)
            else:
                await self._refuse(comm, address, f"Another worker of host {host} is connected already.")
                return
        registration = super().add_worker(comm, address=address, extra=extra, **details)
        serving = asyncio.ensure_future(registration)  # goes on until the worker is gone
        waiting = asyncio.ensure_future(self._until_known(address))
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not serving.done():
            await self.desk.connected(host, address)
        await serving

    async def remove_worker(self, address: str, **details: Any) -> Any:
        self.desk.disconnected(address)
        for asked, answer in self._mobilebench_waiting.values():
            if asked == address and not answer.done():
                answer.set_exception(OSError("the connection to the host is lost"))
        return await super().remove_worker(address, **details)

    async def listen(self, port_or_addr: Any = None, allow_offload: bool = True, **options: Any) -> None:
        await security.listen(
            self,
            port_or_addr,
            roles={"scheduler", "worker"},
            on_client=self.desk.talk,
            allow_offload=allow_offload,
            **options,
        )

    def start_http_server(self, *arguments: Any, **options: Any) -> None:
        if self._mobilebench_dashboard is not None:
            super().start_http_server(*arguments, **options)  # type: ignore[no-untyped-call]

    async def close_desk(self) -> None:
        """Stop answering clients and placing jobs."""
        await self.desk.close()
        if self._mobilebench_client is not None:
            await self._mobilebench_client.close()

    def _from_here(self) -> str:
        """Where this process reaches itself."""
        host, port = get_address_host_port(self.listen_address)
        here = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared
        return f"tls://{unparse_host_port(here, port)}"

    def _home_of(self, address: str) -> str | None:
        try:
            return HostGreeting.model_validate_json(str(self.workers[address].extra.get(GREETING))).home_id
        except ValidationError:
            return None

    async def _until_known(self, address: str) -> None:
        while address not in self.stream_comms:
            await asyncio.sleep(0.01)

    async def _refuse(self, comm: Any, address: str, sentence: str) -> None:
        _logger.warning("Refused the worker at %s: %s", address, sentence)
        await comm.write({"status": "error", "message": f"{REFUSED}{sentence}", "time": 0.0})


async def serve(
    address: Address,
    credentials: Credentials,
    folder: Path,
    *,
    dashboard: int | None,
    started: Callable[[DaskScheduler], None],
    stop: asyncio.Event,
) -> None:
    """Serve a rack until `stop` is set.

    Args:
        address: where to listen.
        credentials: the scheduler's certificate.
        folder: where its list of jobs is kept; it is made when it is missing.
        dashboard: port of Dask's pages on loopback; None: there are none.
        started: called once it listens.
        stop: set when it is to end.

    Raises:
        OSError: it cannot listen there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with dask.config.set(security.DASK_SETTINGS):
        scheduler = DaskScheduler(address, credentials, dashboard, folder / "jobs.jsonl")
        try:
            await scheduler
        except RuntimeError as error:
            if isinstance(error.__cause__, OSError):
                raise error.__cause__ from None
            raise
        try:
            await scheduler.open_desk()
            started(scheduler)
            await stop.wait()
        finally:
            await scheduler.close_desk()
            await scheduler.close(reason="mobilebench-stops")
